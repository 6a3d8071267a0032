"""How the networks of each kind of data are built and trained, unless one says otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from gnnvision.training.recipe import Recipe
from gnnvision.training.recipes import BOND_NETWORK, WHITENED_CNN

if TYPE_CHECKING:
    from gnnvision.data import Augment, GraphTask

__all__ = [
    "FEW_LABELS",
    "GRAPH_PRESETS",
    "IMAGE_PRESETS",
    "LINK_RECIPE",
    "NODE_RECIPES",
    "SAMPLED_RECIPE",
    "GraphPreset",
    "ImagePreset",
]

MANY, FEWER_EPOCHS = 20_000, 12  # training graphs from which on fewer epochs are enough


@dataclass(frozen=True)
class ImagePreset:
    """How a network for images is built and trained.

    Args:
        recipe: how to train it.
        settings: further arguments of the network.
        shift: the largest shift of a training image, as a fraction of the side length.
        cutout: the side of the erased square, as a fraction of the side length.

    Example:
        >>> print(IMAGE_PRESETS["long"].augment(32, flip=True))
        crop 4 (reflect), flip alternating, cutout 8
    """

    recipe: Recipe = WHITENED_CNN
    settings: dict[str, Any] = field(default_factory=dict)
    shift: float = 1 / 16
    cutout: float = 0.0

    def augment(self, side: int, flip: bool) -> Augment:
        """The augmentation of training images.

        Args:
            side: their shorter side in pixels.
            flip: whether a mirrored image means the same.
        """
        from gnnvision.data import Augment  # needs torch, which `--help` does without

        return Augment(
            crop=max(1, int(side * self.shift)),
            flip="alternating" if flip else None,
            cutout=int(side * self.cutout),
        )


IMAGE_PRESETS = {
    "quick": ImagePreset(
        replace(
            WHITENED_CNN,
            # CIFAR-10: 3, 2 and 4 epochs at 24, 26 and 32 pixels; with --epochs 8 (3, 2 and 3)
            # a sixth quicker, and 90.1 % in one run.
            progressive_resizing=((0.33, 0.75), (0.22, 0.8125)),
            freeze_first_block=0.25,
            ema_span=1 / 16,
        )
    ),
    "long": ImagePreset(
        replace(WHITENED_CNN, epochs=16, progressive_resizing=0.5),
        {"widths": (64, 256, 512), "depths": (2, 3, 3)},
        shift=1 / 8,
        cutout=1 / 4,
    ),
    "few": ImagePreset(
        Recipe(
            epochs=40, lr=2e-3, optimizer="adamw", weight_decay=0.02, schedule="one_cycle",
            warmup=0.2, batch_size=32,
        ),
        shift=1 / 8,
    ),
    "lectures": ImagePreset(
        Recipe(
            epochs=15, lr=2e-3, optimizer="adamw", weight_decay=0.02, schedule="one_cycle",
            warmup=0.2,
        )
    ),
}  # fmt: skip


@dataclass(frozen=True)
class GraphPreset:
    """How a network for molecules, or for other small graphs, is built and trained.

    Args:
        network: its name in `gnnvision.models`.
        molecules: how to train it on molecules.
        graphs: how to train it on other graphs, which are few and have few features.
    """

    network: str
    molecules: Recipe
    graphs: Recipe

    def settings(self, task: GraphTask) -> dict[str, Any]:
        """The further arguments of the network.

        Args:
            task: the graphs.
        """
        if self.network != "bond_network":
            return {}
        sizes = {"bond_channels": task.num_edge_attr, "descriptors": task.num_graph_attr}
        molecules = task.card.kind == "molecule"
        return sizes | ({"dropout": 0.1} if molecules else {"hidden_channels": 100})

    def recipe(self, task: GraphTask) -> Recipe:
        """How to train it on these graphs; with fewer epochs on more than 20,000 of them.

        Args:
            task: the graphs.
        """
        recipe = self.molecules if task.card.kind == "molecule" else self.graphs
        return replace(recipe, epochs=FEWER_EPOCHS) if len(task.split.train) > MANY else recipe


_GRAPHS = Recipe(
    optimizer="adamw", schedule="one_cycle", weight_decay=1e-5, warmup=0.1, batch_size=32
)
_MOLECULES = replace(_GRAPHS, epochs=100, batch_size=64)
GRAPH_PRESETS = {
    "lecture": GraphPreset(
        "molecule_gcn", replace(_MOLECULES, lr=3e-3), replace(_GRAPHS, epochs=100, lr=3e-2)
    ),
    "strong": GraphPreset("bond_network", BOND_NETWORK, replace(_GRAPHS, epochs=50, lr=1e-3)),
    "baseline": GraphPreset(
        "graph_baseline", replace(_MOLECULES, lr=1e-2), replace(_GRAPHS, epochs=200, lr=1e-2)
    ),
}
NODE_RECIPES = {
    "gcn": Recipe(
        epochs=200,
        lr=0.01,
        weight_decay=5e-4,
        weight_decay_scope="first",
        checkpoint_selection="last",
    ),
    "classic": Recipe(epochs=200, lr=0.01, weight_decay=5e-4, patience=60),
}
# For graphs of which a step sees a part; of Hamilton, Ying and Leskovec (2017) the fanouts.
SAMPLED_RECIPE = Recipe(epochs=20, lr=0.003, batch_size=1024, fanouts=(15, 10), patience=5)
LINK_RECIPE = Recipe(epochs=200, lr=0.01)
_FEW = replace(
    BOND_NETWORK, epochs=150, batch_size=32, ema_decay=0.95, checkpoint_selection="last"
)
FEW_LABELS = {
    "from scratch": replace(_FEW, lr=1e-2),
    "whole network": replace(_FEW, lr=1e-3),
    "head alone": replace(_FEW, lr=3e-3),
}
