"""A task on images: labeled ones in memory, given out in normalized batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self, get_args

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gnnvision.data.batching import check_batches, check_tensors, split_into_batches
from gnnvision.data.images.augment import Augment
from gnnvision.data.images.geometry import rows
from gnnvision.data.images.overview import describe_images, describe_scan, leak_warnings
from gnnvision.data.images.reconstruction import ReconstructionTask
from gnnvision.data.images.scan_report import ScanReport
from gnnvision.data.images.splits import check_classes
from gnnvision.data.images.statistics import channel_statistics
from gnnvision.data.images.views import TestViews, average_predictions
from gnnvision.data.split import stratified_split
from gnnvision.data.task import SplitName, Task
from gnnvision.domains import Domain, Grid
from gnnvision.domains.device import full_device, send
from gnnvision.domains.indices import Indices, to_indices

__all__ = ["ImageTask"]

TRAIN_BATCH, _EVALUATION_BATCH = 128, 500
LOW_RESOLUTION = 0.75


@dataclass(frozen=True, eq=False, kw_only=True)
class ImageTask(Task):
    """Classify images of one size.

    They stay as bytes until a batch is asked for: a batch is gathered, augmented and made
    float in a few tensor operations, wherever the images are, on the CPU or a GPU.

    Args:
        images: uint8 images from 0 to 255; kept in channels-last memory, which may be a file
            mapped into memory. Shape (N, C, H, W).
        y: Labels from 0. Shape (N,).
        mean: Of the training part's pixels as numbers from 0 to 1, for each channel.
        std: Their standard deviation, likewise.
        augment: How training images are varied; None for not at all.
        item_names: The images' file names, where they have any.
        scan: What was found when they were read, where they were files.
        test_views: How many versions of an image a model is asked about where it is measured;
            see `with_test_views`.
        shrink: The sides of what `batches` gives, as a fraction of the images'; see `coarse`.

    Raises:
        TypeError: The images are not uint8, or the labels not int64.
        ValueError: Sizes do not agree, or a label or a standard deviation is out of range.
    """

    images: Tensor
    y: Tensor
    mean: tuple[float, ...]
    std: tuple[float, ...]
    augment: Augment | None = None
    item_names: Sequence[str] = field(default=(), repr=False)
    scan: ScanReport | None = field(default=None, repr=False)
    test_views: TestViews = "none"
    shrink: float = 1.0
    _scale: tuple[Tensor, Tensor] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_tensors(images=self.images, y=self.y)
        if self.images.dtype != torch.uint8 or self.y.dtype != torch.int64:
            raise TypeError(
                f"'images' must be uint8 and 'y' int64, got {self.images.dtype} and "
                f"{self.y.dtype}. Give pixels from 0 to 255 and class numbers."
            )
        if self.images.ndim != 4 or self.images.shape[1] != self.in_channels:
            raise ValueError(
                f"'images' must have shape (N, in_channels={self.in_channels}, H, W), got "
                f"{tuple(self.images.shape)}. Put the channels second."
            )
        n = len(self.images)
        if tuple(self.y.shape) != (n,):
            raise ValueError(
                f"'y' must have shape (N={n},), got {tuple(self.y.shape)}. Give one label for "
                "each image."
            )
        if n and not 0 <= int(self.y.min()) <= int(self.y.max()) < self.num_outputs:
            raise ValueError(
                f"'y' must hold labels from 0 to {self.num_outputs - 1}, got "
                f"{int(self.y.min())} to {int(self.y.max())}. Name as many classes as there are."
            )
        if not len(self.mean) == len(self.std) == self.in_channels or min(self.std) <= 0:
            raise ValueError(
                f"'mean' and 'std' must hold {self.in_channels} numbers, 'std' above 0, got "
                f"{self.mean} and {self.std}. Give one of each for a channel."
            )
        self.split.check(n)
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
        both = tuple(v.float().repeat(width).to(self.y.device) for v in (scale, shift))
        object.__setattr__(self, "_scale", both)

    @property
    def _targets(self) -> Tensor:
        return self.y

    def overview(self) -> dict[str, str]:
        """As of every task, with the images' size and what became of their files."""
        known = super().overview()
        words = describe_images(self.in_channels, self._full_size, self.scan)
        return {"data": known.pop("data"), "images": words, **known, **describe_scan(self.scan)}

    def data_warnings(self) -> list[str]:
        """As of every task, and images that are in two of the folders' splits."""
        return super().data_warnings() + leak_warnings(self.scan)

    @property
    def _stored_size(self) -> tuple[int, int]:
        return self.images.shape[2], self.images.shape[3]

    @property
    def grid(self) -> Grid:
        """The domain of a batch: the images' size, or the one they are cropped to."""
        height, width = self._full_size
        return Grid((round(height * self.shrink), round(width * self.shrink)))

    @property
    def _full_size(self) -> tuple[int, int]:
        """Before they are shrunk."""
        size = None if self.augment is None else self.augment.size
        return size or self._stored_size

    def batches(
        self,
        part: SplitName,
        batch_size: int | None = None,
        generator: torch.Generator | None = None,
        epoch: int = 0,
    ) -> Iterator[tuple[Tensor, Domain, Tensor]]:
        """Normalized images, their grid and their labels.

        Only the training part is ever shuffled or augmented, and only with a `generator`: all
        that is random comes from it in the order of the batches, so that skipping some leaves
        the rest as they would be. A last training batch of one image joins the one before,
        as batch norm can do nothing with a single one.

        Args:
            part: "train", "val" or "test".
            batch_size: Images in a batch; None for 128 to train with and 500 otherwise.
            generator: Shuffles and augments the training part; a CPU generator. None keeps
                the images as they are, in order.
            epoch: The number of the epoch, for alternating flips.

        Shapes:
            Yields: x float32 (B, C, H, W) in channels-last memory, `grid`, y int64 (B,).

        Raises:
            ValueError: There is no such part, or the batch size is not positive.
        """
        for images, chosen in self.image_batches(part, batch_size, generator, epoch):
            x = self.normalize(images)
            if self.shrink != 1.0:
                x = F.interpolate(x, self.grid.size, mode="bilinear", antialias=True)
            yield x, self.grid, self.y[chosen]

    def image_batches(
        self,
        part: SplitName,
        batch_size: int | None = None,
        generator: torch.Generator | None = None,
        epoch: int = 0,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """What `batches` gives before it is normalized, and which images these are.

        Shapes:
            Yields: uint8 (B, C, H, W), int64 (B,).
        """
        check_batches(part, batch_size, "images")
        index = torch.from_numpy(np.array(getattr(self.split, part)))
        if part != "train" or generator is None:
            for chosen in send(index, self.y.device).split(batch_size or _EVALUATION_BATCH):
                yield self._gather(chosen), chosen
            return
        index = index[torch.randperm(len(index), generator=generator)]
        size = batch_size or TRAIN_BATCH
        there = split_into_batches(send(index, self.y.device), size)  # once for the whole epoch
        for chosen, numbers in zip(there, split_into_batches(index, size), strict=True):
            images = self._stored(chosen)
            if self.augment is not None:
                mirrored = None
                if self.augment.flip == "alternating":
                    mirrored = self._mirrored_first[numbers] ^ bool(epoch % 2)
                images = self.augment(images, generator, flip_state=mirrored, fill=self.mean)
            yield images, chosen

    @cached_property
    def _mirrored_first(self) -> Tensor:
        """Which images alternating flips mirror in epochs 0, 2, 4, ...: bool (N,)."""
        # Not the stream of the generator that the same seed gives the training loop.
        own = torch.Generator().manual_seed(self.seed ^ 0x464C4950)
        return torch.rand(len(self.images), generator=own) < 0.5

    def _stored(self, chosen: Tensor) -> Tensor:
        n, channels, height, width = self.images.shape
        flat = self.images.permute(0, 2, 3, 1).view(n, -1)  # (N, H W C)
        taken = flat.index_select(0, chosen).view(-1, height, width, channels)
        return taken.permute(0, 3, 1, 2)

    def _gather(self, chosen: Tensor) -> Tensor:
        """Images as they are looked at without augmentation: uint8 (B, C, H, W)."""
        images, (h, w) = self._stored(chosen), self._full_size
        height, width = self._stored_size
        if (h, w) == (height, width):
            return images
        top, left = (height - h) // 2, (width - w) // 2
        return images[:, :, top : top + h, left : left + w]

    def normalize(self, images: Tensor) -> Tensor:
        """(p / 255 - mean) / std of uint8 images p.

        Shapes:
            images: uint8 (B, C, H, W).
            Output: float32 (B, C, H, W) in channels-last memory.
        """
        x = rows(images)
        batch, height, width, channels = x.shape
        scale, shift = self._scale
        if width != self._full_size[1]:
            scale, shift = (v[:channels].repeat(width) for v in (scale, shift))
        flat = torch.addcmul(shift, x.view(batch * height, width * channels), scale)
        return flat.view(x.shape).permute(0, 3, 1, 2)

    def images_at(self, indices: Indices) -> Tensor:
        """The images of these indices as they are looked at without augmentation.

        Args:
            indices: from 0, or a mask with a boolean for each image.

        Shapes:
            Output: uint8 (B, C, H, W), on the CPU.
        """
        chosen = to_indices(indices, len(self.y), "indices", "images")
        return self._gather(chosen.to(self.y.device)).cpu()

    def with_augment(self, augment: Augment | None) -> Self:
        """The task with its training images varied like this."""
        return replace(self, augment=augment)

    def with_test_views(self, views: TestViews) -> Self:
        """The task with a model's answers averaged over versions of each image.

        Args:
            views: "none"; "mirror", the image and its mirror image; "mirror+shift", also
                moved by a pixel.

        Raises:
            ValueError: There are no such views.
        """
        if views not in get_args(TestViews):
            raise ValueError(
                f"'test_views' must be one of {', '.join(get_args(TestViews))}, got {views!r}. "
                "Choose one."
            )
        return replace(self, test_views=views)

    def low_resolution(self) -> Self:
        """The task with its batches shrunk to three quarters of their sides."""
        return replace(self, shrink=LOW_RESOLUTION)

    def predict(self, model: Callable[..., Tensor], x: Tensor, domain: Domain) -> Tensor:
        """The model's output for images that it is measured on, over all `test_views`."""
        return average_predictions(model, x, domain, self.test_views)

    def is_labeled(self, part: SplitName) -> bool:
        """True: every image has a label."""
        return True

    def input_description(self) -> dict[str, Any]:
        """Size, channels, normalization and views, which prediction needs."""
        return {
            "channels": self.in_channels,
            "size": list(self._full_size),
            "mean": list(self.mean),
            "std": list(self.std),
            "test_views": self.test_views,
        }

    def with_seed(self, seed: int) -> Self:
        """The task with the split of this seed if its split is random, and its flips."""
        if self.split.name != "random":
            return self if seed == self.seed else replace(self, seed=seed)
        rule = self.card.split_rule("random")
        split = stratified_split(self.y, seed, rule.num_val or 0, rule.num_test or 0)
        if self.scan is not None:
            check_classes(self.y.cpu().numpy(), split, self.class_names)
        mean, std = channel_statistics(self.images, split.train)
        return replace(self, split=split, seed=seed, mean=mean, std=std)

    def reconstruction(self) -> ReconstructionTask:
        """The task of giving back the images themselves, for autoencoders."""
        return ReconstructionTask.of(self)

    def to(self, device: torch.device | str) -> Self:
        """The task with images and labels on `device`; itself if they are there."""
        if self.y.device == full_device(device):
            return self
        return replace(self, images=self.images.to(device), y=self.y.to(device))
