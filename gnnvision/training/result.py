"""What a run leaves: numbers over seeds, the model that validation chose, and its history."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from gnnvision._version import __version__
from gnnvision.data import Task
from gnnvision.training.measures import UNDEFINED, json_ready, rank, spread
from gnnvision.training.objective import objective
from gnnvision.training.recipe import Recipe

__all__ = ["Outcome", "Result", "versions"]

PARTS = ("train", "val", "test")


@dataclass
class Outcome:
    """One seed's run.

    Args:
        seed: the seed.
        epochs: how many epochs were run.
        best_epoch: the epoch that was kept, from 1.
        metrics: part -> metric -> value, of the kept epoch's model; accuracies are fractions.
            NaN where one is undefined; empty for an empty part.
        seconds: time spent on this seed.
        history: a row for each epoch: epoch, train and validation loss and score; both losses
            without label smoothing and weight decay.
        split_hash: of the split this seed saw.
        target: the known targets of the test part.
        prediction: what the kept model says for them.
        waited: seconds of the training that were spent waiting for batches.
        remarks: part -> metric -> why it is undefined, or over what alone it is a mean.
        stages: where the training went in stages, as fine-tuning does: the first epoch of each,
            from 1, and what is trained in it.
    """

    seed: int
    epochs: int
    best_epoch: int
    metrics: dict[str, dict[str, float]]
    seconds: float
    history: list[dict[str, float]]
    split_hash: str
    target: Tensor
    prediction: Tensor
    waited: float = 0.0
    remarks: dict[str, dict[str, str]] = field(default_factory=dict)
    stages: list[tuple[int, str]] = field(default_factory=list)


@dataclass
class Result:
    """What `fit` returns.

    Args:
        task: what was learned, with the split of the best seed; on the device that trained.
        recipe: what was asked for.
        model: the model of the best seed, with the weights of its kept epoch; on that device.
        outcomes: one for each seed.
        metric: the score by which epochs and seeds were compared on the validation part.
        higher_is_better: whether a higher score is better.
        device: where it was trained.
        precision: of the arithmetic.
        compiled: whether the training step was compiled.
        threads: of the CPU, in training; small work gets one.
        train_seconds: time spent in training, over all seeds.
        data_seconds: time spent on loading the data, if the caller measured it.
        folder: the run folder, if there is one.
        notes: lines for the report, at its very top: what nobody may overlook about the run.
        facts: more of the report's first table: a word and a sentence each.
    """

    task: Task
    recipe: Recipe
    model: nn.Module
    outcomes: list[Outcome]
    metric: str
    higher_is_better: bool
    device: str
    precision: str
    compiled: bool
    threads: int
    train_seconds: float
    data_seconds: float = 0.0
    folder: Path | None = None
    notes: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)

    # What writes the report, if not the package's own `report`.
    writer: ClassVar[Callable[[Result], Path] | None] = None

    @property
    def best(self) -> Outcome:
        """The seed with the best validation score, then the lowest validation loss.

        The first seed where there is no validation part to choose by.
        """
        return best_outcome(self.outcomes, self.metric, self.higher_is_better)

    @property
    def selection(self) -> str:
        """In words, how the kept epoch was chosen."""
        if self.recipe.checkpoint_selection == "last":
            return "last epoch"
        scores = self.values("val", self.metric)
        undefined = sum(map(math.isnan, scores))
        if self.recipe.checkpoint_selection == "loss" or undefined == len(scores):
            out = "epoch with the lowest validation loss"
        else:
            direction = "highest" if self.higher_is_better else "lowest"
            out = f"epoch with the {direction} validation {self.metric}, then lowest loss"
        if self.recipe.checkpoint_selection == "score" and undefined:
            where = "" if undefined == len(scores) else f" for {undefined} of {len(scores)} seeds"
            out += f" (validation {self.metric} is undefined{where})"
        return out

    def values(self, part: str, metric: str) -> list[float]:
        """One number for each seed; NaN where it is undefined, or the part is empty."""
        return [outcome.metrics[part].get(metric, math.nan) for outcome in self.outcomes]

    @property
    def metric_names(self) -> list[str]:
        """The names of all metrics, in the order of tables."""
        held = (outcome.metrics[part] for part in reversed(PARTS) for outcome in self.outcomes)
        return list(next(filter(None, held), {}))

    def remarks(self) -> list[str]:
        """A sentence for each metric that is undefined, or a mean over some classes alone."""
        out: dict[str, list[str]] = {}
        for outcome in self.outcomes:
            for part in PARTS:
                whys = outcome.remarks.get(part, {})
                for why in dict.fromkeys(whys.values()):
                    held = [name for name in whys if whys[name] == why]
                    lost = all(math.isnan(outcome.metrics[part][name]) for name in held)
                    verb = "is" if len(held) == 1 else "are"
                    said = f"{verb} undefined: {why}" if lost else f"{verb} {why}"
                    out.setdefault(f"{part} {', '.join(held)} {said}", []).append(
                        str(outcome.seed)
                    )
        count = len(self.outcomes)
        return [
            text if len(seeds) == count else f"{text} (seed {', '.join(seeds)})"
            for text, seeds in out.items()
        ]

    def metrics(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Part -> metric -> mean, (unbiased) std, values over the seeds.

        The std of fewer than two values is None; a mean of none is NaN.
        """
        out: dict[str, dict[str, dict[str, Any]]] = {}
        for part in PARTS:
            names = dict.fromkeys(n for outcome in self.outcomes for n in outcome.metrics[part])
            out[part] = {name: spread(self.values(part, name)) for name in names}
        return out

    def ensemble(self) -> float | None:
        """The test score of all seeds' models together: of the mean of their predictions.

        None for a single seed, for classes, of which there is no mean, and where every seed has
        a test part of its own.
        """
        same = len({outcome.split_hash for outcome in self.outcomes}) == 1
        several = len(self.outcomes) > 1 and len(self.outcomes[0].target) > 0
        if not several or not same or self.task.kind == "classification":
            return None
        mean = torch.stack([outcome.prediction for outcome in self.outcomes]).mean(0)
        return objective(self.task).score(mean, self.outcomes[0].target)

    def interval(self) -> str:
        """How many test items the kept model has right, with Wilson's 95 % interval.

        Raises:
            ValueError: if the task is not to tell classes.
        """
        from scipy.stats import binomtest

        if self.task.kind != "classification":
            raise ValueError(
                f"'task' must be to tell classes, got {self.task.kind}. Read metrics() instead."
            )
        best = self.best
        right, count = int((best.prediction == best.target).sum()), len(best.target)
        if not count:
            return f"{UNDEFINED.capitalize()}: no label of a test item is known."
        low, high = binomtest(right, count).proportion_ci(0.95, method="wilson")
        return (
            f"The kept model, of seed {best.seed}, has {right} of {count} test items right: "
            f"{100 * right / count:.1f} %, "
            f"95 % interval {100 * low:.1f} to {100 * high:.1f} % (Wilson)."
        )

    def summary(self) -> str:
        """A table of the metrics, mean ± standard deviation over the seeds."""
        count = len(self.outcomes)
        seeds = "1 seed" if count == 1 else f"{count} seeds, mean ± std"
        hashes = {outcome.split_hash for outcome in self.outcomes}
        split = f"{len(hashes)} {self.task.split_name} splits"
        if len(hashes) == 1:
            split = f"{self.task.split_name} split {hashes.pop()[:8]}"
        views = getattr(self.task, "test_views", "none")
        seen = "" if views == "none" else f", mean output over test views ({views})"
        lines = [f"{self.task.card.title}, {split}, {seeds}, {self.selection}{seen}"]
        table = self.metrics()
        names = self.metric_names
        lines.append(f"{'':8}" + "".join(f"{name:>18}" for name in names))
        for part in PARTS:
            missing = "" if table[part] else "none held out"
            cells = [
                shown(name, table[part][name], count) if name in table[part] else missing
                for name in names
            ]
            lines.append(f"{part:8}" + "".join(f"{cell:>18}" for cell in cells))
        if (together := self.ensemble()) is not None:
            figure = shown(self.metric, spread([together]), 1)
            lines.append(f"all {count} together: test {self.metric} {figure}")
        return "\n".join(lines + self.remarks())

    def report(self, progress: Callable[[int, int, str], None] | None = None) -> Path:
        """Write the figures and `report.html` into the run folder; its path.

        Args:
            progress: called before each section, with its number from 1, how many there are, and
                its name.
        """
        import gnnvision  # reports are built on results: only the package knows both

        writer = type(self).writer
        if writer is not None:
            return writer(self)
        return gnnvision.report.write_report(self, progress=progress)

    def to_dict(self) -> dict[str, Any]:
        """The content of `result.json`; None where a figure is undefined."""
        task = self.task
        hashes = [outcome.split_hash for outcome in self.outcomes]
        distinct = list(dict.fromkeys(hashes))
        together = distinct[0] if len(distinct) == 1 else _digest(hashes)
        total = self.train_seconds + self.data_seconds
        content = {
            "dataset": task.name,
            "requested_dataset": task.requested,
            "title": task.card.title,
            "split": task.split_name,
            "split_hash": together,
            "split_hashes": hashes,
            "split_sizes": {part: len(getattr(task.split, part)) for part in PARTS},
            "data_hash": task.data_hash,
            "selection": self.selection,
            "seeds": [outcome.seed for outcome in self.outcomes],
            "metrics": self.metrics(),
            "remarks": self.remarks(),
            "ensemble": self.ensemble(),
            "best_epochs": [outcome.best_epoch for outcome in self.outcomes],
            "epochs": [outcome.epochs for outcome in self.outcomes],
            "seconds": {
                "data": self.data_seconds,
                "train": self.train_seconds,
                "total": total,
                "seeds": [outcome.seconds for outcome in self.outcomes],
            },
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "recipe": self.recipe.to_dict(),
            "versions": versions(),
            "device": self.device,
            "precision": self.precision,
            "compiled": self.compiled,
            "threads": self.threads,
        }
        return dict(json_ready(content))


