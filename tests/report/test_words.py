import pytest

from gnnvision.report.words import metric_label, sentence


@pytest.mark.parametrize("note", ["made larger", "Made larger.", "made larger."])
def test_a_remark_becomes_a_sentence(note):
    assert sentence(note) == "Made larger."


def test_the_label_of_an_axis_has_the_unit():
    assert metric_label("accuracy", "log mol/L") == "accuracy (%)"
    assert metric_label("rmse", "log mol/L") == "RMSE (log mol/L)"
    assert metric_label("rmse") == "RMSE"
    assert metric_label("r2", "log mol/L") == "R²"
