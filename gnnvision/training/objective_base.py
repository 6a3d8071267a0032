"""What training minimizes and compares: the base class of the objectives, and metrics."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from gnnvision.errors import invalid, one_of, wrong_type

__all__ = ["Loss", "Metric", "Objective"]

Loss = Callable[[Tensor, Tensor], Tensor]


class Metric(NamedTuple):
    """A metric of your own, for `fit(..., metric=...)`.

    Args:
        name: its name in tables and files, such as "f2".
        function: a function (output, target) -> float. It gets the outputs of the network
            (logits, or values of a regression) for a whole split and the targets, on the CPU,
            without the items that have no known target; targets that are missing next to known
            ones are NaN. It may return NaN where the metric is undefined.
        higher_is_better: whether a higher value is better.

    Example:
        >>> hits = Metric("hits", lambda output, target: float((output.argmax(1) == target).sum()))
        >>> hits.name, hits.higher_is_better
        ('hits', True)
    """

    name: str
    function: Callable[[Tensor, Tensor], float | Tensor]
    higher_is_better: bool = True


class Objective(ABC):
    """The loss that is minimized and the score by which epochs are compared.

    A metric that is undefined for the given targets is NaN; `remarks` has the reason.

    Where a task has sample weights or targets that are only bounded, its targets have a last
    axis of three: value, weight and side (-1 if the true value is below the given one, 0 if it
    is exact, 1 if it is above). The loss is weighted, and a bound adds to it only where the
    output violates it. The metrics are over the exact targets, each counting once.

    Args:
        measures: the metrics of the kind of task, the usual score first.
        metric: the score in its place: a name among them, or a metric of your own.
        loss: a loss of your own, a function (output, target) -> scalar.
        only_known: whether items without a known target are left out of all batches, as for the
            nodes outside a split, rather than kept as rows.
    """

    smooths: ClassVar[bool] = True  # whether label smoothing applies

    def __init__(
        self,
        measures: Sequence[Metric],
        metric: str | Metric | None = None,
        loss: Loss | None = None,
        only_known: bool = False,
    ) -> None:
        self.measures = {measure.name: measure for measure in measures}
        self.own: Metric | None = None
        if metric is None or isinstance(metric, str):
            name = measures[0].name if metric is None else metric
        else:
            self.own = _checked(metric, measures)
            self.measures = {self.own.name: self.own} | self.measures
            name = self.own.name
        if name == "loss":
            advice = "Use Recipe(checkpoint_selection='loss') to select the epoch by the loss."
            raise invalid("metric", "be a score other than the loss", repr(name), advice)
        chosen = self.measures[one_of("metric", name, self.measures)]
        self.metric = chosen.name
        self.higher_is_better = chosen.higher_is_better
        others = (name for name in self.measures if name != chosen.name)
        self.names = (chosen.name, "loss", *others)
        if loss is not None and not callable(loss):
            raise wrong_type("loss", "be a function (output, target) -> scalar", loss)
        self.own_loss = loss
        self.weights: Tensor | None = None  # of the classes, or of the positives of each target
        self.only_known = only_known
        self._rows: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
        self._loss_checked = False
        self._there: dict[tuple[str, torch.device], Tensor] = {}  # constants, on other devices

    @abstractmethod
    def known(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The outputs and targets at the positions where the target is known."""

    def known_targets(self, target: Tensor) -> Tensor:
        """The known ones of some targets, as `known` returns them."""
        like = target[..., 0] if self._is_weighted(target) else target
        return self.known(like, target)[1]

    @abstractmethod
    def values(self, target: Tensor) -> Tensor:
        """The exact values of known targets, without weights; NaN where only a bound is known."""

    def counts(self, targets: Sequence[Tensor]) -> list[float]:
        """The total weight of each tensor of known targets, by which its loss is averaged."""
        return torch.stack([self.weight(target) for target in targets]).tolist()

    @abstractmethod
    def _is_weighted(self, target: Tensor) -> bool:
        """Whether targets have weights and sides beside their values."""

    @abstractmethod
    def weight(self, target: Tensor) -> Tensor:
        """The total weight of the known targets, a scalar."""

    @abstractmethod
    def count(self, target: Tensor) -> int:
        """The number of known values in a tensor of targets, as returned by `known`."""

    def loss(self, output: Tensor, target: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """The mean loss over known targets, a scalar; 0 without a gradient if none is known."""
        if self.own_loss is None:
            return self._loss(output, target, label_smoothing)
        if self._is_weighted(target):
            got = "a task that has them"
            advice = "Leave the loss out, or load the task without them."
            condition = "not be given for sample weights or bounded targets"
            raise invalid("loss", condition, got, advice)
        if target.is_floating_point() and not self.only_known:
            rows = (~target.isnan()).flatten(1).any(1)
            output, target = output[rows], target[rows]
        if not target.numel():
            return output.sum() * 0
        loss = self.own_loss(output, target)
        if not self._loss_checked:
            _check_loss(loss, output, target)
            self._loss_checked = True
        return loss

    def losses(self, outputs: Tensor, target: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """The mean losses of several seeds over the same known targets.

        Args:
            outputs: of G seeds, shape (G, *).
            target: the targets.
            label_smoothing: as for `loss`.

        Returns:
            Shape (G,).
        """
        return torch.stack([self.loss(each, target, label_smoothing) for each in outputs])

    def scores(self, outputs: Tensor, target: Tensor) -> list[float]:
        """The scores of several seeds over the same known targets; see `losses`."""
        return [self.score(each, target) for each in outputs]

    @abstractmethod
    def _loss(self, output: Tensor, target: Tensor, label_smoothing: float) -> Tensor:
        """The loss of the kind of task."""

    def score(self, output: Tensor, target: Tensor) -> float:
        """The metric by which epochs are compared, over known targets; NaN if there are none."""
        return self._measure(self.metric, output.detach(), self.values(target))

    @abstractmethod
    def predict(self, output: Tensor) -> Tensor:
        """The predictions: class indices, values or probabilities."""

    def loss_and_score(
        self, output: Tensor, target: Tensor, known_loss: Tensor | None = None
    ) -> tuple[float, float]:
        """Loss and score; NaN if no target is known or an output is NaN.

        Args:
            output: the outputs for items with a known target.
            target: these targets.
            known_loss: the loss, if it was computed before.
        """
        if not self.count(target):
            return math.nan, math.nan
        loss = float(self.loss(output.detach(), target) if known_loss is None else known_loss)
        return loss, math.nan if math.isnan(loss) else self.score(output, target)

    def metrics(self, output: Tensor, target: Tensor) -> dict[str, float]:
        """All metrics over known targets."""
        loss, score = self.loss_and_score(output, target)
        if math.isnan(loss):
            return dict.fromkeys(self.names, math.nan)
        output, values = output.detach(), self.values(target)
        others = {name: self._measure(name, output, values) for name in self.names[2:]}
        return {self.metric: score, "loss": loss} | others

    def _measure(self, name: str, output: Tensor, values: Tensor) -> float:
        measure = self.measures[name]
        if measure is not self.own:
            return float(measure.function(output, values))
        value = measure.function(output.cpu(), values.cpu()) if len(values) else math.nan
        if isinstance(value, Tensor) and value.numel() != 1:
            condition = f"return one number from {name!r}"
            raise invalid("metric", condition, f"shape {tuple(value.shape)}", "Take its mean.")
        return float(value)

    def remarks(
        self, output: Tensor, target: Tensor, class_names: Sequence[str]
    ) -> dict[str, str]:
        """For each metric: why it is undefined, or which classes or targets its mean covers."""
        if not self.count(target):
            return dict.fromkeys(self.names, "no target is known")
        if math.isnan(float(self.loss(output.detach(), target))):
            return dict.fromkeys(self.names, "the network's outputs are NaN")
        output = output.detach()
        found = dict(self._remarks(output, target, class_names))
        if self.own is not None and math.isnan(
            self._measure(self.own.name, output, self.values(target))
        ):
            found[self.own.name] = "your function returned NaN"
        return found

    @abstractmethod
    def _remarks(
        self, output: Tensor, target: Tensor, class_names: Sequence[str]
    ) -> Mapping[str, str]:
        """As `remarks`, if some target is known and no output is NaN."""

    def _weights_on(self, device: torch.device) -> Tensor | None:
        """The weights of the classes, on this device."""
        return None if self.weights is None else self._on("weights", device)

    def _on(self, name: str, device: torch.device) -> Tensor:
        """A constant of the objective on this device, copied there once."""
        value: Tensor = getattr(self, name)
        if value.device == device:
            return value
        if (name, device) not in self._there:
            self._there[name, device] = value.to(device)
        return self._there[name, device]

    def _keep_rows(
        self, output: Tensor, target: Tensor, is_known: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """The rows whose target is known, as `is_known` tells of all rows."""
        # A full-batch task has the same targets in each epoch: the known ones are found once.
        cached = self._rows.get(target)
        if cached is None or cached[0] != target._version:
            rows = is_known(target).nonzero().squeeze(1)
            every = rows.numel() == len(target)
            cached = (target._version, None if every else rows, target.index_select(0, rows))
            self._rows[target] = cached
        _, rows, labels = cached
        return (output, target) if rows is None else (output.index_select(0, rows), labels)


def _checked(metric: object, measures: Sequence[Metric]) -> Metric:
    """The metric of the user, if it has a name, a function and a direction."""
    advice = "Pass a name, or gv.training.Metric('name', function, higher_is_better=True)."
    if not isinstance(metric, tuple) or not 2 <= len(metric) <= 3:
        raise wrong_type("metric", "be a name or a gv.training.Metric", metric, advice)
    made = Metric(*metric)
    if not isinstance(made.name, str) or not callable(made.function):
        raise wrong_type("metric", "have a name and a function", metric, advice)
    if not isinstance(made.higher_is_better, bool):
        raise wrong_type("metric", "have a boolean 'higher_is_better'", metric, advice)
    taken = {"loss", "epoch", *(measure.name for measure in measures)}
    if not made.name.isidentifier() or made.name in taken:
        condition = "have a name of letters, digits and _ that no other metric has"
        raise invalid("metric", condition, repr(made.name), "Choose another name.")
    return made


def _check_loss(loss: object, output: Tensor, target: Tensor) -> None:
    """Check what a loss of the user returned the first time."""
    if not isinstance(loss, Tensor):
        advice = "Compute it from the output with torch, so that it has a gradient."
        raise wrong_type("loss", "return a tensor", loss, advice)
    if loss.numel() != 1 or loss.ndim:
        got, advice = f"shape {tuple(loss.shape)}", "Take its mean."
        raise invalid("loss", "return a scalar", got, advice)
    if output.requires_grad and not loss.requires_grad:
        advice = "Compute it from the output with differentiable functions of torch."
        raise invalid("loss", "return a value with a gradient", "one without", advice)
    missing = target.is_floating_point() and bool(target.isnan().any())
    if missing and bool(loss.detach().isnan()):
        advice = "Compute it over ~target.isnan()."
        raise invalid("loss", "leave out missing targets, which are NaN", "a loss of NaN", advice)
