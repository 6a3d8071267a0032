"""A recipe: every setting of a training run, in one printable value."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from gnnvision._renamed import former_fields
from gnnvision.errors import at_least, in_range, integer, invalid, one_of, wrong_type

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

__all__ = ["Recipe", "with_current_names"]

_LARGEST = 2**63 - 1

DecayScope = Literal["all", "first"]
OptimizerName = Literal["adam", "adamw", "sgd", "muon"]
Schedule = Literal["constant", "cosine", "one_cycle"]
Selection = Literal["score", "loss", "last"]
EvaluateEvery = int | Literal["epoch"]
Resizing = float | Sequence[tuple[float, float]]

CURRENT_NAMES = {
    "decay": "weight_decay_scope",
    "depth_decay": "layer_decay",
    "coarse": "progressive_resizing",
    "averaging": "ema_decay",
    "select": "checkpoint_selection",
}
# Printed whether or not they have their default value.
SMALLER = 0.75  # scale of the sides of images where 'progressive_resizing' is one number
ALWAYS_PRINTED = ("epochs", "lr", "optimizer", "schedule", "checkpoint_selection")


def with_current_names(value: Any) -> Any:  # noqa: ANN401 - what JSON holds
    """The value with the current field names of recipes, also in nested dictionaries.

    Args:
        value: from JSON that this version or an earlier one wrote.
    """
    if not isinstance(value, Mapping):
        return value
    return {CURRENT_NAMES.get(k, k): with_current_names(v) for k, v in value.items()}


@former_fields(CURRENT_NAMES)
@dataclass(frozen=True)
class Recipe:
    """How to train: the optimizer, its schedule, and which epoch's weights are kept.

    The names that fields had before version 0.2 (`decay`, `depth_decay`, `coarse`, `averaging`
    and `select`) still work, as arguments and as attributes.

    Args:
        epochs: passes over the training split.
        lr: learning rate.
        weight_decay: strength of the weight decay: an L2 term in the gradient with "adam" and
            "sgd", decoupled from the gradient with "adamw".
        weight_decay_scope: which parameters decay: "all", or those of the "first" convolution,
            as in Kipf and Welling's GCN.
        optimizer: "adam", "adamw", "sgd" or "muon"; the last is for convolutional networks.
        momentum: of "sgd" and "muon".
        lr_bias: learning rate of biases and normalization layers; `lr` if None.
        lr_head: learning rate of the last layer; `lr` if None.
        layer_decay: layer-wise learning-rate decay: the learning rate of a block is that of the
            next block towards the head times this factor, so that below 1 early layers change
            less than late ones.
        schedule: of the learning rates, updated at each step: "constant"; "cosine", down to 0;
            "one_cycle", linearly up and then linearly down to 0.
        warmup: fraction of the training, from 0 to 1, in which "one_cycle" and "cosine" raise
            the learning rate from 0.
        batch_size: items in a batch; None for the task's default.
        fanouts: for the nodes of one graph, how many neighbors a node gets in each hop, drawn
            in each epoch: one number for each hop of the network's convolutions, first that
            of the last layer, -1 for all neighbors. A batch is then `batch_size` nodes with these
            neighbors. The epochs are compared on a fixed draw of the validation nodes; the final
            metrics use all neighbors. None for the whole graph as one batch.
        clusters: in place of `fanouts`, two numbers: how many clusters the nodes are divided into
            (`Graph.clusters`), and how many of them are a batch, others in each epoch. It has
            the edges between their nodes alone. The epochs are compared on the validation nodes
            of such batches, which are always the same; the final metrics use all neighbors.
        class_weights: weights of the classes in the loss. "balanced" gives the rare classes more,
            in inverse proportion to their training items; else numbers, one for each class in
            their order. Of a multi-label task, the weights of the positives of each target,
            "balanced" as heavy together as the negatives. "none" for equal weights.
        label_smoothing: for classification and multi-label tasks, from 0 to 1.
        progressive_resizing: fraction of the epochs, from 0 to 1, at the start, that train on
            smaller images, of three quarters of the height and width; or pairs of such a fraction
            and a scale of the sides, in their order: ((0.4, 0.75), (0.2, 0.875)) trains 40 % of
            the epochs at three quarters, then 20 % at seven eighths, then the rest at full size.
        freeze_first_block: fraction of the epochs, from 0 to 1, at the end, in which the first
            block with trainable weights is not trained, so that its gradients need not be
            computed; its norms keep using the statistics of each batch.
        ema_decay: decay of an exponential moving average (EMA) of the weights, updated at each
            step; the averaged weights are then evaluated and kept. 0 for no averaging.
        ema_span: instead of `ema_decay`, how far back the average reaches, as a fraction of all
            training steps from 0 to 1, so that it suits any number of items and any batch size:
            the decay is 1 - 1 / (ema_span · steps), and at least 0.
        checkpoint_selection: which epoch is kept: "score" (the best validation metric, then the
            lowest validation loss), "loss" (the lowest validation loss) or "last".
        patience: stop after this many epochs without improvement; None to never stop early.
        evaluate_every: measure loss and score of the test split, and of the validation split,
            after this many training steps, or after each "epoch", for the curves of the report.
            They are only drawn: no epoch and no seed is selected by them, and they change nothing
            of the training. None to read the test split at the end only.

    Raises:
        TypeError: if a field has the wrong type, or is given by its old and its current name.
        ValueError: if a number is out of range, a name unknown, or a setting has no effect with
            the other settings.

    Example:
        >>> print(Recipe(epochs=200, lr=0.01, weight_decay=5e-4))
        epochs 200, lr 0.01, weight_decay 0.0005, optimizer adam, schedule constant, \
