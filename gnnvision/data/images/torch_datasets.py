"""Tasks from datasets in the form of torchvision: pairs of an image and a label by index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.data.images.decode import resize_and_crop
from gnnvision.data.images.options import ImageOptions
from gnnvision.data.images.task import ImageTask
from gnnvision.data.images.tensors import as_tensor, to_pixels
from gnnvision.data.progress import progress
from gnnvision.errors import invalid, wrong_type

__all__ = ["from_dataset"]


class PairDataset(Protocol):
    """A map-style dataset of pairs of an image and a label."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...  # noqa: ANN401


def from_dataset(
    train: PairDataset,
    val: PairDataset | None = None,
    test: PairDataset | None = None,
    *,
    image_size: int | tuple[int, int] | None = None,
    class_names: Sequence[str] = (),
    name: str = "",
    **options: Any,  # noqa: ANN401 - the arguments of ImageTask.from_tensors
) -> ImageTask:
    """A task from datasets of pairs (image, label), such as those of torchvision.

    All images are read once and kept in memory as bytes.

    Args:
        train: The training data. If it is the only one, a split is drawn from it.
        val: The validation data; None holds out a tenth of the training data.
        test: The test data.
        image_size: The side, or (height, width): the shorter side is resized and the center
            cropped. None keeps the size, which must be the same for all images.
        class_names: The names of the classes; by default the `classes` of the dataset.
        name: The name of the task; by default that of the dataset's class.
        **options: The other arguments of `ImageTask.from_tensors`: `kind`, `seed`, `augment`.

    Raises:
        TypeError: An item is not a pair of a PIL image, an array or a tensor, and a label.
        ValueError: The images differ in size, or `from_tensors` refuses them.

    Example:
        >>> images = torch.rand(30, 1, 8, 8)
        >>> digits = torch.utils.data.TensorDataset(images, torch.arange(30) % 3)
        >>> from_dataset(digits).split.sizes
        {'train': 24, 'val': 3, 'test': 3}
    """
    parts = {"train": train, "val": val, "test": test}
    given = {key: part for key, part in parts.items() if part is not None}
    size = ImageOptions(image_size=image_size).size
    images: list[NDArray[np.uint8]] = []
    labels: list[Any] = []
    rows: dict[str, NDArray[np.int64]] = {}
    for key, part in given.items():
        start = len(images)
        for image, label in _pairs(part, key):
            images.append(_resized(_bytes(image, key), size, key))
            labels.append(label.tolist() if hasattr(label, "tolist") else label)
        rows[key] = np.arange(start, len(images))
    if {image.shape[2] for image in images} == {1, 3}:
        images = [np.repeat(i, 3, axis=2) if i.shape[2] == 1 else i for i in images]
    shapes = {image.shape for image in images}
    if len(shapes) > 1:
        got = " and ".join(map(str, sorted(shapes)[:2]))
        raise invalid("train", "have images of one size", got, "Pass image_size, e.g. 64.")
    if len(given) > 1:
        options["split"] = _split(rows, options.get("seed", 0))
    held = class_names or tuple(getattr(train, "classes", ()))
    return ImageTask.from_tensors(
        np.stack(images) if images else np.zeros((0, 1, 1, 1), np.uint8),
        labels,
        layout="NHWC",
        class_names=held,
        name=name or type(train).__name__.lower(),
        **options,
    )


def _split(rows: Mapping[str, NDArray[np.int64]], seed: int) -> Mapping[str, NDArray[np.int64]]:
    """The given splits; a missing validation split is a random tenth of the training data."""
    train, empty = rows["train"], np.empty(0, np.int64)
    val = rows.get("val", empty)
    if "val" not in rows:
        order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed)).numpy()
        count = max(1, round(len(train) / 10))
        val, train = train[order[:count]], train[order[count:]]
    return {"train": train, "val": val, "test": rows.get("test", empty)}


def _pairs(dataset: PairDataset, argument: str) -> Iterable[tuple[Any, Any]]:
    if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
        advice = "Pass a dataset with a length, whose items are (image, label)."
        raise wrong_type(argument, "be a map-style dataset", dataset, advice)
    with progress(f"reading {type(dataset).__name__}", len(dataset)) as advance:
        for index in range(len(dataset)):
            item = dataset[index]
            if not isinstance(item, (tuple, list)) or len(item) != 2:
                raise wrong_type(argument, "have items (image, label)", item, f"See item {index}.")
            yield item[0], item[1]
            advance(1)


def _bytes(image: Any, argument: str) -> NDArray[np.uint8]:  # noqa: ANN401
    """One image as uint8 (H, W, C)."""
    if hasattr(image, "convert"):  # of PIL
        plain = image if image.mode in ("L", "RGB") else image.convert("RGB")
        pixels = np.asarray(plain)
        return pixels[:, :, None] if pixels.ndim == 2 else pixels
    if not isinstance(image, (Tensor, np.ndarray)):
        advice = "Return PIL images, arrays or tensors."
        raise wrong_type(argument, "have images in its items", image, advice)
    one = as_tensor(argument, image)
    stacked = to_pixels(one.unsqueeze(0) if one.ndim in (2, 3) else one)
    return np.asarray(stacked[0].permute(1, 2, 0).numpy())


def _resized(
    pixels: NDArray[np.uint8], size: tuple[int, int] | None, argument: str
) -> NDArray[np.uint8]:
    if size is None or pixels.shape[:2] == size:
        return pixels
    if pixels.shape[2] not in (1, 3):
        condition = "have 1 or 3 channels if image_size is given"
        raise invalid(argument, condition, pixels.shape[2], "Resize the images in the dataset.")
    return resize_and_crop(pixels, size, None)
