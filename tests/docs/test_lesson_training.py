"""The lesson on training shows by how much each mistake changes the numbers."""

import pytest

from tests.docs.lessons import run_lesson


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # imshow
def test_the_lesson_on_training(tmp_path):
    names, _ = run_lesson("training", tmp_path)
    for history in names["histories"].values():
        assert history[-1][3] > 0.95
    assert max(names["wrong"]) > min(names["wrong"])  # dropout on: a number for each run
    assert sum(names["wrong"]) / 20 < names["right"]
    assert names["by_class"] < 0.7 < 0.95 < names["shuffled"]
    # The notes' sums over batches, divided by the number of test images.
    assert len(names["train_means"]) == 1257 // 128
    assert sum(names["train_means"]) / 360 < names["true_train"][0] / 20
    assert names["train_hits"] <= 128 * (1257 // 128) < 1257
    score = names["score"]
    assert score["shift"].mean() > score["none"].mean() > score["flip"].mean()
    assert score[True].mean() > score[False].mean()  # batch norm
    assert max(names["moved"]) < names["clean"]  # a test set must not be augmented
    assert names["before"] == names["after"]  # in another process
    assert names["forgotten"] < 0.5  # without normalization
    seeds = names["seeds"]
    assert 0.96 < seeds["fashion_dnn"].mean() < seeds["fashion_cnn"].mean()
