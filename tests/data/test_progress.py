import pytest

from gnnvision.data import progress


def test_without_a_terminal_a_line_comes_now_and_then(capsys, monkeypatch):
    clock = iter([0.0, 4.0, 12.0, 13.0, 25.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.progress("features", 2400) as advance:
        for count in (400, 800, 100, 700):
            advance(count)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "features: 1,200 of 2,400, 100 per second, 12 s left",
        "features: 2,000 of 2,400, 80 per second, 5 s left",
    ]


def test_short_work_says_nothing(capsys):
    with progress.progress("features", 3) as advance:
        advance(3)
    assert capsys.readouterr().err == ""


def test_an_error_is_not_hidden():
    with pytest.raises(ValueError, match="bad"), progress.progress("features", 3):
        raise ValueError("bad")
