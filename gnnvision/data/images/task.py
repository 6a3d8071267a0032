"""Tasks on images: classes, several labels or numbers for each image, and reconstruction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from gnnvision._html import image_strip
from gnnvision._renamed import former_arguments, former_attributes
from gnnvision.data.arrays import UNLABELED
from gnnvision.data.batching import ALONE, Share, check_tensors
from gnnvision.data.images.augment import Augment
from gnnvision.data.images.overview import (
    describe_images,
    describe_rows,
    describe_scan,
    leak_warnings,
    values_text,
)
from gnnvision.data.images.pixels import PixelTask
from gnnvision.data.images.scan_report import ScanReport
from gnnvision.data.images.splits import given_split
from gnnvision.data.images.statistics import channel_statistics
from gnnvision.data.images.tensors import Pixels, read_labels, to_pixels
from gnnvision.data.images.views import TestViews, average_predictions
from gnnvision.data.moments import target_moments
from gnnvision.data.split import SPLIT_NAMES, Split
from gnnvision.data.targets import Kind
from gnnvision.data.task import SplitName, Task
from gnnvision.domains import Domain
from gnnvision.domains.device import full_device
from gnnvision.errors import invalid, one_of, wrong_dtype

__all__ = ["ImageTask", "ReconstructionTask", "from_tensors"]

_SHOWN, _SEARCHED = 8, 200  # training images in a notebook


@former_attributes(
    {"pictures": "images_at", "picture_batches": "image_batches", "shrink": "resolution"}
)
@dataclass(frozen=True, eq=False, kw_only=True)
class ImageTask(PixelTask):
    """Images of one size, each with a class, with several labels or with numbers.

    `from_tensors` makes one from arrays; `gnnvision.data.images.load` from files.

    Args:
        images: uint8 images from 0 to 255, in channels-last memory, which can be a
            memory-mapped file. Shape (N, C, H, W).
        y: The targets. Classes: int64 (N,), -100 for an unlabeled image, which is in no split.
            Several labels (0 or 1) and regression: floating point (N, num_outputs), NaN where a
            target is missing.
        mean: The mean of each channel over the training split, for pixels from 0 to 1.
        std: The standard deviation of each channel.
        augment: The augmentation of training images; None to leave them unchanged.
        resolution: The scale of the sides of images in batches; see `low_resolution`.
        item_names: The file names of the images, if any.
        scan: The report on the files, if the images were read from files.
        test_views: The test-time augmentation; see `with_test_views`.
        splitter: A function from a seed to a split; None if there is only one split.
        reasons: Row of the user's table -> why it is in no split. Such a row has a black image if
            its file cannot be read.

    Raises:
        TypeError: The images are not uint8, or the targets have another type.
        ValueError: Sizes do not match, a label or a standard deviation is out of range, or a
            split has an image without a class.
    """

    item_kind = "image"

    y: Tensor
    item_names: Sequence[str] = field(default=(), repr=False)
    scan: ScanReport | None = field(default=None, repr=False)
    test_views: TestViews = "none"
    splitter: Callable[[int], Split] | None = field(default=None, repr=False)
    reasons: Mapping[int, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        check_tensors(images=self.images, y=self.y)
        n, classes = len(self.images), self.kind == "classification"
        if not (self.y.dtype == torch.int64 if classes else self.y.dtype.is_floating_point):
            condition = f"be {'int64' if classes else 'floating point'} for kind={self.kind!r}"
            raise wrong_dtype("y", condition, self.y.dtype, "Use ImageTask.from_tensors.")
        if tuple(self.y.shape) != ((n,) if classes else (n, self.num_outputs)):
            condition = f"have shape (N={n},{'' if classes else f' {self.num_outputs}'})"
            advice = f"Pass one {'label' if classes else 'row'} for each image."
            raise invalid("y", condition, tuple(self.y.shape), advice)
        super().__post_init__()
        if classes:
            self._check_classes()

    def _check_classes(self) -> None:
        labels = self.y.cpu().numpy()
        known = labels[labels != UNLABELED]
        if len(known) and not 0 <= known.min() <= known.max() < self.num_outputs:
            condition = f"have labels from 0 to {self.num_outputs - 1}"
            got = f"{known.min()} to {known.max()}"
            raise invalid("y", condition, got, "Check num_outputs and class_names.")
        for name in SPLIT_NAMES:
            bare = getattr(self.split, name)[labels[getattr(self.split, name)] == UNLABELED]
            if len(bare):
                condition = "have only images with a label in each split"
                got = f"{len(bare)} without in {name!r}, such as image {bare[0]}"
                raise invalid("split", condition, got, "Leave them out of the split.")

    @classmethod
    def from_tensors(
        cls,
        images: Pixels,
        labels: object,
        *,
        kind: Literal["auto"] | Kind = "auto",
        class_names: Sequence[str] = (),
        split: object = "random",
        seed: int = 0,
        layout: Literal["auto", "NCHW", "NHWC"] = "auto",
        augment: Augment | None = None,
        item_names: Sequence[str] = (),
        name: str = "images",
    ) -> Self:
        """A task from arrays of images and labels, of torch or numpy.

        Args:
            images: Bytes, or floating point values from 0 to 1, which are stored as bytes.
                Shape (N, C, H, W), (N, H, W, C), or (N, H, W) for grayscale.
            labels: One for each image. Classes: integers from 0 (-100: unlabeled), or strings
                (None: unlabeled). Several labels: 0, 1 and NaN, shape (N, T). Numbers: floating
                point with NaN where one is missing, shape (N,) or (N, T).
            kind: "classification", "multilabel" or "regression"; "auto" infers it.
            class_names: The names of the classes or targets; by default their indices, and for
                strings all that occur.
            split: "random" for one of 80 %, 10 % and 10 % that depends on the seed and is
                stratified by class; a `Split`; three masks or index arrays (train, val, test); or
                one of the words train, val and test for each image (empty: in no split).
            seed: The seed of a random split.
            layout: "NCHW" or "NHWC", where the shape leaves it open.
            augment: The augmentation of training images.
            item_names: The names of the images.
            name: The name of the task.

        Raises:
            TypeError: Images or labels have another type.
            ValueError: Shapes or values do not fit, or the kind of the labels is ambiguous.

        Example:
            >>> images = torch.randint(0, 256, (50, 3, 8, 8), dtype=torch.uint8)
            >>> task = ImageTask.from_tensors(images, ["cat", "dog"] * 25)
            >>> task.class_names, task.split.sizes
            (('cat', 'dog'), {'train': 40, 'val': 5, 'test': 5})
        """
        pixels = to_pixels(images, layout)
        targets = read_labels(labels, len(pixels), kind, class_names)
        if len(item_names) not in (0, len(pixels)):
            condition = f"name all {len(pixels)} images"
            raise invalid("item_names", condition, len(item_names), "Leave it out for none.")
        drawn, splitter = given_split(targets, split, seed)
        mean, std = channel_statistics(pixels, drawn.train)
        return cls(
            name=name,
            kind=targets.kind,
            in_channels=pixels.shape[1],
            num_outputs=len(targets.names),
            class_names=targets.names,
            split=drawn,
            splitter=splitter,
            seed=seed,
            images=pixels,
            y=targets.y,
            mean=mean,
            std=std,
            augment=augment,
            item_names=tuple(map(str, item_names)),
        )

    def _contents(self) -> Mapping[str, Tensor]:
        return {"images": self.images, "y": self.y}

    @property
    def _targets(self) -> Tensor:
        return self.y

    @property
    def target_statistics(self) -> tuple[Tensor, Tensor] | None:
        """Mean and standard deviation of the training targets of a regression; None otherwise."""
        return target_moments(self.y, self.split.train) if self.kind == "regression" else None

    def overview(self) -> dict[str, str]:
        """The summary of every task, with the size of the images and the state of their files."""
        known = super().overview()
        words = describe_images(self.in_channels, self._full_size, self.scan)
        first = {"data": known.pop("data"), "images": words}
        return first | known | describe_rows(self.reasons) | describe_scan(self.scan)

    def target_text(self, item: int) -> str:
        """The class of an image, its positive labels, or its values with their names."""
        y = self.y[item]
        if self.kind == "classification":
            return self.class_names[int(y)] if int(y) >= 0 else "unlabeled"
        return values_text(self.kind, dict(zip(self.class_names, y.tolist(), strict=True)))

    def _drawing(self) -> str:
        """Training images, of different classes if they have one."""
        items = self.split.train[:_SEARCHED].tolist()
        first = dict(reversed([(self.target_text(item), item) for item in items]))
        chosen = sorted([*first.values(), *(i for i in items if i not in first.values())][:_SHOWN])
        pixels = self.images_at(chosen).permute(0, 2, 3, 1)
        pixels = pixels if pixels.shape[3] in (1, 3) else pixels[..., :1]
        return image_strip(pixels.numpy(), [self.target_text(item) for item in chosen])

    def data_warnings(self) -> list[str]:
        """The warnings of every task, and a warning about images that occur in two splits."""
        return super().data_warnings() + leak_warnings(self.scan)

    @former_arguments(part="split")
    def batches(
        self,
        split: SplitName,
        batch_size: int | None = None,
        generator: torch.Generator | None = None,
        epoch: int = 0,
        share: Share = ALONE,
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
            share: See `Task.batches`; an image is augmented alike in any number of processes.

        Shapes:
            Yields: x float32 (B, C, H, W) in channels-last memory, `grid`, y int64 (B,) for
                classes, else floating point (B, num_outputs).

        Raises:
            ValueError: `split` is not one of these, or the batch size is not positive.
        """
        for images, chosen in self.image_batches(split, batch_size, generator, epoch, share):
            x = self.normalize(images)
            if self.resolution != 1.0:
                x = F.interpolate(x, self.grid.shape, mode="bilinear", antialias=True)
            yield x, self.grid, self.y[chosen]

    def with_test_views(self, views: TestViews) -> Self:
        """The task with this test-time augmentation: predictions are averaged over views.

        Args:
            views: "none"; "mirror" for the image and its horizontal flip; "mirror+shift" for
                these and the same shifted by one pixel.

        Raises:
            ValueError: `views` is not one of these.
        """
        return replace(self, test_views=one_of("test_views", views, get_args(TestViews)))

    def predict(self, model: Callable[..., Tensor], x: Tensor, domain: Domain) -> Tensor:
        """The output of a model for evaluation images, averaged over `test_views`."""
        return average_predictions(model, x, domain, self.test_views)

    def is_labeled(self, split: SplitName) -> bool:
        """Whether every image of a split has a label: True for classes, else not known."""
        return self.kind == "classification"

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
        if seed == self.seed:
            return self
        if self.splitter is None:
            return replace(self, seed=seed)
        split = self.splitter(seed)
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


from_tensors = ImageTask.from_tensors


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
        share: Share = ALONE,
    ) -> Iterator[tuple[Tensor, Domain, Tensor]]:
        """The batches of the source task, with the images as targets."""
        source = self.source
        for images, _ in source.image_batches(split, batch_size, generator, epoch, share):
            yield source.normalize(images), source.grid, images.float() / 255

    def input_description(self) -> dict[str, Any]:
        """The input description of the source task."""
        return self.source.input_description()

    def _drawing(self) -> str:
        return self.source._drawing()

    def with_seed(self, seed: int) -> Self:
        """The task with this seed for its flips, and for its split if that is random."""
        source = self.source.with_seed(seed)
        return replace(self, source=source, split=source.split, seed=source.seed)

    def to(self, device: torch.device | str) -> Self:
        """The task with its images on `device`; itself if they already are."""
        source = self.source.to(device)
        return self if source is self.source else replace(self, source=source)
