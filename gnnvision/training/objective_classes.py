"""The objective of a classification task: cross-entropy, accuracies and the ranking of two."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from gnnvision.domains.device import as_double
from gnnvision.training.measures import average_precision, balanced_accuracy, f1_macro, rocauc
from gnnvision.training.objective_base import Loss, Metric, Objective

__all__ = ["UNLABELED", "Classification"]

UNLABELED = -100
IMBALANCED = 1.5  # times its equal share: a class of so many labels, 3/4 of two, dominates
TINY = 1e-12  # below any total weight, so that a batch of weight 0 has the loss 0


class Classification(Objective):
    """Cross-entropy of the classes; with two classes also the ranking of the rarer one."""

    def __init__(
        self,
        metric: str | Metric | None,
        loss: Loss | None,
        only_known: bool,
        classes: int,
        weights: Tensor | None,
        rarer: int | None = None,
    ) -> None:
        self.rarer = 1 if rarer is None else rarer
        self.is_imbalanced = rarer is not None
        measures = [
            Metric("accuracy", _accuracy),
            Metric("f1_macro", self._of_labels(f1_macro)),
            Metric("balanced_accuracy", self._of_labels(balanced_accuracy)),
        ]
        if classes == 2:
            measures.append(Metric("rocauc", self._of_ranking(rocauc)))
            measures.append(Metric("ap", self._of_ranking(average_precision)))
        super().__init__(measures, metric, loss, only_known)
        self.weights = weights

    def known(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The outputs and targets at the positions where the target is known."""
        return self._keep_rows(output, target, _has_label)

    def values(self, target: Tensor) -> Tensor:
        """The exact values of known targets, without weights and bounds."""
        return target[:, 0].long() if self._is_weighted(target) else target

    def _is_weighted(self, target: Tensor) -> bool:
        return target.ndim > 1

    def count(self, target: Tensor) -> int:
        """The number of known values in a tensor of targets, as returned by `known`."""
        return len(target)

    def counts(self, targets: Sequence[Tensor]) -> list[float]:
        """The total weight of each tensor of known targets, by which its loss is averaged."""
        if self.weights is None and all(target.ndim == 1 for target in targets):
            return [float(target.numel()) for target in targets]
        return super().counts(targets)

    def weight(self, target: Tensor) -> Tensor:
        """The total weight of the known targets, a scalar."""
        return self._weights_of(target).sum()

    def _weights_of(self, target: Tensor) -> Tensor:
        """The weight of each item, of its own and of its class."""
        labels, weights = self.values(target), self._weights_on(target.device)
        own = target[:, 1] if self._is_weighted(target) else torch.ones_like(labels).float()
        return own if weights is None else own * weights[labels]

    def _loss(self, output: Tensor, target: Tensor, label_smoothing: float) -> Tensor:
        if not target.numel():
            return output.sum() * 0
        weights = self._weights_on(output.device)
        if not self._is_weighted(target):
            weights = None if weights is None else weights.to(output.dtype)
            return F.cross_entropy(output, target, weights, label_smoothing=label_smoothing)
        each = F.cross_entropy(
            output, self.values(target), reduction="none", label_smoothing=label_smoothing
        )
        weight = self._weights_of(target)
        return (each * weight).sum() / weight.sum().clamp(min=TINY)

    def losses(self, outputs: Tensor, target: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """The mean losses of several seeds over the same known targets, as one operation."""
        weighted = self.weights is not None or self._is_weighted(target)
        if weighted or self.own_loss is not None or not target.numel():
            return super().losses(outputs, target, label_smoothing)
        each = F.cross_entropy(
            outputs.flatten(0, 1),
            target.repeat(len(outputs)),
            reduction="none",
            label_smoothing=label_smoothing,
        )
        return each.view(len(outputs), -1).mean(1)

    def scores(self, outputs: Tensor, target: Tensor) -> list[float]:
        """The scores of several seeds over the same known targets."""
        labels = self.values(target)
        if self.metric != "accuracy" or self.own is not None or not labels.numel():
            return super().scores(outputs, target)
        hits = (outputs.argmax(2) == labels).sum(1).tolist()
        return [count / labels.numel() for count in hits]

    def predict(self, output: Tensor) -> Tensor:
        """The predictions: class indices, values or probabilities."""
        return output.argmax(1)

    def _of_labels(self, measure: Callable[..., float]) -> Callable[[Tensor, Tensor], float]:
        """The measure of true and predicted labels, as a function of the outputs."""
        return lambda output, labels: measure(
            labels.cpu().numpy(), self.predict(output).cpu().numpy()
        )

    def _of_ranking(self, measure: Callable[..., float]) -> Callable[[Tensor, Tensor], float]:
        """The measure of the ranking of the rarer class, as a function of the outputs."""

        def of_rarer(output: Tensor, labels: Tensor) -> float:
            margin = as_double(output)[:, self.rarer] - as_double(output)[:, 1 - self.rarer]
            return measure((labels == self.rarer).cpu().numpy(), margin.cpu().numpy())

        return of_rarer

    def _remarks(
        self, output: Tensor, target: Tensor, class_names: Sequence[str]
    ) -> Mapping[str, str]:
        out = {}
        labels, predicted = self.values(target), self.predict(output)
        present, count = labels.unique().tolist(), output.shape[1]
        guessed = predicted.unique().tolist()
        names = dict(enumerate(class_names))
        if len(present) > 1 and len(guessed) == 1:
            share = float((labels == guessed[0]).float().mean())
            out["accuracy"] = (
                f"that of always predicting {names.get(guessed[0], guessed[0])!r}, the class of "
                f"{100 * share:.4g} % of the labels"
            )
            if self.weights is None and share * len(present) > IMBALANCED:
                out["accuracy"] += (
                    "; Recipe(class_weights='balanced') gives rare classes more weight"
                )
        occurring = set(present) | set(guessed)
        if len(occurring) < count:
            out["f1_macro"] = (
                f"the mean over {len(occurring)} of {count} classes: the others occur neither "
                "among the labels nor among the predictions"
            )
        if len(present) < count:
            out["balanced_accuracy"] = (
                f"the mean over {len(present)} of {count} classes: the others have no label"
            )
        if "ap" in self.measures and len(present) == 1:
            only = names.get(present[0], present[0])
            out["rocauc"] = out["ap"] = (
                f"there is only one class: all {len(labels)} known labels are {only!r}"
            )
        elif self.is_imbalanced:
            rarer = names.get(self.rarer, self.rarer)
            out["ap"] = f"that of {rarer!r}, the rarer class in training"
        return out


def _has_label(target: Tensor) -> Tensor:
    return ~target[:, 0].isnan() if target.ndim > 1 else target != UNLABELED


def _accuracy(output: Tensor, labels: Tensor) -> float:
    if not labels.numel():
        return math.nan
    return int((output.argmax(1) == labels).sum()) / labels.numel()
