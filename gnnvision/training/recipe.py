"""A recipe: all that was asked of a training run, in one printable value."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

__all__ = ["Recipe"]

Decayed = Literal["all", "first"]
OptimizerName = Literal["adam", "adamw", "sgd", "muon"]
Schedule = Literal["constant", "cosine", "one_cycle"]


@dataclass(frozen=True)
class Recipe:
    """How to train: the optimizer, its schedule, and which epoch is kept.

    Args:
        epochs: passes over the training part.
        lr: learning rate.
        weight_decay: strength of the pull of weights towards 0; added to the gradient by "adam"
            and "sgd", taken off the weight by "adamw".
        decay: which parameters it pulls at: "all", or those of the "first" convolution, as
            Kipf and Welling have it.
        optimizer: "adam", "adamw", "sgd" or "muon", which is for networks of convolutions.
        momentum: of "sgd" and "muon".
        lr_bias: learning rate of biases and norms, if it is another one.
        lr_head: learning rate of the last layer, if it is another one.
        depth_decay: what the learning rate of each block is multiplied by to get that of the
            block before it, from the head towards the input: below 1, trained early layers
            change less than late ones.
        schedule: of the learning rates, after each step: "constant"; "cosine", down to 0;
            "one_cycle", in a straight line up and down to 0.
        warmup: the part of the training in which "one_cycle" and "cosine" go up, from 0 to 1.
        batch_size: items a step; None where the task is one batch.
        label_smoothing: of classes, from 0 to 1.
        coarse: the part of the epochs, from 0 to 1 and at the start, that see less detail where
            the task has such a form: pictures of three quarters of the sides.
        averaging: decay of the running average of the weights after each step, which is what is
            measured and kept; 0 for none.
        select: which epoch is kept: "score" (the best on the validation part by the task's
            metric, then by loss), "loss" (the lowest there) or "last".
        patience: stop after so many epochs without a better one; None for never.

    Raises:
        TypeError: if a number is not one.
        ValueError: if a number is out of range, a name unknown, or a setting without effect
            beside the others.

    Example:
        >>> print(Recipe(epochs=200, lr=0.01, weight_decay=5e-4))
        epochs 200, lr 0.01, weight_decay 0.0005 on all, adam, constant, select score
    """

    epochs: int = 200
    lr: float = 0.01
    weight_decay: float = 0.0
    decay: Decayed = "all"
    optimizer: OptimizerName = "adam"
    momentum: float = 0.9
    lr_bias: float | None = None
    lr_head: float | None = None
    depth_decay: float = 1.0
    schedule: Schedule = "constant"
    warmup: float = 0.0
    batch_size: int | None = None
    label_smoothing: float = 0.0
    coarse: float = 0.0
    averaging: float = 0.0
    select: Literal["score", "loss", "last"] = "score"
    patience: int | None = None

    def __post_init__(self) -> None:
        self._check_number("epochs", 1, math.inf, whole=True)
        self._check_number("lr", 0, math.inf)
        self._check_number("weight_decay", 0, math.inf)
        for name in (
            "momentum", "depth_decay", "warmup", "label_smoothing", "coarse", "averaging",
        ):  # fmt: skip
            self._check_number(name, 0, 1)
        for name in ("lr_bias", "lr_head"):
            if getattr(self, name) is not None:
                self._check_number(name, 0, math.inf)
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
        for name, why in _without_effect({f.name: getattr(self, f.name) for f in fields(self)}):
            value = getattr(self, name)
            raise ValueError(f"'{name}' must be left out {why}, got {value!r}. Leave it out.")

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
        """The recipe that `to_dict` wrote; without what it holds of settings without effect.

        Older versions accepted those.
        """
        usual = {f.name: f.default for f in fields(cls)}
        held = {name: values[name] for name in usual if name in values}
        for name, _ in _without_effect(usual | held):
            del held[name]
        return cls(**held)

    def to_dict(self) -> dict[str, Any]:
        """Every field with its value, for JSON."""
        return asdict(self)

    def make_optimizer(self, model: nn.Module) -> Optimizer:
        """The optimizer for the parameters of `model` that are to be learned.

        Raises:
            ValueError: if there are none.
        """
        from gnnvision.training.optimizers import make_optimizer  # a recipe needs no torch

        return make_optimizer(self, model)

    def lr_factor(self, progress: float) -> float:
        """What the learning rates are multiplied by.

        Args:
            progress: how much of the training is over, from 0 to 1.
        """
        if self.schedule == "constant":
            return 1.0
        if progress < self.warmup:
            return progress / self.warmup
        rest = (progress - self.warmup) / (1 - self.warmup) if self.warmup < 1 else 0.0
        return 1 - rest if self.schedule == "one_cycle" else (1 + math.cos(math.pi * rest)) / 2

    def __str__(self) -> str:
        parts = [f"epochs {self.epochs}", f"lr {self.lr:g}"]
        if self.weight_decay:
            parts.append(f"weight_decay {self.weight_decay:g} on {self.decay}")
        for name in ("lr_bias", "lr_head"):
            if getattr(self, name) is not None:
                parts.append(f"{name} {getattr(self, name):g}")
        if self.depth_decay != 1:
            parts.append(f"depth_decay {self.depth_decay:g}")
        parts += [self.optimizer, self.schedule]
        if self.warmup and self.schedule != "constant":
            parts.append(f"warmup {self.warmup:g}")
        if self.batch_size is not None:
            parts.append(f"batch_size {self.batch_size}")
        if self.label_smoothing:
            parts.append(f"label_smoothing {self.label_smoothing:g}")
        if self.coarse:
            parts.append(f"coarse {self.coarse:g}")
        if self.averaging:
            parts.append(f"averaging {self.averaging:g}")
        parts.append(f"select {self.select}")
        if self.patience is not None:
            parts.append(f"patience {self.patience}")
        return ", ".join(parts)


def _without_effect(values: dict[str, Any]) -> list[tuple[str, str]]:
    """The settings that would be ignored beside the others, and why."""
    adaptive = values["optimizer"] in ("adam", "adamw")
    rules = {
        "momentum": (adaptive and values["momentum"] != 0.9, "with adam and adamw, which have "
                     "betas of their own"),
        "decay": (values["decay"] != "all" and not values["weight_decay"], "where 'weight_decay' "
                  "is 0"),
        "warmup": (values["warmup"] != 0 and values["schedule"] == "constant", "with a constant "
                   "schedule: use 'cosine' or 'one_cycle'"),
        "patience": (values["patience"] is not None and values["select"] == "last", "with "
                     "select='last', which always trains to the end"),
    }  # fmt: skip
    return [(name, why) for name, (ignored, why) in rules.items() if ignored]
