"""The outcome of a sweep: its trials, and the result of the best settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gnnvision._extras import missing
from gnnvision.training.folder import write_csv, write_json
from gnnvision.training.measures import format_stats, metric_name, rank
from gnnvision.training.result import Result
from gnnvision.training.search_space import Choices, Range, Value
from gnnvision.training.studies import Trial, importance

__all__ = ["Sweep", "ranked", "setting_word", "settings_text"]


@dataclass
class Sweep:
    """The outcome of a sweep.

    Args:
        folder: of the sweep.
        space: the settings that vary.
        metric: the metric of the validation split that compares trials.
        higher_is_better: whether a higher value of it is better.
        seeds: of each trial.
        trials: all trials, in the order of their numbers.
        result: of the best settings, trained again with seeds of their own.
    """

    folder: Path
    space: Mapping[str, Range | Choices]
    metric: str
    higher_is_better: bool
    seeds: Sequence[int]
    trials: Sequence[Trial]
    result: Result

    @property
    def ranked(self) -> list[Trial]:
        """The complete trials, the best validation score first."""
        return ranked(self.trials, self.higher_is_better)

    @property
    def failed(self) -> list[Trial]:
        """The trials without a score."""
        return [trial for trial in self.trials if trial.reason]

    @property
    def best(self) -> Trial:
        """The trial with the best validation score; of equal scores the lower loss."""
        return self.ranked[0]

    def importance(self) -> dict[str, float]:
        """How much each setting has to do with the scores: shares that sum to 1.

        They are the shares in the decrease of the variance by the splits of a random forest. Empty
        if fewer than twenty trials are complete, or without scikit-learn.
        """
        if missing("report", "sklearn"):
            return {}
        return importance(self.trials, self.space, self.higher_is_better)

    def summary(self) -> str:
        """The best settings, their validation score, and the test score of their own run."""
        best, count = self.best, len(self.seeds)
        name = metric_name(self.metric)
        failed = f", {len(self.failed)} of them failed" if self.failed else ""
        lines = [
            f"best of {len(self.trials)} trials{failed}: trial {best.number}, "
            f"{settings_text(best.settings)}",
            f"validation {name} {format_stats(self.metric, best.stats, count)}: the best of many, "
            "so rather too good",
        ]
        return "\n".join([*lines, "", self.result.summary()])

    def write_tables(self) -> None:
        """Write `trials.csv` and `trials.json` into the folder, the best trial first."""
        ordered = [*self.ranked, *self.failed]
        write_csv(self.folder / "trials.csv", [_row(trial, self.metric) for trial in ordered])
        write_json(
            self.folder / "trials.json",
            {
                "metric": self.metric,
                "higher_is_better": self.higher_is_better,
                "seeds": list(self.seeds),
                "settings": {name: one.to_text() for name, one in self.space.items()},
                "importance": self.importance(),
                "trials": [
                    {
                        "number": t.number, "settings": dict(t.settings), "mean": t.score,
                        "std": t.stats["std"], "scores": list(t.scores), "seconds": t.seconds,
                        "reason": t.reason, "host": t.host,
                    }
                    for t in ordered
                ],
            },
        )  # fmt: skip

    def report(self, command: str = "") -> Path:
        """Write `report.html` and its figures into the folder, and return its path.

        Args:
            command: the command line that trains the best settings, for the page.
        """
        import gnnvision  # reports are built on results: only the package knows both

        return gnnvision.report.write_sweep(self, command)


def ranked(trials: Sequence[Trial], higher: bool) -> list[Trial]:
    """The complete trials, the best score first; of equal scores the lower loss."""
    complete = [trial for trial in trials if not trial.reason]
    return sorted(
        complete, key=lambda t: (*rank(t.score, t.loss, higher), -t.number), reverse=True
    )


def settings_text(settings: Mapping[str, Value]) -> str:
    """Settings as a command line writes them: "lr=0.01 hidden=32"."""
    return " ".join(f"{name}={setting_word(value)}" for name, value in settings.items())


def setting_word(value: Value) -> str:
    """A value as a command line writes it."""
    return (
        "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    )


def _row(trial: Trial, metric: str) -> dict[str, Any]:
    stats = trial.stats
    return {
        "trial": trial.number,
        **{name: setting_word(value) for name, value in trial.settings.items()},
        f"val_{metric}_mean": "" if trial.reason else stats["mean"],
        f"val_{metric}_std": "" if stats["std"] is None else stats["std"],
        "seconds": trial.seconds,
        "status": "failed" if trial.reason else "complete",
        "reason": trial.reason,
    }
