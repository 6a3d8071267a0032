"""A recipe: all that was asked of a training run, in one printable value."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self, get_args

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler

from gnnvision.layers import Convolution

__all__ = ["Recipe"]

Decayed = Literal["all", "first"]
OptimizerName = Literal["adam", "adamw", "sgd"]
Schedule = Literal["constant", "cosine"]


@dataclass(frozen=True)
class Recipe:
    """How to train: the optimiser, its schedule, and which epoch is kept.

    Args:
        epochs: passes over the training part.
        lr: learning rate.
        weight_decay: strength of the pull of weights towards 0; added to the gradient by "adam"
            and "sgd", taken off the weight by "adamw".
        decay: which parameters it pulls at: "all", or those of the "first" convolution, as
            Kipf and Welling have it.
        optimizer: "adam", "adamw" or "sgd" (with momentum 0.9).
        schedule: of the learning rate over the epochs: "constant", or "cosine" down to 0.
        batch_size: items a step; None where the task is one batch.
        label_smoothing: of classes, from 0 to 1.
        select: which epoch is kept: "score" (the best on the validation part by the task's
            metric, then by loss), "loss" (the lowest there) or "last".
        patience: stop after so many epochs without a better one; None for never.

    Raises:
        TypeError: if a number is not one.
        ValueError: if a number is out of range or a name unknown.

    Example:
        >>> print(Recipe(epochs=200, lr=0.01, weight_decay=5e-4))
        epochs 200, lr 0.01, weight_decay 0.0005 on all, adam, constant, select score
    """

    epochs: int = 200
    lr: float = 0.01
    weight_decay: float = 0.0
    decay: Decayed = "all"
    optimizer: OptimizerName = "adam"
    schedule: Schedule = "constant"
    batch_size: int | None = None
    label_smoothing: float = 0.0
    select: Literal["score", "loss", "last"] = "score"
    patience: int | None = None

    def __post_init__(self) -> None:
        self._check_number("epochs", 1, math.inf, whole=True)
        self._check_number("lr", 0, math.inf)
        self._check_number("weight_decay", 0, math.inf)
        self._check_number("label_smoothing", 0, 1)
        for name in ("batch_size", "patience"):
            if getattr(self, name) is not None:
                self._check_number(name, 1, math.inf, whole=True)
        for name, names in (
            ("decay", get_args(Decayed)),
            ("optimizer", get_args(OptimizerName)),
            ("schedule", get_args(Schedule)),
            ("select", ("score", "loss", "last")),
        ):
            if getattr(self, name) not in names:
                raise ValueError(
                    f"'{name}' must be one of {', '.join(names)}, got {getattr(self, name)!r}. "
                    "Choose one of them."
                )

    def _check_number(self, name: str, least: float, most: float, whole: bool = False) -> None:
        value = getattr(self, name)
        kinds = (int,) if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            kind = "an integer" if whole else "a number"
            raise TypeError(f"'{name}' must be {kind}, got {value!r}. Give for example 1.")
        if not least <= value <= most or math.isinf(value):
            bounds = f"at least {least}" if math.isinf(most) else f"from {least} to {most}"
            raise ValueError(f"'{name}' must be {bounds}, got {value}. Choose another value.")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The recipe that `to_dict` wrote."""
        return cls(**{f.name: values[f.name] for f in fields(cls) if f.name in values})

    def to_dict(self) -> dict[str, Any]:
        """Every field with its value, for JSON."""
        return asdict(self)

    def make_optimizer(self, model: nn.Module) -> Optimizer:
        """The optimiser for the parameters of `model` that are to be learnt.

        Raises:
            ValueError: if there are none.
        """
        learnt = [p for p in model.parameters() if p.requires_grad]
        if not learnt:
            raise ValueError(
                "'model' must have parameters to learn, got none that require gradients. "
                "Unfreeze some of them."
            )
        groups: list[dict[str, Any]] = [{"params": learnt, "weight_decay": self.weight_decay}]
        if self.decay == "first":
            first = {id(p) for p in _first(model).parameters()}
            rest = [p for p in learnt if id(p) not in first]
            groups = [
                {
                    "params": [p for p in learnt if id(p) in first],
                    "weight_decay": self.weight_decay,
                },
                {"params": rest, "weight_decay": 0.0},
            ]
        groups = [group for group in groups if group["params"]]
        match self.optimizer:
            case "adam":
                return Adam(groups, self.lr, fused=True)
            case "adamw":
                return AdamW(groups, self.lr, fused=True)
            case "sgd":
                return SGD(groups, self.lr, momentum=0.9, nesterov=True, fused=True)

    def make_schedule(self, optimizer: Optimizer) -> LRScheduler | None:
        """What changes the learning rate after each epoch; None if nothing does."""
        return CosineAnnealingLR(optimizer, self.epochs) if self.schedule == "cosine" else None

    def __str__(self) -> str:
        parts = [f"epochs {self.epochs}", f"lr {self.lr:g}"]
        if self.weight_decay:
            parts.append(f"weight_decay {self.weight_decay:g} on {self.decay}")
        parts += [self.optimizer, self.schedule]
        if self.batch_size is not None:
            parts.append(f"batch_size {self.batch_size}")
        if self.label_smoothing:
            parts.append(f"label_smoothing {self.label_smoothing:g}")
        parts.append(f"select {self.select}")
        if self.patience is not None:
            parts.append(f"patience {self.patience}")
        return ", ".join(parts)


def _first(model: nn.Module) -> nn.Module:
    """The first convolution, or, in a network without any, the first module with weights."""
    modules = list(model.modules())
    own = [m for m in modules if any(True for _ in m.parameters(recurse=False))]
    return next((m for m in modules if isinstance(m, Convolution)), own[0])
