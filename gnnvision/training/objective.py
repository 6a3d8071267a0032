"""What a kind of task wants: its loss, its score, and which targets are known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from gnnvision.data import Task

__all__ = ["Objective", "objective", "said"]

UNLABELLED = -100


class Objective(ABC):
    """The loss that is minimised and the score by which epochs are compared."""

    metric: ClassVar[str]
    higher_is_better: ClassVar[bool]

    @abstractmethod
    def known(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs and targets where the target is known."""

    @abstractmethod
    def loss(self, output: Tensor, target: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """The mean loss over known targets, a scalar."""

    @abstractmethod
    def score(self, output: Tensor, target: Tensor) -> float:
        """The task's metric over known targets; quick, for every epoch."""

    @abstractmethod
    def predict(self, output: Tensor) -> Tensor:
        """What the outputs say: class numbers, values or probabilities."""

    def metrics(self, output: Tensor, target: Tensor) -> dict[str, float]:
        """All metrics over known targets, for the end of a run."""
        return {
            self.metric: self.score(output, target),
            "loss": float(self.loss(output, target)),
        }


class _Classification(Objective):
    metric = "accuracy"
    higher_is_better = True

    def __init__(self) -> None:
        self._rows: WeakTensorKeyDictionary = WeakTensorKeyDictionary()

    def known(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        # A full-batch task hands out the same targets each epoch: look for the known ones once.
        found = self._rows.get(target)
        if found is None or found[0] != target._version:
            rows = (target != UNLABELLED).nonzero().squeeze(1)
            every = rows.numel() == target.numel()
            found = (target._version, None if every else rows, target.index_select(0, rows))
            self._rows[target] = found
        _, rows, labels = found
        return (output, target) if rows is None else (output.index_select(0, rows), labels)

    def loss(self, output: Tensor, target: Tensor, label_smoothing: float = 0.0) -> Tensor:
        return F.cross_entropy(output, target, label_smoothing=label_smoothing)

    def score(self, output: Tensor, target: Tensor) -> float:
        return int((output.argmax(1) == target).sum()) / max(target.numel(), 1)

    def predict(self, output: Tensor) -> Tensor:
        return output.argmax(1)

    def metrics(self, output: Tensor, target: Tensor) -> dict[str, float]:
        from sklearn import config_context
        from sklearn.metrics import f1_score

        guess, truth = self.predict(output).cpu().numpy(), target.cpu().numpy()
        classes = range(output.shape[1])
        with config_context(skip_parameter_validation=True):
            macro = f1_score(truth, guess, labels=classes, average="macro", zero_division=0.0)
        return super().metrics(output, target) | {"f1_macro": float(macro)}


class _Regression(Objective):
    """Squared errors; each target in units of its own spread, so that none drowns another."""

    metric = "rmse"
    higher_is_better = False

    def __init__(self, spread: Tensor | None = None) -> None:
        self.spread = spread

    def known(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        return output.view_as(target), target

    def loss(self, output: Tensor, target: Tensor, label_smoothing: float = 0.0) -> Tensor:
        error = output - target
        if self.spread is not None:
            error = error / self.spread.to(error.device)
        missing = target.isnan()
        if missing.any():
            error = error[~missing]
        return error.square().mean()

    def score(self, output: Tensor, target: Tensor) -> float:
        """The mean over the targets of their root mean squared errors, in their units."""
        error = _columns(output - target)
        return float(error.square().nanmean(0).sqrt().nanmean())

    def predict(self, output: Tensor) -> Tensor:
        return output

    def metrics(self, output: Tensor, target: Tensor) -> dict[str, float]:
        error = _columns(output - target)
        mae = float(error.abs().nanmean(0).nanmean())
        away = _columns(target)
        away = away - away.nanmean(0)
        left = error.square().nanmean(0) / away.square().nanmean(0).clamp(min=1e-12)
        return super().metrics(output, target) | {"mae": mae, "r2": float((1 - left).nanmean())}


def _columns(values: Tensor) -> Tensor:
    """A column for each target; pixels that are to be given back are all one target."""
    wide = values.double()
    return wide if wide.ndim == 2 else wide.reshape(-1, 1)


class _Multilabel(Objective):
    metric = "rocauc"
    higher_is_better = True

    def known(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        return output, target.view_as(output)

    def loss(self, output: Tensor, target: Tensor, label_smoothing: float = 0.0) -> Tensor:
        here = ~target.isnan()
        return F.binary_cross_entropy_with_logits(output[here], target[here])

    def score(self, output: Tensor, target: Tensor) -> float:
        """The mean over the tasks that have both classes; 0.5 where none has."""
        from sklearn.metrics import roc_auc_score

        areas = [float(roc_auc_score(truth, guess)) for truth, guess in self._each(output, target)]
        return sum(areas) / len(areas) if areas else 0.5

    def predict(self, output: Tensor) -> Tensor:
        return torch.sigmoid(output)

    def metrics(self, output: Tensor, target: Tensor) -> dict[str, float]:
        from sklearn.metrics import average_precision_score

        held = self._each(output, target)
        precisions = [float(average_precision_score(truth, guess)) for truth, guess in held]
        mean = sum(precisions) / len(precisions) if precisions else 0.0
        return super().metrics(output, target) | {"average_precision": mean}

    @staticmethod
    def _each(output: Tensor, target: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Targets and outputs of the tasks that have both classes, where known."""
        out = []
        for task in range(target.shape[1]):
            here = ~target[:, task].isnan()
            truth = target[here, task].cpu()
            if truth.unique().numel() == 2:
                out.append((truth, output[here, task].float().cpu()))
        return out


def said(kind: str, output: Tensor) -> Tensor:
    """What outputs say to people: values of a regression, otherwise probabilities.

    Args:
        kind: of the task.
        output: of a model. Shape (B, num_outputs).
    """
    match kind:
        case "classification":
            return output.softmax(1)
        case "multilabel":
            return output.sigmoid()
        case _:
            return output


def objective(task: Task) -> Objective:
    """What a task wants."""
    match task.kind:
        case "classification":
            return _Classification()
        case "multilabel":
            return _Multilabel()
        case _:
            moments = task.target_moments
            return _Regression(None if moments is None else moments[1])