checkpoint_selection score
    """

    epochs: int = 200
    lr: float = 0.01
    weight_decay: float = 0.0
    weight_decay_scope: DecayScope = "all"
    optimizer: OptimizerName = "adam"
    momentum: float = 0.9
    lr_bias: float | None = None
    lr_head: float | None = None
    layer_decay: float = 1.0
    schedule: Schedule = "constant"
    warmup: float = 0.0
    batch_size: int | None = None
    fanouts: Sequence[int] | None = None
    clusters: tuple[int, int] | None = None
    class_weights: Literal["none", "balanced"] | Sequence[float] = "none"
    label_smoothing: float = 0.0
    progressive_resizing: Resizing = 0.0
    freeze_first_block: float = 0.0
    ema_decay: float = 0.0
    ema_span: float = 0.0
    checkpoint_selection: Selection = "score"
    patience: int | None = None
    evaluate_every: EvaluateEvery | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "patience"):
            self._check_number(name, 1, whole=True)
        if isinstance(self.evaluate_every, str):
            one_of("evaluate_every", self.evaluate_every, ("epoch",))
        else:
            self._check_number("evaluate_every", 1, whole=True)
        for name in ("lr", "weight_decay", "lr_bias", "lr_head"):
            self._check_number(name, 0)
        for name in (
            "momentum", "layer_decay", "warmup", "label_smoothing", "freeze_first_block",
            "ema_decay", "ema_span",
        ):  # fmt: skip
            self._check_number(name, 0, 1)
        object.__setattr__(self, "class_weights", _checked_weights(self.class_weights))
        if self.fanouts is not None:
            object.__setattr__(self, "fanouts", _checked_fanouts(self.fanouts))
        if self.clusters is not None:
            object.__setattr__(self, "clusters", _checked_clusters(self.clusters))
        if isinstance(self.progressive_resizing, Sequence):
            checked = _checked_resizing(self.progressive_resizing)
            object.__setattr__(self, "progressive_resizing", checked)
        else:
            self._check_number("progressive_resizing", 0, 1)
        one_of("weight_decay_scope", self.weight_decay_scope, get_args(DecayScope))
        one_of("optimizer", self.optimizer, get_args(OptimizerName))
        one_of("schedule", self.schedule, get_args(Schedule))
        one_of("checkpoint_selection", self.checkpoint_selection, get_args(Selection))
        for name, why in _without_effect(vars(self)):
            value = repr(getattr(self, name))
            raise invalid(name, f"be left out {why}", value, "Leave it out.")

    def _check_number(
        self, name: str, low: float, high: float = math.inf, whole: bool = False
    ) -> None:
        value = getattr(self, name)
        if value is None and Recipe.__dataclass_fields__[name].default is None:
            return
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            kind = "an integer" if whole else "a number"
            raise wrong_type(name, f"be {kind}", value, "Give for example 1.")
        if math.isfinite(high):
            in_range(name, value, low, high)
        else:
            at_least(name, value, low)
            if value > (_LARGEST if whole else sys.float_info.max):  # also integers beyond these
                condition = f"be at most {_LARGEST}" if whole else "be finite"
                raise invalid(name, condition, repr(value)[:60], "Choose a smaller value.")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The recipe that `to_dict` wrote, in this version or an earlier one.

        Settings without effect, which earlier versions accepted, are left out.
        """
        defaults = {field.name: field.default for field in fields(cls)}
        current = with_current_names(values)
        stored = {name: current[name] for name in defaults if name in current}
        for name, _ in _without_effect(defaults | stored):
            del stored[name]
        return cls(**stored)

    def to_dict(self) -> dict[str, Any]:
        """Every field with its value, for JSON."""
        held = asdict(self)
        weights, resizing = held["class_weights"], held["progressive_resizing"]
        if not isinstance(weights, str):
            held["class_weights"] = list(weights)
        if self.fanouts is not None:
            held["fanouts"] = list(self.fanouts)
        if self.clusters is not None:
            held["clusters"] = list(self.clusters)
        if isinstance(resizing, tuple):
            held["progressive_resizing"] = [list(pair) for pair in resizing]
        return held

    @property
    def is_sampled(self) -> bool:
        """Whether a step on the nodes of one graph sees a part of it."""
        return self.fanouts is not None or self.clusters is not None

    def make_optimizer(self, model: nn.Module) -> Optimizer:
        """The optimizer for the trainable parameters of `model`.

        Raises:
            ValueError: if there are none, or a setting has no effect on any of them.
        """
        # A recipe needs no torch.
        from gnnvision.training.optimizers import OptimizerSettings, make_optimizer

        held = (getattr(self, name) for name in OptimizerSettings._fields)
        return make_optimizer(OptimizerSettings(*held), model)

    def lr_factor(self, progress: float) -> float:
        """The factor by which the schedule multiplies the learning rates.

        Args:
            progress: fraction of the training that is done, from 0 to 1.
        """
        if self.schedule == "constant":
            return 1.0
        if progress < self.warmup:
            return progress / self.warmup
        rest = (progress - self.warmup) / (1 - self.warmup) if self.warmup < 1 else 0.0
        return 1 - rest if self.schedule == "one_cycle" else (1 + math.cos(math.pi * rest)) / 2

    @property
    def resizing(self) -> tuple[tuple[float, float], ...]:
        """Pairs of a fraction of the epochs and the scale of the sides of images, in order."""
        given = self.progressive_resizing
        if isinstance(given, Sequence):
            return tuple(given)
        return ((given, SMALLER),) if given else ()

    def image_scale(self, epoch: int) -> float:
        """The scale of the sides of training images in an epoch.

        Args:
            epoch: from 0.
        """
        end = 0.0
        for fraction, scale in self.resizing:
            end += fraction * self.epochs
            if epoch < end - 1e-6:
                return scale
        return 1.0

    def freezes_first_block(self, epoch: int) -> bool:
        """Whether the first block is not trained in an epoch.

        Args:
            epoch: from 0.
        """
        return epoch >= (1 - self.freeze_first_block) * self.epochs - 1e-6

    def average_decay(self, steps: int) -> float:
        """The decay of the average of the weights; 0 for no averaging.

        Args:
            steps: number of steps of the whole training.
        """
        if not self.ema_span:
            return self.ema_decay
        return max(1 - 1 / (self.ema_span * max(steps, 1)), 0.0)

    def __str__(self) -> str:
        shown = [
            (field.name, getattr(self, field.name))
            for field in fields(self)
            if field.name in ALWAYS_PRINTED or getattr(self, field.name) != field.default
        ]
        return ", ".join(f"{n} {v:g}" if isinstance(v, float) else f"{n} {v}" for n, v in shown)


