"""The pretrained network to start from: given, found, or trained first."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from gnnvision import _torchrun as torchrun
from gnnvision import data, models, training
from gnnvision.errors import invalid
from gnnvision.training import Recipe
from gnnvision.training.recipes import BOND_NETWORK, WHITENED_CNN
from gnnvision.training.record import BEST, has_checkpoint
from gnnvision.transfer import sources
from gnnvision.transfer.backbone import Backbone
from gnnvision.transfer.sources import WeightsNotFound

__all__ = ["image_backbone", "molecule_backbone", "trained_backbone"]

USUAL = "mobilenet_v2"
WEIGHTS = "weights"  # folder below the data root
_NAMES = ("{}_imagenet.safetensors", "{}-*.safetensors", "{}-*.pth")  # torchvision's are last


def trained_backbone(
    folder: Path,
    build: Callable[[], tuple[nn.Module, data.Task]],
    recipe: Recipe,
    **options: Any,  # noqa: ANN401
) -> Backbone:
    """The backbone that was trained in a folder; it is trained if it is not there.

    Args:
        folder: of the training, which continues if it was stopped.
        build: returns the untrained network and its task; called only if they are needed.
        recipe: how to train it.
        **options: further ones of `gnnvision.fit`.
    """
    trained, resume = torchrun.agreed([(folder / BEST).is_file(), has_checkpoint(folder)])
    if not trained:
        model, task = build()
        result = training.fit(model, task, recipe, folder=folder, resume=resume, **options)
        print(result.summary())
    return sources.load_backbone(folder)


def image_backbone(
    name: str,
    weights: Path | None,
    folder: Path,
    *,
    root: str | os.PathLike[str] | None = None,
    **options: Any,  # noqa: ANN401
) -> Backbone:
    """A network for images with the weights that are given, or else found.

    Without `weights` they are those of the folder "weights" of the data root, where a file has
    torchvision's name for it, such as resnet18-f37072fd.pth; or else torchvision's. If the usual
    network has none there, a small one is trained on CIFAR-10 first, which is said on the
    standard error.

    Args:
        name: of a network of torchvision, or with timm installed "timm:NAME".
        weights: a file of weights, or a run folder with network and weights.
        folder: for the training on CIFAR-10.
        root: the data root.
        **options: of `gnnvision.fit`, for that training.

    Raises:
        ValueError: if there is no such network, or the weights are of another one.
        WeightsNotFound: if the weights of another network than the usual one are not available.
    """
    if weights is not None:
        return (
            sources.load_backbone(weights)
            if weights.is_dir()
            else sources.load_backbone(name, weights)
        )
    folder_of_weights = data.data_root(root) / WEIGHTS
    patterns = [pattern.format(glob.escape(name)) for pattern in _NAMES]
    files = [file for pattern in patterns for file in sorted(folder_of_weights.glob(pattern))]
    if files and os.sep not in name:
        return sources.load_backbone(name, files[0])
    try:
        return sources.load_backbone(name)
    except WeightsNotFound as error:
        if name != USUAL:
            raise WeightsNotFound(f"{error} {folder_of_weights} is searched too.") from error
        print(f"{error}\nA small network is trained on CIFAR-10 first.", file=sys.stderr)

    def build() -> tuple[nn.Module, data.Task]:
        task = data.load("cifar10", root=root, split="full")
        assert isinstance(task, data.ImageTask)
        return models.whitened_cnn(), task.with_augment(data.Augment(crop=2, flip="alternating"))

    return trained_backbone(folder, build, WHITENED_CNN, **options)


def molecule_backbone(
    name: str,
    weights: Path | None,
    folder: Path,
    task: data.MoleculeTask,
    *,
    root: str | os.PathLike[str] | None = None,
    recipe: Recipe = BOND_NETWORK,
    **options: Any,  # noqa: ANN401
) -> Backbone:
    """A bond network with the weights of a run, or one that is trained on a large dataset first.

    Args:
        name: of the large dataset.
        weights: a run of a bond network without descriptors, instead.
        folder: for the training.
        task: the molecules to come, whose features of atoms and bonds it must read.
        root: the data root.
        recipe: how to train it.
        **options: of `gnnvision.fit`, for that training.

    Raises:
        ValueError: if the dataset does not contain molecules, or the run read other features.
    """

    def build() -> tuple[nn.Module, data.Task]:
        large = data.load(name, root=root, on_invalid="skip", featurizer=task.featurizer)
        if not isinstance(large, data.MoleculeTask):
            advice = "Choose tox21, hiv or another one."
            raise invalid("pretrain", "be a dataset of molecules", repr(name), advice)
        print("Pretraining on the large dataset:")
        model = models.bond_network(
            large.in_channels, large.num_outputs, bond_channels=large.num_edge_attr, dropout=0.1
        )
        return model, large

    if weights is not None:
        backbone = sources.load_backbone(weights)
    else:
        backbone = trained_backbone(folder, build, recipe, **options)
    assert backbone.preprocessing is not None
    backbone.preprocessing.prepare(task)
    return backbone
