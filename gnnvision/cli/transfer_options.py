"""The flags of the scripts that fine-tune a pretrained network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from gnnvision.cli.options import RunOptions
from gnnvision.errors import invalid

if TYPE_CHECKING:
    from gnnvision.transfer import Backbone, Plan

__all__ = ["TransferOptions"]


@dataclass(frozen=True, kw_only=True)
class TransferOptions(RunOptions):
    """The flags of every script that fine-tunes a pretrained network for images.

    Args:
        backbone: A network of torchvision, or with timm installed "timm:NAME".
        weights: A file of weights, or a run folder of cnn_cifar.py with network and weights.
        strategy: The layers to train: the head; also the last quarter of the blocks ("last"); the
            second half ("part"); or the whole network. "auto" decides by the size of the dataset
            and its similarity to the data of the weights.
        compare: Choose the strategy by its accuracy in cross-validation.
        split: "full" trains on all images but those of the test split, and keeps the last epoch;
            "public" takes a validation split from them, which selects the epoch.
        evaluate_every: Measure the test split after this many training steps, or after each
            "epoch", for the curves. They are only drawn: nothing is selected by them.
        keep_epochs: Also keep the weights after each epoch, in checkpoints/epochs.
        image_size: Side length in pixels to which images are resized; by default that of the
            weights.
        on_invalid: What to do with files that cannot be read: stop with an error, skip them, or
            skip them and list them in quarantine.csv.
    """

    seeds: int = 5
    backbone: str = "mobilenet_v2"
    weights: Path | None = None
    strategy: Literal["auto", "whole", "last", "part", "head"] = "auto"
    compare: bool = False
    split: Literal["full", "public"] = "full"
    evaluate_every: int | Literal["epoch"] | None = None
    keep_epochs: bool = False
    image_size: int | None = None
    on_invalid: Literal["raise", "skip", "quarantine"] = "raise"

    needs: ClassVar[tuple[str, ...]] = ("images", "report")
    groups: ClassVar[dict[str, tuple[str, ...]]] = {
        "data": ("split", "image_size", "on_invalid"),
        "training": ("evaluate_every",),
        "output": ("keep_epochs",),
    }
    metavars: ClassVar[dict[str, str]] = {
        "backbone": "NAME", "weights": "FILE|RUN", "image_size": "PIXELS",
        "evaluate_every": "STEPS",
    }  # fmt: skip
    former: ClassVar[dict[str, str]] = {"data": "dataset"}
    other_names: ClassVar[dict[tuple[str, str], str]] = RunOptions.other_names | {
        ("transfer", "name"): "backbone"
    }

    def refuse_contradictions(self) -> None:
        """Refuse flags that have no effect next to others.

        Raises:
            ValueError: if there are some; the message names them.
        """
        from gnnvision.cli.unused_flags import refuse_unused

        if self.compare:
            refuse_unused(self, {"strategy": "auto"}, "with --compare")
        elif self.strategy == "head":
            refuse_unused(self, {"epochs": None}, "with --strategy head")
        if self.weights is not None and self.weights.is_dir():
            refuse_unused(self, {"backbone": "mobilenet_v2"}, "with the weights of a run")

    def plan(self) -> Plan:
        """How to fine-tune, as the flags say; a validation split selects the epoch."""
        from gnnvision.training.recipes import FINE_RECIPE, HEAD_RECIPE
        from gnnvision.transfer import Plan

        selection: Literal["last", "score"] = "last" if self.split == "full" else "score"
        fine = self.adapt(replace(FINE_RECIPE, checkpoint_selection=selection))
        head = replace(
            HEAD_RECIPE, checkpoint_selection=selection, evaluate_every=self.evaluate_every
        )
        return Plan(head=head, fine=fine)

    def data_options(self, backbone: Backbone) -> dict[str, Any]:
        """The options of `gnnvision.data.load` for images as the weights expect them.

        Args:
            backbone: the network with its weights.

        Raises:
            ValueError: if it is not a network for images.
        """
        from gnnvision.transfer import ImagePreprocessing

        wanted = backbone.preprocessing
        if not isinstance(wanted, ImagePreprocessing):
            advice = "Choose other weights."
            raise invalid("--weights", "be of a network for images", backbone.name, advice)
        return {
            "root": self.data_root,
            "image_size": self.image_size or wanted.resize,
            "channels": 3 if wanted.channels == 3 else 1,
            "split": self.split,
            "on_invalid": self.on_invalid,
        }
