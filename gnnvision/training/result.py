"""The result of a run: its metrics over seeds, the selected model, and its history."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from statistics import NormalDist
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision import _torchrun as torchrun
from gnnvision._version import __version__
from gnnvision.data import Task
from gnnvision.errors import invalid
from gnnvision.models import network_name
from gnnvision.training.export import Exported, export_network
from gnnvision.training.measures import (
    SPLIT_NAMES,
    UNDEFINED,
    format_score,
    format_stats,
    json_ready,
    metric_name,
    rank,
    spread,
)
from gnnvision.training.objective import objective
from gnnvision.training.recipe import Recipe
from gnnvision.training.result_card import result_card

__all__ = ["Outcome", "Result", "versions"]


@dataclass
class Outcome:
    """The outcome of one seed.

    Args:
        seed: the seed.
        epochs: how many epochs were run.
        best_epoch: the epoch whose weights were kept, from 1.
        metrics: split -> metric -> value, for the kept weights; accuracies are fractions. A value
            is NaN if the metric is undefined; an empty split has no metrics.
        seconds: training time of this seed, in seconds.
        history: a row for each epoch: epoch, training and validation loss and score; both losses
            without label smoothing and weight decay.
        split_hash: hash of this seed's split.
        target: the known targets of the test split.
        prediction: the predictions for them.
        waited: time spent waiting for batches, in seconds.
        remarks: split -> metric -> why it is undefined, or which classes or targets its mean
            covers.
        stages: for training in stages, such as fine-tuning: the first epoch of each stage, from
            1, and what the stage trains.
        steps: with a number in `Recipe.evaluate_every`, a row for each time that the network was
            measured between epochs: step, epoch as a fraction, mean training loss since the row
            before, and loss and score of the validation and the test split.
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
    steps: list[dict[str, float]] = field(default_factory=list)


