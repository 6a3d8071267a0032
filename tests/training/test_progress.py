"""What the terminal shows of a run, and the lines where there is none."""

import io
import signal

import pytest
from rich.console import Console

from gnnvision.training import progress
from gnnvision.training.progress import Reporter, stop_on_signal


def lines_of(capfd, took, seeds):
    """The lines of two epochs of so many seconds, with two more to come of each seed."""
    with pytest.MonkeyPatch.context() as patch:
        clock = iter([0.0, took, 2 * took])
        patch.setattr(progress.time, "monotonic", lambda: next(clock, 2 * took))
        patch.setattr(Reporter, "_update", lambda *_: None)
        with Reporter(True, seeds, 4) as reporter:
            for epoch in (1, 2):
                reporter.epoch(0, 7, {"epoch": epoch, "train_loss": 0.5, "val_accuracy": 0.25})
            reporter.seed(0, 7, "test 0.9")
    return capfd.readouterr().err.splitlines()


def test_short_epochs_of_one_seed(capfd):
    assert lines_of(capfd, 0.1, 1) == [
        "epoch  training loss  validation accuracy",
        "    1         0.5000               25.0 %",
        "    2         0.5000               25.0 %",
    ]


def test_short_epochs_of_several_seeds_have_no_line(capfd):
    assert lines_of(capfd, 0.1, 3) == ["seed 7 (1 of 3): test 0.9"]


@pytest.mark.parametrize(("seeds", "left"), [(1, 3), (2, 7)])
def test_long_epochs_have_the_time_left_of_all_seeds(capfd, seeds, left):
    lines = lines_of(capfd, 60.0, seeds)
    assert lines[0] == (
        "epoch  training loss  validation accuracy" if seeds == 1 else "seed 7 (1 of 2)"
    )
    assert lines[seeds].endswith(f"25.0 %  60 s an epoch, {left} min left")


@pytest.mark.parametrize("width", [50, 60, 80, 120])
@pytest.mark.parametrize("seeds", [1, 10])
def test_the_bar_has_room_on_a_terminal(width, seeds):
    out = io.StringIO()
    with Reporter(True, seeds, 200) as reporter:
        reporter.console = Console(
            file=out, force_terminal=True, width=width, legacy_windows=False
        )
        reporter.__enter__()
        reporter._rate = "12,345 items/s"
        for epoch in range(1, 124):
            row = {"epoch": epoch, "train_loss": 0.5, "val_loss": 0.5, "val_accuracy": 0.25}
            reporter.epoch(seeds - 1, 7, row)
        reporter._next_update = 0.0
        reporter.step(seeds - 1, 7, 122, 1, 2)
        reporter._bar.refresh()
        reporter.__exit__()
    text = out.getvalue()
    shown = [line for line in text.split("\n") if "epoch 123/200" in line][-1]
    assert shown.count("━") + shown.count("╸") + shown.count("╺") >= 12
    assert ("12,345 items/s" in shown) == (width >= 80)
    assert text.count("25.0 %") == (123 if seeds == 1 else 0)  # a line an epoch stays


def test_signals_that_torchrun_passes_on_are_one_request(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.setenv(name, "2")
    with stop_on_signal() as stop:
        for _ in range(3):
            signal.raise_signal(signal.SIGTERM)
        assert stop.requested
        monkeypatch.setattr(stop, "_until", 0.0)  # ten seconds later
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