def _checked_weights(value: object) -> str | tuple[float, ...]:
    """Class weights as a word or a tuple of positive numbers."""
    if isinstance(value, str):
        return one_of("class_weights", value, ("none", "balanced"))
    advice = "Pass 'balanced', or a weight for each class."
    if not isinstance(value, Sequence) or not value:
        raise wrong_type("class_weights", "be a word or a list of numbers", value, advice)
    for weight in value:
        is_number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
        if not is_number or not 0 < weight < math.inf:
            raise invalid("class_weights", "have positive finite numbers", weight, advice)
    return tuple(float(weight) for weight in value)


def _checked_fanouts(given: object) -> tuple[int, ...]:
    """The numbers of neighbors as a tuple of positive integers or -1."""
    advice = "Pass for example fanouts=(15, 10), one number for each convolution."
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise wrong_type("fanouts", "be a list of integers", given, advice)
    for number in given:
        if isinstance(number, bool) or not isinstance(number, int):
            raise wrong_type("fanouts", "have integers", number, advice)
        if number < 1 and number != -1:
            raise invalid("fanouts", "have positive numbers, or -1 for all", number, advice)
    return tuple(given)


def _checked_clusters(given: object) -> tuple[int, int]:
    """How many clusters there are, and how many in a batch."""
    advice = "Pass for example clusters=(1500, 20): 20 of 1500 clusters in a batch."
    if isinstance(given, str) or not isinstance(given, Sequence) or len(given) != 2:
        raise wrong_type("clusters", "be two integers", given, advice)
    count, in_batch = (integer("clusters", number, 1, advice) for number in given)
    if in_batch > count:
        raise invalid("clusters", "have no more in a batch than in all", (count, in_batch), advice)
    return count, in_batch


