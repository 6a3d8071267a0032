"""The task of an autoencoder: the image is its own target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor

from gnnvision.data.task import SplitName, Task
from gnnvision.domains import Domain

if TYPE_CHECKING:
    from gnnvision.data.images.task import ImageTask

__all__ = ["ReconstructionTask"]


@dataclass(frozen=True, eq=False, kw_only=True)
class ReconstructionTask(Task):
    """Give back the images of another task; made by its `reconstruction()`.

    A batch holds the normalized images, and as targets the same images as numbers from 0
    to 1: float32 (B, C, H, W). An augmented image is its own target too.

    Args:
        source: The task on images, with its split, normalization and augmentation.
    """

    source: ImageTask

    @classmethod
    def of(cls, source: ImageTask) -> Self:
        """The task that has the images of `source` as targets."""
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

    def batches(
        self,
        part: SplitName,
        batch_size: int | None = None,
        generator: torch.Generator | None = None,
        epoch: int = 0,
    ) -> Iterator[tuple[Tensor, Domain, Tensor]]:
        """As those of the images' own task, with the images as targets."""
        source = self.source
        for images, _ in source.image_batches(part, batch_size, generator, epoch):
            yield source.normalize(images), source.grid, images.float() / 255

    def input_description(self) -> dict[str, Any]:
        """That of the images' own task."""
        return self.source.input_description()

    def with_seed(self, seed: int) -> Self:
        """The task with the split of this seed if its split is random, and its flips."""
        source = self.source.with_seed(seed)
        return replace(self, source=source, split=source.split, seed=source.seed)

    def to(self, device: torch.device | str) -> Self:
        """The task with its images on `device`; itself if they are there."""
        source = self.source.to(device)
        return self if source is self.source else replace(self, source=source)