def best_outcome(outcomes: list[Outcome], metric: str, higher: bool) -> Outcome:
    """The outcome with the best validation score; the first of equals, or without one."""
    val = [outcome.metrics["val"] for outcome in outcomes]
    ranks = [
        rank(figures.get(metric, math.nan), figures.get("loss", math.nan), higher)
        for figures in val
    ]
    return outcomes[ranks.index(max(ranks))]


def shown(metric: str, figures: dict[str, Any], count: int) -> str:
    """A figure for people: accuracies and the like in percent, "undefined" where it is.

    Args:
        metric: its name.
        figures: its `mean` and `std`, and perhaps all `values`; as of `Result.metrics`.
        count: how many values there should be. With fewer than two, no spread is shown; if some
            are undefined, over how many of them the mean is.
    """
    percent = metric in ("accuracy", "f1_macro", "rocauc")
    scale, digits, unit = (100, 1, " %") if percent else (1, 3, "")
    if math.isnan(figures["mean"]):
        return UNDEFINED
    std = figures["std"] if count > 1 else None
    around = "" if std is None else f" ± {scale * std:.{digits}f}"
    held = count - sum(map(math.isnan, figures.get("values", ())))
    of = f" ({held} of {count})" if held < count else ""
    return f"{scale * figures['mean']:.{digits}f}{around}{unit}{of}"


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    names = ("numpy", "scipy", "scikit-learn", "torch-geometric")
    found = {"gnnvision": __version__, "python": platform.python_version()}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found | {"torch": torch.__version__, "platform": platform.platform()}


def _digest(hashes: list[str]) -> str:
    return sha256("\n".join(hashes).encode()).hexdigest()
