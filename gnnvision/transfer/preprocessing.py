"""What belongs to weights besides them: how pictures and molecules must be prepared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from gnnvision.data import ImageTask, MoleculeTask, Task

__all__ = ["MoleculePreprocessing", "PicturePreprocessing", "Preprocessing", "preprocessing_of"]

T = TypeVar("T", bound=Task)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class PicturePreprocessing:
    """How a picture becomes what the weights were trained on: p / 255, minus mean, over std.

    Args:
        size: height and width that the network was trained with, in pixels.
        resize: the shorter side is brought to this before the middle of that size is taken.
        mean: subtracted from each channel, from 0 to 1.
        std: by which each channel is then divided.
        channels: of a picture.
    """

    size: tuple[int, int] = (224, 224)
    resize: int = 256
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    channels: int = 3

    def prepare(self, task: T) -> T:
        """The task with its pictures normalized as the weights want it.

        Raises:
            TypeError: if it is not one of pictures.
            ValueError: if its pictures have other channels.
        """
        if not isinstance(task, ImageTask):
            raise TypeError(
                f"'task' must be one of pictures for this backbone, got {task.name!r}. "
                "Load pictures, or take a backbone for graphs."
            )
        if task.in_channels != self.channels:
            raise ValueError(
                f"'task' must have pictures of {self.channels} channels for these weights, got "
                f"{task.in_channels}. Load it with channels={self.channels}."
            )
        return replace(task, mean=self.mean, std=self.std)


@dataclass(frozen=True)
class MoleculePreprocessing:
    """How SMILES become what the weights were trained on.

    Args:
        featurizer_hash: of the columns of atoms and bonds.
        descriptors: columns of descriptors of a whole molecule; 0 for none.
    """

    featurizer_hash: str
    descriptors: int = 0

    def prepare(self, task: T) -> T:
        """The task itself.

        Raises:
            TypeError: if it is not one of molecules.
            ValueError: if its atoms and bonds have other features.
        """
        if not isinstance(task, MoleculeTask):
            raise TypeError(
                f"'task' must be one of molecules for this backbone, got {task.name!r}. "
                "Load molecules, or take a backbone for pictures."
            )
        if task.featurizer.hash != self.featurizer_hash:
            raise ValueError(
                f"'task' must have the features of the backbone, {self.featurizer_hash[:12]}, got "
                f"{task.featurizer.hash[:12]}. Load it with the featurizer of the run that the "
                "backbone is from."
            )
        if task.num_graph_attr != self.descriptors:
            raise ValueError(
                f"'task' must have {self.descriptors} descriptors for this backbone, got "
                f"{task.num_graph_attr}. Load it with descriptors={self.descriptors > 0}."
            )
        return task


Preprocessing = PicturePreprocessing | MoleculePreprocessing


def preprocessing_of(given: Mapping[str, Any]) -> Preprocessing | None:
    """What a checkpoint says of its input; None where it says nothing.

    Args:
        given: `Task.input_description`, as a checkpoint holds it.
    """
    if "featurizer" in given:
        return MoleculePreprocessing(given["featurizer_hash"], given["descriptors"])
    if "mean" not in given:
        return None
    size = (given["size"][0], given["size"][1])
    mean, std = (tuple(map(float, given[name])) for name in ("mean", "std"))
    return PicturePreprocessing(size, min(size), mean, std, given["channels"])
