"""The task of an autoencoder: each image is its own target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor

from gnnvision._renamed import former_arguments
from gnnvision.data.task import SplitName, Task
from gnnvision.domains import Domain

if TYPE_CHECKING:
    from gnnvision.data.images.task import ImageTask

__all__ = ["ReconstructionTask"]


@dataclass(frozen=True, eq=False, kw_only=True)
class ReconstructionTask(Task):
    """Reconstruction of the images of another task; see `ImageTask.reconstruction`.

    A batch consists of the normalized images, and as targets the same images with values from 0
    to 1: float32 (B, C, H, W). The target of an augmented image is the augmented image.

    Args:
        source: The image task, with its split, normalization and augmentation.
    """

    source: ImageTask

    @classmethod
    def of(cls, source: ImageTask) -> Self:
        """The reconstruction task of an image task."""
        names = {1: ("gray",), 3: ("red", "green", "blue")}
        return cls(
            name=source.name,
            requested=source.requested,
            kind="regression",
            in_channels=source.in_channels,
            num_outputs=source.in_channels,
            class_names=names.get(
                source.in_channels, tuple(f"channel {c}" for c in range(source.in_channels))
            ),
            split=source.split,
            card=source.card,
            data_hash=source.data_hash,
            seed=source.seed,
            origin=source.origin,
            source=source,
        )

    @former_arguments(part="split")
    def batches(
        self,
        split: SplitName,
        batch_size: int | None = None,
        generator: torch.Generator | None = None,
        epoch: int = 0,
    ) -> Iterator[tuple[Tensor, Domain, Tensor]]:
        """The batches of the source task, with the images as targets."""
        source = self.source
        for images, _ in source.image_batches(split, batch_size, generator, epoch):
            yield source.normalize(images), source.grid, images.float() / 255

    def input_description(self) -> dict[str, Any]:
        """The input description of the source task."""
        return self.source.input_description()

    def with_seed(self, seed: int) -> Self:
        """The task with this seed for its flips, and for its split if that is random."""
        source = self.source.with_seed(seed)
        return replace(self, source=source, split=source.split, seed=source.seed)

    def to(self, device: torch.device | str) -> Self:
        """The task with its images on `device`; itself if they already are."""
        source = self.source.to(device)
        return self if source is self.source else replace(self, source=source)
