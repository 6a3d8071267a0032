"""The objectives of tasks with a column for each target: regression and multi-label tasks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from gnnvision.domains.device import as_double
from gnnvision.training.measures import (
    average_precision,
    balanced_accuracy,
    mean,
    r2,
    r2_undefined,
    rocauc,
)
from gnnvision.training.objective_base import Loss, Metric, Objective

__all__ = ["Multilabel", "Regression"]

TINY = 1e-12  # below any total weight, so that a batch of weight 0 has the loss 0


class Columns(Objective):
    """An objective whose targets have a column each, NaN where missing."""

    def known(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The outputs and targets at the positions where the target is known."""
        if self.only_known:
            output, target = self._keep_rows(output, target, _has_value)
        return output.view(_value_of(target).shape), target

    def values(self, target: Tensor) -> Tensor:
        """The exact values of known targets, without weights and bounds."""
        if not self._is_weighted(target):
            return target
        return target[..., 0].masked_fill(target[..., 2] != 0, math.nan)

    def _is_weighted(self, target: Tensor) -> bool:
        return target.ndim == 3

    def count(self, target: Tensor) -> int:
        """The number of known values in a tensor of targets, as returned by `known`."""
        return int((~_value_of(target).isnan()).sum())

    def weight(self, target: Tensor) -> Tensor:
        known = ~_value_of(target).isnan()
        return (target[..., 1] * known).sum() if self._is_weighted(target) else known.sum()

    def _remarks_on_exact(self, target: Tensor) -> dict[str, str]:
        """For each metric but the loss: that it is over exact targets, each counting once."""
        if not self._is_weighted(target):
            return {}
        out = []
        known = ~target[..., 0].isnan()
        exact = int((known & (target[..., 2] == 0)).sum())
        if bounds := int(known.sum()) - exact:
            word = "bound" if bounds == 1 else "bounds"
            out.append(f"over the {exact} exact values, without {bounds} {word}")
        if len(target[..., 1][known].unique()) > 1:
            out.append("over all items alike, without their weights")
        return dict.fromkeys(self.measures, " and ".join(out)) if out else {}


def _value_of(target: Tensor) -> Tensor:
    """The values of targets with weights and bounds, or the targets themselves."""
    return target[..., 0] if target.ndim == 3 else target


def _has_value(target: Tensor) -> Tensor:
    return (~_value_of(target).isnan()).flatten(1).any(1)


class Regression(Columns):
    """Squared errors, each target divided by its standard deviation to give all equal weight."""

    smooths = False

    def __init__(
        self,
        metric: str | Metric | None,
        loss: Loss | None,
        only_known: bool,
        spread: Tensor | None,
    ) -> None:
        self.spread = spread
        measures = (Metric("rmse", _rmse, False), Metric("mae", _mae, False), Metric("r2", _r2))
        super().__init__(measures, metric, loss, only_known)

    def _loss(self, output: Tensor, target: Tensor, label_smoothing: float) -> Tensor:
        truth = _value_of(target)
        error = output - truth
        if self.spread is not None:
            error = error / self._on("spread", error.device)
        # No branch depends on values, so that a GPU need not wait for the CPU.
        squares = error.masked_fill(truth.isnan(), 0).square()
        if not self._is_weighted(target):
            return squares.sum() / (~truth.isnan()).sum().clamp(min=1)
        side = target[..., 2]
        counts = (side == 0) | (error * side < 0)  # an upper bound is violated from above
        return (squares * counts * target[..., 1]).sum() / self.weight(target).clamp(min=TINY)

    def predict(self, output: Tensor) -> Tensor:
        """The predictions: class indices, values or probabilities."""
        return output

    def _remarks(
        self, output: Tensor, target: Tensor, class_names: Sequence[str]
    ) -> Mapping[str, str]:
        columns = _columns(self.values(target)).cpu()
        reasons = [r2_undefined(column.numpy()) for column in columns.T]
        out = self._remarks_on_exact(target)
        count = len(reasons)
        known = sum(not column.isnan().all() for column in columns.T)
        if not known:
            return dict.fromkeys(self.measures, "no target has an exact value")
        if known < count:
            over = f"the mean over {known} of {count} targets: the others have no known value"
            out |= {"rmse": over, "mae": over, "loss": f"over {known} of {count} targets"}
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


