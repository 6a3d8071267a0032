import pytest

from gnnvision import explain


def test_names_of_version_0_1_still_work():
    assert explain.cascade is explain.cascading_randomization
    assert explain.randomized is explain.randomize_weights
    assert explain.depths is explain.layers_by_depth
    assert explain.reaches is explain.receptive_field_sizes
    assert (explain.over_inputs, explain.OverInputs) == (explain.mean_gains, explain.MeanGains)
    with pytest.raises(AttributeError, match="has no attribute 'answers'"):
        explain.answers  # noqa: B018
