"""Numbers, durations and counts as text."""

from __future__ import annotations

from gnnvision.training.measures import IN_PERCENT, format_score, metric_name

__all__ = [
    "amount",
    "capitalized",
    "duration",
    "metric_label",
    "metric_name",
    "plural",
    "scale",
    "sentence",
]


def scale(metric: str) -> float:
    """The factor by which a value is multiplied for display: 100 for a percentage."""
    return 100.0 if metric in IN_PERCENT else 1.0


def metric_label(metric: str, unit: str = "") -> str:
    """The label of an axis, with the unit.

    Args:
        metric: its name in `result.json`.
        unit: of the targets, which RMSE and MAE have too; empty if there is none.
    """
    own = "%" if metric in IN_PERCENT else unit if metric in ("rmse", "mae") else ""
    return f"{metric_name(metric)} ({own})" if own else metric_name(metric)


def amount(metric: str, value: float) -> str:
    """One value: "81.5 %", "0.612" or "undefined"."""
    return format_score(metric, value)


def plural(count: int, word: str) -> str:
    """A count with its noun: "1 seed", "2,708 nodes", "7 classes"."""
    ending = "" if count == 1 else "es" if word.endswith("s") else "s"
    return f"{count:,} {word}{ending}"


def duration(seconds: float) -> str:
    """A time: "0.42 s", "38 s", "3 min 20 s"."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def sentence(note: str) -> str:
    """A remark as a sentence: with a capital letter and one full stop."""
    return f"{capitalized(note).rstrip('.')}."


def capitalized(text: str) -> str:
    """The text with a capital letter at its start; the other letters stay as they are."""
    return text[:1].upper() + text[1:]
