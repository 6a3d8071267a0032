"""All images of a tree to arrays, by several threads, with an account of what was found."""

from __future__ import annotations

import hashlib
import os
import statistics
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.file_names import printable
from gnnvision.data.images.arrays import ImageArrays
from gnnvision.data.images.image_file import (
    MAX_PIXELS,
    InvalidImage,
    decode_image,
    image_size,
)
from gnnvision.data.images.scan_report import Finding, ScanReport
from gnnvision.data.images.tree import Item, Tree
from gnnvision.data.progress import progress
from gnnvision.data.sources import Member

__all__ = ["DecodeOptions", "common_size", "decode_tree", "scan_tree"]

T = TypeVar("T")
_PIECE = 64
_USUAL_SIZE = 64
_MAX_BYTES = 1 << 33
_PART_NAMES = ("train", "val", "test")


@dataclass(frozen=True)
class DecodeOptions:
    """What files become.

    Args:
        size: Height and width; None for the images' own, or one that suits them.
        channels: 1 for gray, 3 for color, None for gray if all of them are.
        max_pixels: A larger image is not decoded.
    """

    size: tuple[int, int] | None = None
    channels: int | None = None
    max_pixels: int = MAX_PIXELS


class _SizesDiffer(Exception):
    """The images are not all of one size after all."""


@dataclass
class _Outcome:
    """What became of one file."""

    notes: tuple[tuple[str, str], ...] = ()
    fault: InvalidImage | None = None
    size: tuple[int, int] = (0, 0)
    pixel_hash: bytes = b""
    pixels: NDArray[np.uint8] | None = field(default=None, repr=False)


