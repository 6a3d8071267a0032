"""Image classification: labeled images in memory, in normalized batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self, get_args

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gnnvision._renamed import former_arguments, former_attributes
from gnnvision.data.batching import check_batches, check_tensors, split_into_batches
from gnnvision.data.images.augment import Augment
from gnnvision.data.images.geometry import to_channels_last
from gnnvision.data.images.overview import describe_images, describe_scan, leak_warnings
from gnnvision.data.images.scan_report import ScanReport
from gnnvision.data.images.splits import check_classes
from gnnvision.data.images.statistics import channel_statistics
from gnnvision.data.images.views import TestViews, average_predictions
from gnnvision.data.split import stratified_split
from gnnvision.data.task import SplitName, Task
from gnnvision.domains import Domain, Grid
from gnnvision.domains.checks import Indices, to_indices
from gnnvision.domains.device import full_device, send
from gnnvision.errors import invalid, one_of

__all__ = ["ImageTask"]

TRAIN_BATCH, _EVALUATION_BATCH = 128, 500
LOW_RESOLUTION = 0.75  # of the sides, for progressive resizing


@former_attributes(
    {"pictures": "images_at", "picture_batches": "image_batches", "shrink": "resolution"}
)
@dataclass(frozen=True, eq=False, kw_only=True)
class ImageTask(Task):
    """Classification of images of one size.

    Images are stored as bytes. A batch is gathered, augmented and normalized in a few tensor
    operations on the device of the images.

    Args:
        images: uint8 images from 0 to 255, in channels-last memory, which can be a
            memory-mapped file. Shape (N, C, H, W).
        y: Labels from 0. Shape (N,).
        mean: The mean of each channel over the training split, for pixels from 0 to 1.
        std: The standard deviation of each channel.
        augment: The augmentation of training images; None to leave them unchanged.
        item_names: The file names of the images, if any.
        scan: The report on the files, if the images were read from files.
        test_views: The test-time augmentation; see `with_test_views`.
        resolution: The scale of the sides of images in batches; see `low_resolution`.

    Raises:
        TypeError: The images are not uint8, or the labels not int64.
        ValueError: Sizes do not match, or a label or a standard deviation is out of range.
    """

    item_kind = "image"

    images: Tensor
    y: Tensor
    mean: tuple[float, ...]
    std: tuple[float, ...]
    augment: Augment | None = None
    item_names: Sequence[str] = field(default=(), repr=False)
    scan: ScanReport | None = field(default=None, repr=False)
    test_views: TestViews = "none"
    resolution: float = 1.0
    _scale: tuple[Tensor, Tensor] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_tensors(images=self.images, y=self.y)
        if self.images.dtype != torch.uint8 or self.y.dtype != torch.int64:
            raise TypeError(
                f"'images' must be uint8 and 'y' int64, got {self.images.dtype} and "
                f"{self.y.dtype}. Pass pixels from 0 to 255 and class indices."
            )
        if self.images.ndim != 4 or self.images.shape[1] != self.in_channels:
            condition = f"have shape (N, in_channels={self.in_channels}, H, W)"
            advice = "Put the channels second."
            raise invalid("images", condition, tuple(self.images.shape), advice)
        n = len(self.images)
        if tuple(self.y.shape) != (n,):
            advice = "Pass one label for each image."
            raise invalid("y", f"have shape (N={n},)", tuple(self.y.shape), advice)
        if n and not 0 <= int(self.y.min()) <= int(self.y.max()) < self.num_outputs:
            condition = f"have labels from 0 to {self.num_outputs - 1}"
            got = f"{int(self.y.min())} to {int(self.y.max())}"
            raise invalid("y", condition, got, "Check num_outputs and class_names.")
        if not len(self.mean) == len(self.std) == self.in_channels or min(self.std) <= 0:
            raise ValueError(
                f"'mean' and 'std' must have {self.in_channels} values, with 'std' above 0, got "
                f"{self.mean} and {self.std}. Pass one value of each per channel."
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
        super().__post_init__()

    def _contents(self) -> Mapping[str, Tensor]:
        return {"images": self.images, "y": self.y}

    @property
    def _targets(self) -> Tensor:
        return self.y

    def overview(self) -> dict[str, str]:
        """The summary of every task, with the size of the images and the state of their files."""
        known = super().overview()
        words = describe_images(self.in_channels, self._full_size, self.scan)
        return {"data": known.pop("data"), "images": words, **known, **describe_scan(self.scan)}

    def data_warnings(self) -> list[str]:
        """The warnings of every task, and a warning about images that occur in two splits."""
        return super().data_warnings() + leak_warnings(self.scan)

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

    @former_arguments(part="split")
    def batches(
        self,
        split: SplitName,
        batch_size: int | None = None,
        generator: torch.Generator | None = None,
        epoch: int = 0,
    ) -> Iterator[tuple[Tensor, Domain, Tensor]]:
        """Iterate over batches of normalized images, their grid and their labels.

        Only the training split is shuffled and augmented, and only with a `generator`. Random
        numbers are drawn in the order of the batches. A last training batch of a single image
        is merged into the one before, as batch norm needs at least two.

        Args:
            split: "train", "val" or "test".
            batch_size: Images in a batch; None for 128 in training and 500 in evaluation.
            generator: A CPU generator that shuffles and augments the training split; None keeps
                the images unchanged and in order.
            epoch: The epoch from 0, for alternating flips.

        Shapes:
            Yields: x float32 (B, C, H, W) in channels-last memory, `grid`, y int64 (B,).

        Raises:
            ValueError: `split` is not one of these, or the batch size is not positive.
        """
        for images, chosen in self.image_batches(split, batch_size, generator, epoch):
            x = self.normalize(images)
            if self.resolution != 1.0:
                x = F.interpolate(x, self.grid.shape, mode="bilinear", antialias=True)
            yield x, self.grid, self.y[chosen]

    def image_batches(
        self,
        split: SplitName,
        batch_size: int | None = None,
        generator: torch.Generator | None = None,
        epoch: int = 0,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Iterate over batches of images that are not normalized, with the indices of the images.

        Shapes:
            Yields: uint8 (B, C, H, W), int64 (B,).
        """
        check_batches(split, batch_size, "images")
        index = torch.from_numpy(np.array(getattr(self.split, split)))
        if split != "train" or generator is None:
            for chosen in send(index, self.y.device).split(batch_size or _EVALUATION_BATCH):
                yield self._center_crop(chosen), chosen
            return
        index = index[torch.randperm(len(index), generator=generator)]
        size = batch_size or TRAIN_BATCH
        on_device = split_into_batches(send(index, self.y.device), size)  # once for the epoch
        for chosen, items in zip(on_device, split_into_batches(index, size), strict=True):
            images = self._images(chosen)
            if self.augment is not None:
                mirrored = None
                if self.augment.flip == "alternating":
                    mirrored = self._mirrored_first[items] ^ bool(epoch % 2)
                images = self.augment(images, generator, flip_state=mirrored, fill=self.mean)
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
        chosen = to_indices(indices, len(self.y), "indices", "images")
        return self._center_crop(chosen.to(self.y.device)).cpu()

    def with_augment(self, augment: Augment | None) -> Self:
        """The task with this augmentation of training images."""
        return replace(self, augment=augment)

    def with_test_views(self, views: TestViews) -> Self:
        """The task with this test-time augmentation: predictions are averaged over views.

        Args:
            views: "none"; "mirror" for the image and its horizontal flip; "mirror+shift" for
                these and the same shifted by one pixel.

        Raises:
            ValueError: `views` is not one of these.
        """
        return replace(self, test_views=one_of("test_views", views, get_args(TestViews)))

    def low_resolution(self) -> Self:
        """The task with images at three quarters of their height and width."""
        return replace(self, resolution=LOW_RESOLUTION)

    def predict(self, model: Callable[..., Tensor], x: Tensor, domain: Domain) -> Tensor:
        """The output of a model for evaluation images, averaged over `test_views`."""
        return average_predictions(model, x, domain, self.test_views)

    def is_labeled(self, split: SplitName) -> bool:
        """True, as every image has a label."""
        return True

    def input_description(self) -> dict[str, Any]:
        """Size, channels, normalization and test views, as JSON types."""
        return {
            "channels": self.in_channels,
            "size": list(self._full_size),
            "mean": list(self.mean),
            "std": list(self.std),
            "test_views": self.test_views,
        }

    def with_seed(self, seed: int) -> Self:
        """The task with this seed for its flips, and for its split if that is random."""
        if self.split.name != "random":
            return self if seed == self.seed else replace(self, seed=seed)
        rule = self.card.split_rule("random")
        split = stratified_split(self.y, seed, rule.num_val or 0, rule.num_test or 0)
        if self.scan is not None:
            check_classes(self.y.cpu().numpy(), split, self.class_names)
        mean, std = channel_statistics(self.images, split.train)
        return replace(self, split=split, seed=seed, mean=mean, std=std)

    def reconstruction(self) -> ReconstructionTask:
        """The task of reconstructing the images, for autoencoders."""
        return ReconstructionTask.of(self)

    def to(self, device: torch.device | str) -> Self:
        """The task with images and labels on `device`; itself if they already are."""
        if self.y.device == full_device(device):
            return self
        return replace(self, images=self.images.to(device), y=self.y.to(device))


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
