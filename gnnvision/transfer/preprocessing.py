"""The preprocessing that pretrained weights require of images and molecules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from gnnvision.data import ImageTask, MoleculeTask, Task
from gnnvision.errors import invalid, wrong_type

__all__ = ["ImagePreprocessing", "MoleculePreprocessing", "Preprocessing", "preprocessing_of"]

T = TypeVar("T", bound=Task)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class ImagePreprocessing:
    """Preprocessing of images: (pixel / 255 - mean) / std.

    Args:
        size: height and width of the images that the network was trained on, in pixels.
        resize: length of the shorter side before the center crop to `size`, in pixels.
        mean: of each channel, for pixels from 0 to 1.
        std: of each channel.
        channels: of an image.
    """

    size: tuple[int, int] = (224, 224)
    resize: int = 256
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    channels: int = 3

    def prepare(self, task: T) -> T:
        """The task with its images normalized by `mean` and `std`.

        Raises:
            TypeError: if it is not an image task.
            ValueError: if its images have another number of channels.
        """
        if not isinstance(task, ImageTask):
            advice = "Load images, or use a backbone for graphs."
            raise wrong_type("task", "be an image task for this backbone", task, advice)
        if task.in_channels != self.channels:
            condition = f"have images with {self.channels} channels for these weights"
            advice = f"Load it with channels={self.channels}."
            raise invalid("task", condition, task.in_channels, advice)
        return replace(task, mean=self.mean, std=self.std)


@dataclass(frozen=True)
class MoleculePreprocessing:
    """Preprocessing of molecules: the featurizer and descriptors that the weights require.

    Args:
        featurizer_hash: hash of the featurizer.
        descriptors: number of molecular descriptors; 0 for none.
    """

    featurizer_hash: str
    descriptors: int = 0

    def prepare(self, task: T) -> T:
        """The unchanged task, after a check.

        Raises:
            TypeError: if it is not a molecule task.
            ValueError: if its featurizer or descriptors differ.
        """
        if not isinstance(task, MoleculeTask):
            advice = "Load molecules, or use a backbone for images."
            raise wrong_type("task", "be a molecule task for this backbone", task, advice)
        if task.featurizer.hash != self.featurizer_hash:
            condition = f"have the features of the backbone, hash {self.featurizer_hash[:12]}"
            advice = "Load the task with the featurizer of the run that trained the backbone."
            raise invalid("task", condition, task.featurizer.hash[:12], advice)
        if task.num_graph_attr != self.descriptors:
            condition = f"have {self.descriptors} descriptors for this backbone"
            advice = f"Load the task with descriptors={self.descriptors > 0}."
            raise invalid("task", condition, task.num_graph_attr, advice)
        return task


Preprocessing = ImagePreprocessing | MoleculePreprocessing


def preprocessing_of(given: Mapping[str, Any]) -> Preprocessing | None:
    """The preprocessing that a checkpoint describes; None if it describes none.

    Args:
        given: `Task.input_description`, as stored in a checkpoint.
    """
    if "featurizer" in given:
        return MoleculePreprocessing(given["featurizer_hash"], given["descriptors"])
    if "mean" not in given:
        return None
    size = (given["size"][0], given["size"][1])
    mean, std = (tuple(map(float, given[name])) for name in ("mean", "std"))
    return ImagePreprocessing(size, min(size), mean, std, given["channels"])