def _rmse(output: Tensor, target: Tensor) -> float:
    """The mean over the targets of their RMSE, in their units."""
    return _over_targets(_columns(output - target).square(), target, torch.sqrt)


def _mae(output: Tensor, target: Tensor) -> float:
    return _over_targets(_columns(output - target).abs(), target)


def _r2(output: Tensor, target: Tensor) -> float:
    pairs = zip(_columns(target).T, _columns(output).T, strict=True)
    return mean(r2(true.cpu().numpy(), guess.cpu().numpy()) for true, guess in pairs)


def _over_targets(
    values: Tensor, target: Tensor, of_each: Callable[[Tensor], Tensor] = lambda mean: mean
) -> float:
    """The mean over the targets of a function of each target's mean over its known values."""
    known = ~_columns(target).isnan()
    count = known.sum(0)
    means = values.masked_fill(~known, 0).sum(0) / count
    return float(of_each(means[count > 0]).mean())


class Multilabel(Columns):
    """Binary cross-entropy of each target."""

    def __init__(
        self,
        metric: str | Metric | None,
        loss: Loss | None,
        only_known: bool,
        weights: Tensor | None,
    ) -> None:
        measures = (
            Metric("rocauc", self._of_targets(rocauc)),
            Metric("ap", self._of_targets(average_precision)),
            Metric("balanced_accuracy", self._of_targets(_balanced)),
        )
        super().__init__(measures, metric, loss, only_known)
        self.weights = weights

    def known(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The outputs and targets at the positions where the target is known."""
        if self.only_known:
            output, target = self._keep_rows(output, target, _has_value)
        return output, target if self._is_weighted(target) else target.view_as(output)

    def _loss(self, output: Tensor, target: Tensor, label_smoothing: float) -> Tensor:
        truth = _value_of(target)
        missing = truth.isnan()
        truth = truth.masked_fill(missing, 0)
        if label_smoothing:  # as for two classes: half of it goes to the other class
            truth = truth * (1 - label_smoothing) + label_smoothing / 2
        here = (~missing).to(output.dtype)
        weighted = self._is_weighted(target)
        if weighted:
            here = here * target[..., 1]
        positive = self._weights_on(output.device)
        total = F.binary_cross_entropy_with_logits(
            output.view_as(truth), truth, here, reduction="sum", pos_weight=positive
        )
        return total / here.sum().clamp(min=TINY if weighted else 1)

    def predict(self, output: Tensor) -> Tensor:
        """The predictions: class indices, values or probabilities."""
        return torch.sigmoid(output)

    def _of_targets(self, measure: Callable[..., float]) -> Callable[[Tensor, Tensor], float]:
        """The mean of a measure over the targets that have both classes; NaN if none has."""
        return lambda output, target: mean(
            measure(truth, guess) for truth, guess in _both_classes(output, target)
        )

    def _remarks(
        self, output: Tensor, target: Tensor, class_names: Sequence[str]
    ) -> Mapping[str, str]:
        out, values = self._remarks_on_exact(target), self.values(target)
        defined, count = len(_both_classes(output, values)), values.shape[1]
        if defined == count:
            return out
        if defined:
            why = f"the mean over {defined} of {count} targets: the others have one class"
        elif count == 1:
            label = int(values[~values.isnan()][0])
            why = f"there is only one class: all {self.count(target)} known labels are {label}"
        else:
            why = f"none of the {count} targets has both classes"
        return out | dict.fromkeys(("rocauc", "ap", "balanced_accuracy"), why)


def _balanced(truth: Tensor, logits: Tensor) -> float:
    return balanced_accuracy(truth, logits > 0)


def _both_classes(output: Tensor, target: Tensor) -> list[tuple[Tensor, Tensor]]:
    """The known values and their outputs of each target that has both classes."""
    output, target = output.detach().float().cpu().view(target.shape), target.cpu()
    out = []
    for task in range(target.shape[1]):
        here = ~target[:, task].isnan()
        truth = target[here, task]
        if truth.unique().numel() == 2:
            out.append((truth, output[here, task]))
    return out