def _checked_resizing(pairs: Sequence[Any]) -> tuple[tuple[float, float], ...]:
    """Stages of progressive resizing as pairs of numbers in range."""
    name, advice = "progressive_resizing", "Pass for example ((0.4, 0.75), (0.2, 0.875))."
    checked = []
    for pair in pairs:
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
            raise wrong_type(name, "be a number, or pairs (fraction, scale)", pair, advice)
        fraction, scale = pair
        for value in pair:
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise wrong_type(name, "have numbers in its pairs", value, advice)
        if not (0 < fraction <= 1 and 0 < scale < 1):
            condition = "have fractions above 0 up to 1, and scales between 0 and 1"
            raise invalid(name, condition, (fraction, scale), advice)
        checked.append((float(fraction), float(scale)))
    if (total := sum(fraction for fraction, _ in checked)) > 1 + 1e-9:
        raise invalid(name, "have fractions that sum to at most 1", f"{total:g}", advice)
    return tuple(checked)


def _without_effect(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The settings that the other settings make ineffective, each with the reason."""
    adaptive = values["optimizer"] in ("adam", "adamw")
    rules = {
        "fanouts": (
            values["fanouts"] is not None and values["clusters"] is not None,
            "with 'clusters', which keep all edges between the nodes of a batch",
        ),
        "batch_size": (
            values["batch_size"] is not None and values["clusters"] is not None,
            "with 'clusters', the second of which is the number in a batch",
        ),
        "momentum": (
            adaptive and values["momentum"] != 0.9,
            "with 'adam' and 'adamw', which have 'betas' instead",
        ),
        "weight_decay_scope": (
            values["weight_decay_scope"] != "all" and not values["weight_decay"],
            "where 'weight_decay' is 0",
        ),
        "warmup": (
            values["warmup"] != 0 and values["schedule"] == "constant",
            "with a constant schedule: use 'cosine' or 'one_cycle'",
        ),
        "ema_span": (
            values["ema_span"] != 0 and values["ema_decay"] != 0,
            "with 'ema_decay', which it determines",
        ),
        "patience": (
            values["patience"] is not None and values["checkpoint_selection"] == "last",
            "with checkpoint_selection='last', which always trains to the end",
        ),
    }
    return [(name, why) for name, (ignored, why) in rules.items() if ignored]