def common_size(tree: Tree, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """The size of the images; where they differ, a square one that suits them.

    Its side is 64 pixels, or less if most images have a side shorter than that.
    """

    def measure(data: bytes) -> tuple[int, int] | None:
        try:
            return image_size(data, max_pixels)
        except InvalidImage:
            return None

    found = [size for _, size in _each(tree, measure, "measuring") if size is not None]
    if not found:
        return (_USUAL_SIZE, _USUAL_SIZE)
    if len(set(found)) == 1:
        return found[0]
    side = min(_USUAL_SIZE, statistics.median_low([min(size) for size in found]))
    return (side, side)


def _first_size(tree: Tree, max_pixels: int) -> tuple[int, int] | None:
    """The size of the first image that is read; None if it cannot be."""
    for _, data in tree.source.read([item.member for item in tree.items]):
        try:
            return image_size(data, max_pixels)
        except InvalidImage:
            return None
    return None


def decode_tree(tree: Tree, options: DecodeOptions) -> ImageArrays:
    """The images of a tree that can be used, and what was found on the way.

    An image of another size is resized by its shorter side, with antialiasing, and the middle
    of it taken.

    Raises:
        ValueError: No image can be used, or they would take more than 8 GiB.
    """
    if options.size is not None:
        return _decode(tree, options, options.size)
    first = _first_size(tree, options.max_pixels)
    if first is not None:
        try:  # most sets have images of one size, and need not be read twice
            return _decode(tree, options, first, must_be=first)
        except _SizesDiffer:
            pass
    return _decode(tree, options, common_size(tree, options.max_pixels))


def _decode(
    tree: Tree,
    options: DecodeOptions,
    size: tuple[int, int],
    must_be: tuple[int, int] | None = None,
) -> ImageArrays:
    """`decode_tree` at a size; an exception at the first image that is not of `must_be`."""
    total = len(tree.items) * size[0] * size[1] * (options.channels or 3)
    if total > _MAX_BYTES:
        raise ValueError(
            f"'image_size' must leave the images within {_MAX_BYTES >> 30} GiB, got "
            f"{size[0]} x {size[1]} for {len(tree.items)} images. Give a smaller one."
        )
    channels = options.channels or 3
    images = np.zeros((len(tree.items), *size, channels), dtype=np.uint8)
    gray = np.ones(len(tree.items), dtype=bool)

    def decode(data: bytes, member: Member) -> _Outcome:
        outcome = _examine(data, member, options.max_pixels)
        if outcome.pixels is not None:
            if must_be is not None and outcome.size != must_be:
                raise _SizesDiffer
            try:
                outcome.pixels = resize_and_crop(outcome.pixels, size, options.channels)
            except Exception as error:  # one file, whatever it is, does not stop a set
                return _Outcome(fault=InvalidImage("broken", f"cannot be resized: {error!r}"))
        return outcome

    def keep(position: int, outcome: _Outcome) -> None:
        if outcome.pixels is not None:
            images[position] = outcome.pixels  # a gray one is copied into all channels
            gray[position] = outcome.pixels.shape[2] == 1
            outcome.pixels = None

    outcomes = _outcomes(tree, decode, keep)
    valid = np.array([outcome.fault is None for outcome in outcomes], dtype=bool)
    report = _report(tree, outcomes)
    if not valid.any():
        first = report.invalid[0]
        raise ValueError(
            f"'path' must hold images that can be read, got {len(outcomes)} that cannot, "
            f"{first.path!r} ({first.kind}: {first.reason}) first. Check the files."
        )
    if options.channels is None and gray.all():
        images = np.ascontiguousarray(images[..., :1])
    items = [item for item, good in zip(tree.items, valid, strict=True) if good]
    return ImageArrays(
        images=images if valid.all() else images[valid],
        y=np.array([item.label for item in items], dtype=np.int64),
        part=np.array([item.part for item in items], dtype=np.uint8),
        class_names=tree.class_names,
        names=tuple(item.member.path for item in items),
        scan=report,
    )


def scan_tree(tree: Tree, max_pixels: int = MAX_PIXELS) -> ScanReport:
    """What decoding every image finds, keeping none."""

    def examine(data: bytes, member: Member) -> _Outcome:
        outcome = _examine(data, member, max_pixels)
        outcome.pixels = None
        return outcome

    return _report(tree, _outcomes(tree, examine, lambda position, outcome: None))


def _examine(data: bytes, member: Member, max_pixels: int) -> _Outcome:
    if member.fault:
        return _Outcome(fault=InvalidImage("unreadable", member.fault))
    try:
        image = decode_image(data, member.path, max_pixels)
    except InvalidImage as fault:
        return _Outcome(fault=fault)
    pixels = image.pixels
    digest = hashlib.blake2b(str(pixels.shape).encode(), digest_size=16)
    digest.update(pixels.data)
    size = (pixels.shape[0], pixels.shape[1])
    return _Outcome(image.notes, None, size, digest.digest(), pixels)


def resize_and_crop(
    pixels: NDArray[np.uint8], size: tuple[int, int], channels: int | None
) -> NDArray[np.uint8]:
    """The pixels at this size, (h, w, 1 or 3), in as many channels as are asked for."""
    if pixels.shape[:2] == size and channels in (None, pixels.shape[2]):
        return pixels
    from PIL import Image, ImageOps

    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    if channels == 1:
        image = image.convert("L")
    if pixels.shape[:2] != size:
        image = ImageOps.fit(image, (size[1], size[0]), Image.Resampling.BILINEAR)
    result = np.asarray(image)
    return result[:, :, None] if result.ndim == 2 else result


def _outcomes(
    tree: Tree,
    work: Callable[[bytes, Member], _Outcome],
    keep: Callable[[int, _Outcome], None],
) -> list[_Outcome]:
    """The outcome for each item of the tree, in its order; `keep` sees each as it comes."""
    position = {item.member.path: number for number, item in enumerate(tree.items)}
    outcomes = [_Outcome(fault=InvalidImage("broken", "is not there any more"))] * len(position)
    for member, outcome in _each(tree, work, "decoding"):
        outcomes[position[member.path]] = outcome
        keep(position[member.path], outcome)
    return outcomes


def _each(tree: Tree, work: Callable[..., T], doing: str) -> Iterator[tuple[Member, T]]:
    """`work` on the content of each image, in threads: Pillow decodes without Python's lock."""
    wants_member = work.__code__.co_argcount == 2

    def piece(batch: Sequence[tuple[Member, bytes]]) -> list[tuple[Member, T]]:
        return [(m, work(data, m) if wants_member else work(data)) for m, data in batch]

    members = [item.member for item in tree.items]
    workers = min(8, os.cpu_count() or 1)
    with (
        large_images_are_errors(),
        ThreadPoolExecutor(workers) as pool,
        progress(f"{doing} {tree.source.name}", len(members)) as advance,
    ):
        for batch in _in_order(pool, piece, _pieces(tree.source.read(members)), 2 * workers):
            advance(len(batch))
            yield from batch


def _pieces(
    contents: Iterator[tuple[Member, bytes]],
) -> Iterator[list[tuple[Member, bytes]]]:
    while piece := list(islice(contents, _PIECE)):
        yield piece


def _in_order(
    pool: ThreadPoolExecutor,
    work: Callable[[list[tuple[Member, bytes]]], list[tuple[Member, T]]],
    pieces: Iterable[list[tuple[Member, bytes]]],
    ahead: int,
) -> Iterator[list[tuple[Member, T]]]:
    """As `pool.map`, which would read the whole archive into memory first."""
    waiting: deque[Future[list[tuple[Member, T]]]] = deque()
    for piece in pieces:
        waiting.append(pool.submit(work, piece))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@contextmanager
def large_images_are_errors() -> Iterator[None]:
    """Pillow only warns of images up to twice its limit; the threads share this filter."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        warnings.filterwarnings("ignore", module="PIL")  # what it says of EXIF and TIFF remarks
        yield


def _report(tree: Tree, outcomes: Sequence[_Outcome]) -> ScanReport:
    findings = list(tree.findings)
    first: dict[bytes, dict[tuple[int, int], Item]] = {}
    for item, outcome in zip(tree.items, outcomes, strict=True):
        path = item.member.path
        if outcome.fault is not None:
            findings.append(Finding(path, outcome.fault.kind, str(outcome.fault)))
            continue
        findings += [Finding(path, kind, reason) for kind, reason in outcome.notes]
        twins = first.setdefault(outcome.pixel_hash, {})
        findings += _copies(tree, item, twins)
        twins.setdefault((item.label, item.part), item)
    sizes = sorted(outcome.size for outcome in outcomes if outcome.fault is None)
    return ScanReport(
        source=printable(str(tree.source.path)),
        num_files=len(tree.source.members()),
        num_valid=len(sizes),
        sizes=(sizes[0], sizes[-1]) if sizes else (),
        findings=tuple(findings),
        assumed=tree.assumed,
    )


def _copies(tree: Tree, item: Item, twins: dict[tuple[int, int], Item]) -> Iterator[Finding]:
    """What to say of an image whose pixels were met before."""
    path = item.member.path
    for twin in twins.values():
        if twin.label != item.label:
            names = tree.class_names[twin.label], tree.class_names[item.label]
            reason = f"{names[0]!r} and {names[1]!r}: same as {twin.member.path}"
            yield Finding(path, "in two classes", reason)
        if twin.part != item.part:
            parts = _PART_NAMES[twin.part], _PART_NAMES[item.part]
            reason = f"{parts[0]} and {parts[1]}: same as {twin.member.path}"
            yield Finding(path, "in two parts", reason)
        if (twin.label, twin.part) == (item.label, item.part):
            yield Finding(path, "duplicate", f"same as {twin.member.path}")
