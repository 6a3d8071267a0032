"""What a run says of itself where there is no terminal."""

import pytest

from gnnvision.training import progress
from gnnvision.training.progress import Reporter


def said(capfd, took, seeds):
    """The lines of two epochs that took so long each, with two to go of each seed."""
    with pytest.MonkeyPatch.context() as patch:
        clock = iter([0.0] + [t for n in (1, 2) for t in (n * took, n * took)])
        patch.setattr(progress.time, "monotonic", lambda: next(clock))
        with Reporter(True, seeds, 4) as reporter:
            for epoch in (1, 2):
                reporter.epoch(0, 7, {"epoch": epoch, "train_loss": 0.5})
            reporter.seed(0, 7, "test 0.9")
    return capfd.readouterr().err.splitlines()


def test_short_epochs_of_one_seed(capfd):
    assert said(capfd, 0.1, 1) == [
        "epoch    1  train loss 0.5000",
        "epoch    2  train loss 0.5000",
    ]


def test_short_epochs_of_several_seeds_are_not_worth_a_line(capfd):
    assert said(capfd, 0.1, 3) == ["seed 7 (1 of 3): test 0.9"]


@pytest.mark.parametrize(("seeds", "left"), [(1, 3), (2, 7)])
def test_long_epochs_say_the_time_left_of_all_seeds(capfd, seeds, left):
    first = said(capfd, 60.0, seeds)[0]
    assert first.endswith(f"train loss 0.5000  60 s an epoch, {left} min left")
    assert first.startswith("seed 7 (1 of 2), epoch" if seeds == 2 else "epoch")
