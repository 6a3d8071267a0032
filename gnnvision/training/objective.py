"""The objective of a kind of task: its loss, its metrics, and which targets are known."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from gnnvision.data import Task
from gnnvision.domains.device import as_double
from gnnvision.errors import invalid
from gnnvision.training.measures import f1_macro, mean, r2, r2_undefined

__all__ = ["Objective", "concatenate", "objective", "to_predictions"]

UNLABELED = -100


class Objective(ABC):
    """The loss that is minimized and the score by which epochs are compared.

    A metric that is undefined for the given targets is NaN; `remarks` has the reason.
    """

    metric: ClassVar[str]
    higher_is_better: ClassVar[bool]
    names: ClassVar[tuple[str, ...]]  # of all metrics, the score first
    smooths: ClassVar[bool] = True  # whether label smoothing applies

    @abstractmethod
    def known(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The outputs and targets at the positions where the target is known."""

    def counts(self, targets: Sequence[Tensor]) -> list[int]:
        """The number of known values in each tensor of targets, as returned by `known`."""
        return torch.stack([(~target.isnan()).sum() for target in targets]).tolist()

    def count(self, target: Tensor) -> int:
        """The number of known values in a tensor of targets, as returned by `known`."""
        return self.counts([target])[0]

    @abstractmethod
    def loss(self, output: Tensor, target: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """The mean loss over known targets, a scalar; 0 without a gradient if none is known."""

    @abstractmethod
    def score(self, output: Tensor, target: Tensor) -> float:
        """The metric by which epochs are compared, over known targets."""

    @abstractmethod
    def predict(self, output: Tensor) -> Tensor:
        """The predictions: class indices, values or probabilities."""

    def loss_and_score(self, output: Tensor, target: Tensor) -> tuple[float, float]:
        """Loss and score; NaN if no target is known or an output is NaN."""
        if not self.count(target):
            return math.nan, math.nan
        loss = float(self.loss(output, target))
        return loss, math.nan if math.isnan(loss) else self.score(output, target)

    def metrics(self, output: Tensor, target: Tensor) -> dict[str, float]:
        """All metrics over known targets."""
        loss, score = self.loss_and_score(output, target)
        if math.isnan(loss):
            return dict.fromkeys(self.names, math.nan)
        return {self.metric: score, "loss": loss} | self._more(output, target)

    def remarks(
        self, output: Tensor, target: Tensor, class_names: Sequence[str]
    ) -> dict[str, str]:
        """For each metric: why it is undefined, or which classes or targets its mean covers."""
        if not self.count(target):
            return dict.fromkeys(self.names, "no target is known")
        if math.isnan(float(self.loss(output, target))):
            return dict.fromkeys(self.names, "the network's outputs are NaN")
        return self._remarks(output, target, class_names)

    @abstractmethod
    def _more(self, output: Tensor, target: Tensor) -> dict[str, float]:
        """The metrics other than the score and the loss."""

    @abstractmethod
    def _remarks(
        self, output: Tensor, target: Tensor, class_names: Sequence[str]
    ) -> dict[str, str]:
        """As `remarks`, if some target is known and no output is NaN."""


class _Classification(Objective):
    metric = "accuracy"
    higher_is_better = True
    names = ("accuracy", "loss", "f1_macro")

    def __init__(self) -> None:
        self._rows: WeakTensorKeyDictionary = WeakTensorKeyDictionary()

    def known(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        # A full-batch task has the same targets in each epoch: the known ones are found once.
        cached = self._rows.get(target)
        if cached is None or cached[0] != target._version:
            rows = (target != UNLABELED).nonzero().squeeze(1)
            every = rows.numel() == target.numel()
            cached = (target._version, None if every else rows, target.index_select(0, rows))
            self._rows[target] = cached
        _, rows, labels = cached
        return (output, target) if rows is None else (output.index_select(0, rows), labels)

    def counts(self, targets: Sequence[Tensor]) -> list[int]:
        return [target.numel() for target in targets]

    def loss(self, output: Tensor, target: Tensor, label_smoothing: float = 0.0) -> Tensor:
        if not target.numel():
            return output.sum() * 0
        return F.cross_entropy(output, target, label_smoothing=label_smoothing)

    def score(self, output: Tensor, target: Tensor) -> float:
        if not target.numel():
            return math.nan
        return int((output.argmax(1) == target).sum()) / target.numel()

    def predict(self, output: Tensor) -> Tensor:
        return output.argmax(1)

    def _more(self, output: Tensor, target: Tensor) -> dict[str, float]:
        predicted = self.predict(output)
        return {"f1_macro": f1_macro(target.cpu().numpy(), predicted.cpu().numpy())}

    def _remarks(
        self, output: Tensor, target: Tensor, class_names: Sequence[str]
    ) -> dict[str, str]:
        occurring = set(target.tolist()) | set(self.predict(output).tolist())
        count = output.shape[1]
        if len(occurring) == count:
            return {}
        return {
            "f1_macro": f"the mean over {len(occurring)} of {count} classes: the others occur "
            "neither among the labels nor among the predictions"
        }


class _Regression(Objective):
    """Squared errors, each target divided by its standard deviation to give all equal weight."""

    metric = "rmse"
    higher_is_better = False
    names = ("rmse", "loss", "mae", "r2")
    smooths = False

    def __init__(self, spread: Tensor | None = None) -> None:
        self.spread = spread

    def known(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        return output.view_as(target), target

    def loss(self, output: Tensor, target: Tensor, label_smoothing: float = 0.0) -> Tensor:
        error = output - target
        if self.spread is not None:
            error = error / self.spread.to(error.device)
        missing = target.isnan()
        # No branch depends on values, so that a GPU need not wait for the CPU.
        return error.masked_fill(missing, 0).square().sum() / (~missing).sum().clamp(min=1)

    def score(self, output: Tensor, target: Tensor) -> float:
        """The mean over the targets of their RMSE, in their units."""
        return _over_targets(_columns(output - target).square(), target, torch.sqrt)

    def predict(self, output: Tensor) -> Tensor:
        return output

    def _more(self, output: Tensor, target: Tensor) -> dict[str, float]:
        mae = _over_targets(_columns(output - target).abs(), target)
        pairs = zip(_columns(target).T, _columns(output).T, strict=True)
        scores = (r2(true.cpu().numpy(), guess.cpu().numpy()) for true, guess in pairs)
        return {"mae": mae, "r2": mean(scores)}

    def _remarks(
        self, output: Tensor, target: Tensor, class_names: Sequence[str]
    ) -> dict[str, str]:
        columns = _columns(target).cpu()
        reasons = [r2_undefined(column.numpy()) for column in columns.T]
        out = {}
        count = len(reasons)
        known = sum(not column.isnan().all() for column in columns.T)
        if known < count:
            over = f"the mean over {known} of {count} targets: the others have no known value"
            out = {"rmse": over, "mae": over, "loss": f"over {known} of {count} targets"}
        if all(reasons):
            one = reasons[0] if count == 1 else "no target has two different known values"
            return out | {"r2": one}
        if any(reasons):
            varying = sum(not reason for reason in reasons)
            out["r2"] = f"the mean over {varying} of {count} targets: the others do not vary"
        return out


def _columns(values: Tensor) -> Tensor:
    """A column for each target; the pixels of a reconstruction are one target."""
    wide = as_double(values.detach())
    return wide if wide.ndim == 2 else wide.reshape(-1, 1)


def _over_targets(
    values: Tensor, target: Tensor, of_each: Callable[[Tensor], Tensor] = lambda mean: mean
) -> float:
    """The mean over the targets of a function of each target's mean over its known values."""
    known = ~_columns(target).isnan()
    count = known.sum(0)
    means = values.masked_fill(~known, 0).sum(0) / count
    return float(of_each(means[count > 0]).mean())


class _Multilabel(Objective):
    metric = "rocauc"
    higher_is_better = True
    names = ("rocauc", "loss", "average_precision")

    def known(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        return output, target.view_as(output)

    def loss(self, output: Tensor, target: Tensor, label_smoothing: float = 0.0) -> Tensor:
        missing = target.isnan()
        target = target.masked_fill(missing, 0)
        if label_smoothing:  # as for two classes: half of it goes to the other class
            target = target * (1 - label_smoothing) + label_smoothing / 2
        here = (~missing).to(output.dtype)
        total = F.binary_cross_entropy_with_logits(output, target, here, reduction="sum")
        return total / here.sum().clamp(min=1)

    def score(self, output: Tensor, target: Tensor) -> float:
        """The mean ROC AUC over the targets that have both classes; NaN if none has."""
        from sklearn.metrics import roc_auc_score

        return mean(
            float(roc_auc_score(truth, guess))
            for truth, guess in self._both_classes(output, target)
        )

    def predict(self, output: Tensor) -> Tensor:
        return torch.sigmoid(output)

    def _more(self, output: Tensor, target: Tensor) -> dict[str, float]:
        from sklearn.metrics import average_precision_score

        pairs = self._both_classes(output, target)
        precisions = (float(average_precision_score(truth, guess)) for truth, guess in pairs)
        return {"average_precision": mean(precisions)}

    def _remarks(
        self, output: Tensor, target: Tensor, class_names: Sequence[str]
    ) -> dict[str, str]:
        defined, count = len(self._both_classes(output, target)), target.shape[1]
        if defined == count:
            return {}
        if defined:
            why = f"the mean over {defined} of {count} targets: the others have one class"
        elif count == 1:
            label = int(target[~target.isnan()][0])
            why = f"there is only one class: all {self.count(target)} known labels are {label}"
        else:
            why = f"none of the {count} targets has both classes"
        return {"rocauc": why, "average_precision": why}

    @staticmethod
    def _both_classes(output: Tensor, target: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The known values and their outputs of each target that has both classes."""
        output, target = output.detach().float().cpu(), target.cpu()
        out = []
        for task in range(target.shape[1]):
            here = ~target[:, task].isnan()
            truth = target[here, task]
            if truth.unique().numel() == 2:
                out.append((truth, output[here, task]))
        return out


def to_predictions(kind: str, output: Tensor) -> Tensor:
    """The values of a regression, otherwise the probabilities of the classes or labels.

    Args:
        kind: kind of the task.
        output: output of a model. Shape (B, num_outputs).

    Returns:
        The predictions. Shape (B, num_outputs).
    """
    match kind:
        case "classification":
            return output.softmax(1)
        case "multilabel":
            return output.sigmoid()
        case "regression":
            return output
    raise invalid("kind", "be classification, multilabel or regression", repr(kind))


def objective(task: Task) -> Objective:
    """The objective of a task, by its kind."""
    match task.kind:
        case "classification":
            return _Classification()
        case "multilabel":
            return _Multilabel()
        case _:
            moments = task.target_statistics
            return _Regression(None if moments is None else moments[1])


def concatenate(outputs: list[Tensor], targets: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The outputs and the targets of all batches, in one tensor each."""
    if len(outputs) == 1:
        return outputs[0], targets[0]
    return torch.cat(outputs), torch.cat(targets)
