import numpy as np
import pytest

import gnnvision as gv
from gnnvision.transfer import with_few_labels


@pytest.fixture(scope="module")
def task():
    return gv.data.load("bioactivity")


def test_few_train_and_the_test_part_stays(task):
    few = with_few_labels(task, 30)
    for seed in range(3):
        whole, small = task.with_seed(seed).split, few.with_seed(seed).split
        assert small.sizes == {"train": 30, "val": 0, "test": len(whole.test)}
        assert np.isin(small.train, whole.train).all()
        assert (small.test == whole.test).all()
        # The very molecules that fewer labels have are among those of more.
        more = with_few_labels(task, 60).with_seed(seed).split
        assert np.isin(small.train, more.train).all()
    drawn = {few.with_seed(seed).split.hash for seed in range(3)}
    assert len(drawn) == 3
    assert few.split == few.with_seed(0).split


@pytest.mark.parametrize("labels", [0, 100_000])
def test_so_many_there_must_be(task, labels):
    most = len(task.split.train)
    with pytest.raises(
        ValueError, match=f"'labels' must be from 1 to {most}, got {labels}. The training"
    ):
        with_few_labels(task, labels)