@dataclass
class Result:
    """The result of `fit`: the metrics of all seeds and the selected model.

    Args:
        task: the task, with the split of the best seed; on the training device.
        recipe: the recipe.
        model: the model of the best seed, with the weights of its kept epoch; on the training
            device.
        outcomes: the outcome of each seed.
        metric: the metric that compares epochs and seeds on the validation split.
        higher_is_better: whether a higher value of it is better.
        device: the training device.
        precision: "float32" or "bfloat16".
        compiled: whether the model was compiled.
        threads: the number of CPU threads in training; small models use one.
        train_seconds: training time of all seeds, in seconds; in several processes, the time
            that passed.
        data_seconds: time to load the data, in seconds, if the caller measured it.
        folder: the run folder, if there is one.
        notes: warnings for the top of the report.
        facts: further rows for the report's first table: a name and a sentence each.
        loss: the name of the loss that was given to `fit`; None for that of the task.
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
    loss: str | None = None

    @property
    def best(self) -> Outcome:
        """The outcome of the seed with the best validation score, then the lowest loss.

        The first seed if there is no validation split to select by.
        """
        return best_outcome(self.outcomes, self.metric, self.higher_is_better)

    @property
    def selection(self) -> str:
        """How the kept epoch was selected, as text."""
        name = metric_name(self.metric)
        if self.recipe.checkpoint_selection == "last":
            return "last epoch"
        scores = self.values("val", self.metric)
        undefined = sum(map(math.isnan, scores))
        if self.recipe.checkpoint_selection == "loss" or undefined == len(scores):
            out = "epoch with the lowest validation loss"
        else:
            direction = "highest" if self.higher_is_better else "lowest"
            out = f"epoch with the {direction} validation {name}, then lowest loss"
        if self.recipe.checkpoint_selection == "score" and undefined:
            where = "" if undefined == len(scores) else f" for {undefined} of {len(scores)} seeds"
            out += f" (validation {name} is undefined{where})"
        return out

    def values(self, part: str, metric: str) -> list[float]:
        """The metric of each seed; NaN where it is undefined or the split is empty."""
        return [outcome.metrics[part].get(metric, math.nan) for outcome in self.outcomes]

    @property
    def metric_names(self) -> list[str]:
        """The names of all metrics, in the order of tables."""
        parts = reversed(SPLIT_NAMES)
        measured = (outcome.metrics[part] for part in parts for outcome in self.outcomes)
        return list(next(filter(None, measured), {}))

    def remarks(self) -> list[str]:
        """A line for each metric that is undefined, or whose mean omits some of the classes."""
        seeds_of: dict[str, list[str]] = {}
        for outcome in self.outcomes:
            for part, split in SPLIT_NAMES.items():
                reasons = outcome.remarks.get(part, {})
                for reason in dict.fromkeys(reasons.values()):
                    names = [name for name in reasons if reasons[name] == reason]
                    undefined = all(
                        math.isnan(outcome.metrics[part].get(name, math.nan)) for name in names
                    )
                    verb = "is" if len(names) == 1 else "are"
                    text = (
                        f"{split} {', '.join(map(metric_name, names))} {verb} "
                        f"{'undefined: ' if undefined else ''}{reason}"
                    )
                    seeds_of.setdefault(text, []).append(str(outcome.seed))
        return [
            text if len(seeds) == len(self.outcomes) else f"{text} (seed {', '.join(seeds)})"
            for text, seeds in seeds_of.items()
        ]

    def metrics(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Split -> metric -> mean, (unbiased) std and values over the seeds.

        With fewer than two values the std is None; without values the mean is NaN.
        """
        out: dict[str, dict[str, dict[str, Any]]] = {}
        for part in SPLIT_NAMES:
            names = dict.fromkeys(n for outcome in self.outcomes for n in outcome.metrics[part])
            out[part] = {name: spread(self.values(part, name)) for name in names}
        return out

    def ensemble(self) -> float | None:
        """The test score of the ensemble of all seeds, which averages their predictions.

        None for a single seed, for a classification task, whose predictions are classes, for a
        metric of your own, and where the seeds have different test splits.
        """
        same = len({outcome.split_hash for outcome in self.outcomes}) == 1
        several = len(self.outcomes) > 1 and len(self.outcomes[0].target) > 0
        if not several or not same or self.task.kind == "classification":
            return None
        mean = torch.stack([outcome.prediction for outcome in self.outcomes]).mean(0)
        if self.metric not in objective(self.task).measures:
            return None
        goal = objective(self.task, metric=self.metric)
        return goal.score(mean, self.outcomes[0].target)

    def interval(self) -> str:
        """A sentence with the test accuracy of the kept model and its 95 % confidence interval.

        The interval is Wilson's, over test items.

        Raises:
            ValueError: if the task is not a classification task.
        """
        if self.task.kind != "classification":
            raise invalid(
                "task", "be a classification task", self.task.kind, "Read metrics() instead."
            )
        best = self.best
        correct, count = int((best.prediction == best.target).sum()), len(best.target)
        if not count:
            return f"{UNDEFINED.capitalize()}: no label of a test item is known."
        low, high = _wilson(correct, count)
        return (
            f"The kept model, of seed {best.seed}, classifies {correct} of {count} test items "
            f"correctly: {100 * correct / count:.1f} %, 95 % confidence interval "
            f"{100 * low:.1f} to {100 * high:.1f} % (Wilson)."
        )

    def summary(self) -> str:
        """A table of the metrics as text, with mean ± standard deviation over the seeds.

        Its first line names the network, the dataset, the split and the selection of the epoch.
        """
        count = len(self.outcomes)
        seeds = "1 seed" if count == 1 else f"{count} seeds (mean ± std)"
        hashes = {outcome.split_hash for outcome in self.outcomes}
        split = f"{len(hashes)} {self.task.split_name} splits"
        if len(hashes) == 1:
            split = f"{self.task.split_name} split {hashes.pop()[:8]}"
        views = getattr(self.task, "test_views", "none")
        averaged = "" if views == "none" else f", mean output over test views ({views})"
        title = f"{network_name(self.model)} on {self.task.card.title}"
        lines = [f"{title}: {split}, {seeds}, {self.selection}{averaged}"]
        table = self.metrics()
        names = self.metric_names
        lines.append(f"{'':10}" + "".join(f"{metric_name(name):>18}" for name in names))
        for part, row in SPLIT_NAMES.items():
            missing = "" if table[part] else "none held out"
            cells = [
                format_stats(name, table[part][name], count) if name in table[part] else missing
                for name in names
            ]
            lines.append(f"{row:10}" + "".join(f"{cell:>18}" for cell in cells))
        if (score := self.ensemble()) is not None:
            name = metric_name(self.metric)
            lines.append(f"ensemble of {count}: test {name} {format_score(self.metric, score)}")
        return "\n".join(lines + self.remarks())

    def _repr_html_(self) -> str:
        """The metrics and the curves of the best seed, for notebooks."""
        return result_card(self, f"{network_name(self.model)} on {self.task.card.title}")

    def report(self, progress: Callable[[int, int, str], None] | None = None) -> Path:
        """Write `report.html` and its figures into the run folder, and return its path.

        Under torchrun, rank 0 writes it.

        Args:
            progress: called before each section with its number, from 1, the number of sections,
                and its name.
        """
        import gnnvision  # reports are built on results: only the package knows both

        if self.folder is not None and not torchrun.is_first():
            return self.folder / "report.html"
        return gnnvision.report.write_report(self, progress=progress)

    def export(self, path: str | os.PathLike[str]) -> Exported:
        """Write the selected model as a program that runs without this package.

        Its inputs are tensors of any number of images, or of nodes and edges: `x`, and for graphs
        `edge_index` and the further columns that the model reads (`edge_weight`, `edge_attr`,
        `edge_type`, `batch`, `graph_attr`). Its output `y` has logits for classes, and numbers in
        the units of the targets for a regression. The file also has the names of the outputs, and
        the normalization of images.

        Args:
            path: the file to write: ".onnx", which needs the extra `gnnvision[onnx]`, or ".pt2",
                for `torch.export.load`.

        Returns:
            A description of the file, for `print`.

        Raises:
            ValueError: if the suffix is another one, or a layer cannot be exported, with its name
                and the reason.

        Example:
            >>> print(result.export("model.onnx"))  # doctest: +SKIP
            model.onnx: GCN, 2 layers on Cora
              input x: float32 (nodes, 1433), features of each node
              input edge_index: int64 (2, edges), source and target node of each edge, from 0
              output y: float32 (nodes, 7), logits of the classes
        """
        return export_network(self.model, self.task, path)

    def to_dict(self) -> dict[str, Any]:
        """The content of `result.json`; None if a value is undefined."""
        task = self.task
        hashes = [outcome.split_hash for outcome in self.outcomes]
        distinct = list(dict.fromkeys(hashes))
        split_hash = distinct[0] if len(distinct) == 1 else _digest(hashes)
        total = self.train_seconds + self.data_seconds
        content = {
            "dataset": task.name,
            "requested_dataset": task.requested,
            "title": task.card.title,
            "split": task.split_name,
            "split_hash": split_hash,
            "split_hashes": hashes,
            "split_sizes": {part: len(getattr(task.split, part)) for part in SPLIT_NAMES},
            "data_hash": task.data_hash,
            "selection": self.selection,
            "network": network_name(self.model),
            "metric": self.metric,
            "loss": self.loss,
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
    """The outcome with the best validation score; the first one if scores are equal or missing."""
    scores = [outcome.metrics["val"] for outcome in outcomes]
    ranks = [rank(v.get(metric, math.nan), v.get("loss", math.nan), higher) for v in scores]
    return outcomes[ranks.index(max(ranks))]


def versions() -> dict[str, str]:
    """The versions of the packages that a result depends on."""
    names = ("numpy", "scipy", "scikit-learn", "torch-geometric")
    found = {"gnnvision": __version__, "python": platform.python_version()}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found | {"torch": torch.__version__, "platform": platform.platform()}


def _wilson(successes: int, trials: int) -> tuple[float, float]:
    """Wilson's 95 % confidence interval of a proportion, as `scipy.stats.binomtest` has it."""
    share, z = successes / trials, NormalDist().inv_cdf(0.975)
    denominator = 1 + z**2 / trials
    center = (share + z**2 / (2 * trials)) / denominator
    variance = share * (1 - share) / trials + z**2 / (4 * trials**2)
    margin = z * math.sqrt(variance) / denominator
    return max(0.0, center - margin), min(1.0, center + margin)


def _digest(hashes: list[str]) -> str:
    return sha256("\n".join(hashes).encode()).hexdigest()
