"""What a kind of task wants: its loss, its score, and which targets are known."""

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
from gnnvision.training.measures import f1_macro, mean, r2, r2_undefined

__all__ = ["Objective", "objective", "said", "together"]

UNLABELED = -100


class Objective(ABC):
    """The loss that is minimized and the score by which epochs are compared.

    A figure that is undefined for the targets at hand is NaN; `remarks` says why.
    """

    metric: ClassVar[str]
    higher_is_better: ClassVar[bool]
    names: ClassVar[tuple[str, ...]]  # of all metrics
    smooths: ClassVar[bool] = True  # whether the loss has labels to smooth

    @abstractmethod
    def known(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs and targets where the target is known."""

    def counts(self, targets: Sequence[Tensor]) -> list[int]:
        """How many known values each of some targets has that `known` returned."""
        return torch.stack([(~target.isnan()).sum() for target in targets]).tolist()

    def count(self, target: Tensor) -> int:
        """How many known values there are among targets that `known` returned."""
        return self.counts([target])[0]

    @abstractmethod
    def loss(self, output: Tensor, target: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """The mean loss over known targets, a scalar; 0, without a gradient, where none is."""

    @abstractmethod
    def score(self, output: Tensor, target: Tensor) -> float:
        """The task's metric over known targets; quick, for every epoch."""

    @abstractmethod
    def predict(self, output: Tensor) -> Tensor:
        """What the outputs say: class numbers, values or probabilities."""

    def measured(self, output: Tensor, target: Tensor) -> tuple[float, float]:
        """Loss and score, for every epoch; NaN where no target is known or an output is NaN."""
        if not self.count(target):
            return math.nan, math.nan
        loss = float(self.loss(output, target))
        return loss, math.nan if math.isnan(loss) else self.score(output, target)

    def metrics(self, output: Tensor, target: Tensor) -> dict[str, float]:
        """All metrics over known targets, for the end of a run."""
        loss, score = self.measured(output, target)
        if math.isnan(loss):
            return dict.fromkeys(self.names, math.nan)
        return {self.metric: score, "loss": loss} | self._more(output, target)

    def remarks(
        self, output: Tensor, target: Tensor, class_names: Sequence[str]
    ) -> dict[str, str]:
        """Metric -> why it is undefined, or over which classes or targets alone it is a mean."""
        if not self.count(target):
            return dict.fromkeys(self.names, "no target is known")
        if math.isnan(float(self.loss(output, target))):
            return dict.fromkeys(self.names, "the network's outputs are no numbers")
        return self._remarks(output, target, class_names)

    @abstractmethod
    def _more(self, output: Tensor, target: Tensor) -> dict[str, float]:
        """Metrics besides the score and the loss."""

    @abstractmethod
    def _remarks(
        self, output: Tensor, target: Tensor, class_names: Sequence[str]
    ) -> dict[str, str]:
        """As `remarks`, where some target is known."""


class _Classification(Objective):
    metric = "accuracy"
    higher_is_better = True
    names = ("accuracy", "loss", "f1_macro")

    def __init__(self) -> None:
        self._rows: WeakTensorKeyDictionary = WeakTensorKeyDictionary()

    def known(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        # A full-batch task hands out the same targets each epoch: look for the known ones once.
        found = self._rows.get(target)
        if found is None or found[0] != target._version:
            rows = (target != UNLABELED).nonzero().squeeze(1)
            every = rows.numel() == target.numel()
            found = (target._version, None if every else rows, target.index_select(0, rows))
            self._rows[target] = found
        _, rows, labels = found
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
        """The mean F1 over the classes that occur among the labels or the predictions.

        That of scikit-learn. For any other class it is 0 / 0.
        """
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
            "f1_macro": f"the mean over {len(occurring)} of {count} classes: the others are "
            "neither among the labels nor among the predictions"
        }


class _Regression(Objective):
    """Squared errors; each target in units of its own spread, so that none drowns another."""

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
        # No value decides what is computed, so that a GPU does not wait for the CPU.
        return error.masked_fill(missing, 0).square().sum() / (~missing).sum().clamp(min=1)

    def score(self, output: Tensor, target: Tensor) -> float:
        """The mean over the targets of their root mean squared errors, in their units."""
        return _over_targets(_columns(output - target).square(), target, torch.sqrt)

    def predict(self, output: Tensor) -> Tensor:
        return output

    def _more(self, output: Tensor, target: Tensor) -> dict[str, float]:
        mae = _over_targets(_columns(output - target).abs(), target)
        pairs = zip(_columns(target).T, _columns(output).T, strict=True)
        shares = (r2(true.cpu().numpy(), guess.cpu().numpy()) for true, guess in pairs)
        return {"mae": mae, "r2": mean(shares)}

    def _remarks(
        self, output: Tensor, target: Tensor, class_names: Sequence[str]
    ) -> dict[str, str]:
        columns = _columns(target).cpu()
        reasons = [r2_undefined(column.numpy()) for column in columns.T]
        out = {}
        held = sum(not column.isnan().all() for column in columns.T)
        if held < len(reasons):
            over = f"the mean over {held} of {len(reasons)} targets, of which values are known"
            out = {"rmse": over, "mae": over, "loss": f"over {held} of {len(reasons)} targets"}
        if all(reasons):
            one = reasons[0] if len(reasons) == 1 else "no target has two known values that differ"
            return out | {"r2": one}
        if any(reasons):
            held = sum(not reason for reason in reasons)
            out["r2"] = f"the mean over {held} of {len(reasons)} targets, whose values vary"
        return out


def _columns(values: Tensor) -> Tensor:
    """A column for each target; pixels that are to be given back are all one target."""
    wide = as_double(values.detach())
    return wide if wide.ndim == 2 else wide.reshape(-1, 1)


def _over_targets(
    values: Tensor, target: Tensor, of_each: Callable[[Tensor], Tensor] = lambda mean: mean
) -> float:
    """The mean over the targets of a function of their means, where their values are known."""
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
        if label_smoothing:  # as of two classes: the other one gets half of it
            target = target * (1 - label_smoothing) + label_smoothing / 2
        here = (~missing).to(output.dtype)
        total = F.binary_cross_entropy_with_logits(output, target, here, reduction="sum")
        return total / here.sum().clamp(min=1)

    def score(self, output: Tensor, target: Tensor) -> float:
        """The mean over the targets that have both classes; NaN where none has."""
        from sklearn.metrics import roc_auc_score

        return mean(
            float(roc_auc_score(truth, guess)) for truth, guess in self._each(output, target)
        )

    def predict(self, output: Tensor) -> Tensor:
        return torch.sigmoid(output)

    def _more(self, output: Tensor, target: Tensor) -> dict[str, float]:
        from sklearn.metrics import average_precision_score

        held = self._each(output, target)
        precisions = (float(average_precision_score(truth, guess)) for truth, guess in held)
        return {"average_precision": mean(precisions)}

    def _remarks(
        self, output: Tensor, target: Tensor, class_names: Sequence[str]
    ) -> dict[str, str]:
        held, count = len(self._each(output, target)), target.shape[1]
        if held == count:
            return {}
        if held:
            why = f"the mean over {held} of {count} targets, which have both classes"
        elif count == 1:
            label = int(target[~target.isnan()][0])
            why = f"one class alone: all {self.count(target)} known labels are {label}"
        else:
            why = f"none of the {count} targets has both classes"
        return {"rocauc": why, "average_precision": why}

    @staticmethod
    def _each(output: Tensor, target: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Targets and outputs of the tasks that have both classes, where known."""
        output, target = output.detach().float().cpu(), target.cpu()
        out = []
        for task in range(target.shape[1]):
            here = ~target[:, task].isnan()
            truth = target[here, task]
            if truth.unique().numel() == 2:
                out.append((truth, output[here, task]))
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
        case "regression":
            return output
    raise ValueError(
        f"'kind' must be classification, multilabel or regression, got {kind!r}. Choose one."
    )


def objective(task: Task) -> Objective:
    """What a task wants."""
    match task.kind:
        case "classification":
            return _Classification()
        case "multilabel":
            return _Multilabel()
        case _:
            moments = task.target_statistics
            return _Regression(None if moments is None else moments[1])


def together(outputs: list[Tensor], targets: list[Tensor]) -> tuple[Tensor, Tensor]:
    """All batches as one."""
    if len(outputs) == 1:
        return outputs[0], targets[0]
    return torch.cat(outputs), torch.cat(targets)
