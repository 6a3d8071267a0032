"""Images of one size in memory, in augmented and normalized batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
import torch
from torch import Tensor

from gnnvision.data.batching import (
    ALONE,
    Share,
    check_batches,
    check_tensors,
    own_part,
    split_into_batches,
)
from gnnvision.data.images.augment import Augment
from gnnvision.data.images.geometry import to_channels_last
from gnnvision.data.task import SplitName, Task
from gnnvision.domains import Grid
from gnnvision.domains.checks import Indices, to_indices
from gnnvision.domains.device import send
from gnnvision.errors import invalid, wrong_dtype

__all__ = ["PixelTask"]

TRAIN_BATCH, _EVALUATION_BATCH = 128, 500


@dataclass(frozen=True, eq=False, kw_only=True)
class PixelTask(Task):
    """The images of a task; `ImageTask` adds their targets.

    Images are stored as bytes. A batch is gathered, augmented and normalized in a few tensor
    operations on the device of the images.

    Args:
        images: uint8 images from 0 to 255, in channels-last memory, which can be a
            memory-mapped file. Shape (N, C, H, W).
        mean: The mean of each channel over the training split, for pixels from 0 to 1.
        std: The standard deviation of each channel.
        augment: The augmentation of training images; None to leave them unchanged.
        resolution: The scale of the sides of images in batches; see `low_resolution`.

    Raises:
        TypeError: The images are not uint8.
        ValueError: Sizes do not match, or a standard deviation is out of range.
    """

    images: Tensor
    mean: tuple[float, ...]
    std: tuple[float, ...]
    augment: Augment | None = None
    resolution: float = 1.0
    _scale: tuple[Tensor, Tensor] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_tensors(images=self.images)
        if self.images.dtype != torch.uint8:
            advice = "Pass pixels from 0 to 255, or use ImageTask.from_tensors."
            raise wrong_dtype("images", "be uint8", self.images.dtype, advice)
        if self.images.ndim != 4 or self.images.shape[1] != self.in_channels:
            condition = f"have shape (N, in_channels={self.in_channels}, H, W)"
            advice = "Put the channels second."
            raise invalid("images", condition, tuple(self.images.shape), advice)
        if not len(self.mean) == len(self.std) == self.in_channels or min(self.std) <= 0:
            raise ValueError(
                f"'mean' and 'std' must have {self.in_channels} values, with 'std' above 0, got "
                f"{self.mean} and {self.std}. Pass one value of each per channel."
            )
        self.split.check(len(self.images))
        if self.augment is not None:
            self.augment.check(self._stored_size)
        last = torch.channels_last
        object.__setattr__(self, "images", self.images.contiguous(memory_format=last))
        # On the CPU, as not every device has float64.
        mean = torch.tensor(self.mean, dtype=torch.float64)
        std = torch.tensor(self.std, dtype=torch.float64)
        # (p / 255 - mean) / std = p scale + shift, repeated along a row of pixels.
        scale, shift = 1 / (255 * std), -mean / std
        width = self._full_size[1]
        both = tuple(v.float().repeat(width).to(self.images.device) for v in (scale, shift))
        object.__setattr__(self, "_scale", both)
        super().__post_init__()

    @property
    def _stored_size(self) -> tuple[int, int]:
        return self.images.shape[2], self.images.shape[3]

    @property
    def grid(self) -> Grid:
        """The domain of a batch, with the size of its images."""
        height, width = self._full_size
        return Grid((round(height * self.resolution), round(width * self.resolution)))

    @property
    def _full_size(self) -> tuple[int, int]:
        """The size of images in batches at full resolution."""
        size = None if self.augment is None else self.augment.size
        return size or self._stored_size

    def image_batches(
        self,
        split: SplitName,
        batch_size: int | None = None,
        generator: torch.Generator | None = None,
        epoch: int = 0,
        share: Share = ALONE,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Iterate over batches of images that are not normalized, with the indices of the images.

        Shapes:
            Yields: uint8 (B, C, H, W), int64 (B,).
        """
        check_batches(split, batch_size, "images")
        index = torch.from_numpy(np.array(getattr(self.split, split)))
        if split != "train" or generator is None:
            index = index[own_part(len(index), share)]
            for chosen in send(index, self.images.device).split(batch_size or _EVALUATION_BATCH):
                yield self._center_crop(chosen), chosen
            return
        index = index[torch.randperm(len(index), generator=generator)]
        size = batch_size or TRAIN_BATCH
        there = send(index, self.images.device)  # once for the epoch
        on_device, on_host = (split_into_batches(each, size, share[1]) for each in (there, index))
        for batch, items in zip(on_device, on_host, strict=True):
            own = own_part(len(items), share)
            chosen = batch[own]
            images = self._images(chosen)
            if self.augment is not None:
                mirrored = None
                if self.augment.flip == "alternating":
                    mirrored = self._mirrored_first[items[own]] ^ bool(epoch % 2)
                images = self.augment(
                    images, generator, flip_state=mirrored, fill=self.mean, part=(own, len(items))
                )
            yield images, chosen

    @cached_property
    def _mirrored_first(self) -> Tensor:
        """Which images alternating flips mirror in the even epochs: bool (N,)."""
        # A stream that differs from the training loop's for the same seed.
        own = torch.Generator().manual_seed(self.seed ^ 0x464C4950)
        return torch.rand(len(self.images), generator=own) < 0.5

    def _images(self, chosen: Tensor) -> Tensor:
        n, channels, height, width = self.images.shape
        flat = self.images.permute(0, 2, 3, 1).view(n, -1)  # (N, H W C)
        taken = flat.index_select(0, chosen).view(-1, height, width, channels)
        return taken.permute(0, 3, 1, 2)

    def _center_crop(self, chosen: Tensor) -> Tensor:
        """Images without augmentation, cropped to the size in batches: uint8 (B, C, H, W)."""
        images, (h, w) = self._images(chosen), self._full_size
        height, width = self._stored_size
        if (h, w) == (height, width):
            return images
        top, left = (height - h) // 2, (width - w) // 2
        return images[:, :, top : top + h, left : left + w]

    def normalize(self, images: Tensor) -> Tensor:
        """Normalize uint8 images p to (p / 255 - mean) / std.

        Shapes:
            images: uint8 (B, C, H, W).
            Output: float32 (B, C, H, W) in channels-last memory.
        """
        x = to_channels_last(images)
        batch, height, width, channels = x.shape
        scale, shift = self._scale
        if width != self._full_size[1]:
            scale, shift = (v[:channels].repeat(width) for v in (scale, shift))
        flat = torch.addcmul(shift, x.view(batch * height, width * channels), scale)
        return flat.view(x.shape).permute(0, 3, 1, 2)

    def images_at(self, indices: Indices) -> Tensor:
        """The images with these indices, without augmentation and normalization.

        Args:
            indices: Indices from 0, or a boolean mask over all images.

        Shapes:
            Output: uint8 (B, C, H, W), on the CPU.
        """
        chosen = to_indices(indices, len(self.images), "indices", "images")
        return self._center_crop(chosen.to(self.images.device)).cpu()

    def with_augment(self, augment: Augment | None) -> Self:
        """The task with this augmentation of training images."""
        return replace(self, augment=augment)

    def low_resolution(self, scale: float = 0.75) -> Self:
        """The task with smaller images.

        Args:
            scale: Of their height and width, from 0 to 1.
        """
        return replace(self, resolution=scale)
