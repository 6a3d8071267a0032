"""Decoding of all images of a folder tree in several threads, with a report."""

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

from gnnvision._extras import require_extra
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
from gnnvision.errors import invalid

__all__ = ["DecodeOptions", "common_size", "decode_tree", "scan_tree"]

T = TypeVar("T")
_CHUNK = 64  # files per task of a thread
_DEFAULT_SIZE = 64
_MAX_BYTES = 1 << 33
_SPLIT_NAMES = ("train", "val", "test")


@dataclass(frozen=True)
class DecodeOptions:
    """The form in which images are decoded.

    Args:
        size: Height and width; None for the size of the images, see `common_size`.
        channels: 1 for grayscale, 3 for color, None for 1 if all images are grayscale.
        max_pixels: An image with more pixels is not decoded.
    """

    size: tuple[int, int] | None = None
    channels: int | None = None
    max_pixels: int = MAX_PIXELS


class _SizesDiffer(Exception):
    """The images differ in size."""


@dataclass
class _FileResult:
    """The result of decoding one file."""

    notes: tuple[tuple[str, str], ...] = ()
    fault: InvalidImage | None = None
    size: tuple[int, int] = (0, 0)
    pixel_hash: bytes = b""
    pixels: NDArray[np.uint8] | None = field(default=None, repr=False)


def common_size(tree: Tree, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """The size of the images; if sizes differ, a square of 64 pixels.

    It is smaller if most images have a side below 64 pixels.
    """

    def measure(data: bytes) -> tuple[int, int] | None:
        try:
            return image_size(data, max_pixels)
        except InvalidImage:
            return None

    found = [size for _, size in _map_files(tree, measure, "measuring") if size is not None]
    if not found:
        return (_DEFAULT_SIZE, _DEFAULT_SIZE)
    if len(set(found)) == 1:
        return found[0]
    side = min(_DEFAULT_SIZE, statistics.median_low([min(size) for size in found]))
    return (side, side)


def _first_size(tree: Tree, max_pixels: int) -> tuple[int, int] | None:
    """The size of the first image; None if it cannot be read."""
    for _, data in tree.source.read([item.member for item in tree.items]):
        try:
            return image_size(data, max_pixels)
        except InvalidImage:
            return None
    return None


def decode_tree(tree: Tree, options: DecodeOptions) -> ImageArrays:
    """Decode the valid images of a folder tree, with a report.

    The shorter side of an image of another size is resized, with antialiasing, and the center
    cropped.

    Raises:
        ValueError: No image can be decoded, or they would take more than 8 GiB.
    """
    if options.size is not None:
        return _decode(tree, options, options.size)
    first = _first_size(tree, options.max_pixels)
    if first is not None:
        try:  # most datasets have images of one size and are read once
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
    """`decode_tree` at a size; raises _SizesDiffer if an image is not of size `must_be`."""
    total = len(tree.items) * size[0] * size[1] * (options.channels or 3)
    if total > _MAX_BYTES:
        got = f"{size[0]} x {size[1]} for {len(tree.items)} images"
        condition = f"keep the images below {_MAX_BYTES >> 30} GiB"
        raise invalid("image_size", condition, got, "Choose a smaller value.")
    channels = options.channels or 3
    images = np.zeros((len(tree.items), *size, channels), dtype=np.uint8)
    gray = np.ones(len(tree.items), dtype=bool)

    def decode(data: bytes, member: Member) -> _FileResult:
        result = _decode_file(data, member, options.max_pixels)
        if result.pixels is not None:
            if must_be is not None and result.size != must_be:
                raise _SizesDiffer
            try:
                result.pixels = resize_and_crop(result.pixels, size, options.channels)
            except Exception as error:  # one file must not stop the others
                return _FileResult(fault=InvalidImage("broken", f"cannot be resized: {error!r}"))
        return result

    def keep(position: int, result: _FileResult) -> None:
        if result.pixels is not None:
            images[position] = result.pixels  # grayscale is copied to all channels
            gray[position] = result.pixels.shape[2] == 1
            result.pixels = None

    results = _run_all(tree, decode, keep)
    valid = np.array([result.fault is None for result in results], dtype=bool)
    report = _report(tree, results)
    if not valid.any():
        first = report.invalid[0]
        example = f"{first.path!r} ({first.kind}: {first.reason})"
        got = f"{len(results)} invalid files, the first {example}"
        raise invalid("path", "have images that can be decoded", got, "Check the files.")
    if options.channels is None and gray.all():
        images = np.ascontiguousarray(images[..., :1])
    items = [item for item, good in zip(tree.items, valid, strict=True) if good]
    return ImageArrays(
        images=images if valid.all() else images[valid],
        y=np.array([item.label for item in items], dtype=np.int64),
        split=np.array([item.split for item in items], dtype=np.uint8),
        class_names=tree.class_names,
        names=tuple(item.member.path for item in items),
        scan=report,
    )


def scan_tree(tree: Tree, max_pixels: int = MAX_PIXELS) -> ScanReport:
    """The report from decoding all images, without keeping them."""

    def examine(data: bytes, member: Member) -> _FileResult:
        result = _decode_file(data, member, max_pixels)
        result.pixels = None
        return result

    return _report(tree, _run_all(tree, examine, lambda position, result: None))


def _decode_file(data: bytes, member: Member, max_pixels: int) -> _FileResult:
    if member.fault:
        return _FileResult(fault=InvalidImage("unreadable", member.fault))
    try:
        image = decode_image(data, member.path, max_pixels)
    except InvalidImage as fault:
        return _FileResult(fault=fault)
    pixels = image.pixels
    digest = hashlib.blake2b(str(pixels.shape).encode(), digest_size=16)
    digest.update(pixels.data)
    size = (pixels.shape[0], pixels.shape[1])
    return _FileResult(image.notes, None, size, digest.digest(), pixels)


def resize_and_crop(
    pixels: NDArray[np.uint8], size: tuple[int, int], channels: int | None
) -> NDArray[np.uint8]:
    """Pixels (h, w, 1 or 3) at a size: the shorter side is resized, the center cropped."""
    if pixels.shape[:2] == size and channels in (None, pixels.shape[2]):
        return pixels
    require_extra("images", "Resizing images", "PIL")
    from PIL import Image, ImageOps

    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    if channels == 1:
        image = image.convert("L")
    if pixels.shape[:2] != size:
        image = ImageOps.fit(image, (size[1], size[0]), Image.Resampling.BILINEAR)
    result = np.asarray(image)
    return result[:, :, None] if result.ndim == 2 else result


def _run_all(
    tree: Tree,
    work: Callable[[bytes, Member], _FileResult],
    keep: Callable[[int, _FileResult], None],
) -> list[_FileResult]:
    """The result of each item of the tree, in order; `keep` is called with each at once."""
    position = {item.member.path: number for number, item in enumerate(tree.items)}
    results = [_FileResult(fault=InvalidImage("broken", "no longer exists"))] * len(position)
    for member, result in _map_files(tree, work, "decoding"):
        results[position[member.path]] = result
        keep(position[member.path], result)
    return results


def _map_files(tree: Tree, work: Callable[..., T], doing: str) -> Iterator[tuple[Member, T]]:
    """Call `work` on the content of each file, in threads, as Pillow releases the GIL."""
    wants_member = work.__code__.co_argcount == 2

    def run(batch: Sequence[tuple[Member, bytes]]) -> list[tuple[Member, T]]:
        return [(m, work(data, m) if wants_member else work(data)) for m, data in batch]

    members = [item.member for item in tree.items]
    workers = min(8, os.cpu_count() or 1)
    with (
        large_images_are_errors(),
        ThreadPoolExecutor(workers) as pool,
        progress(f"{doing} {tree.source.name}", len(members)) as advance,
    ):
        for batch in _map_in_order(pool, run, _chunks(tree.source.read(members)), 2 * workers):
            advance(len(batch))
            yield from batch


def _chunks(
    contents: Iterator[tuple[Member, bytes]],
) -> Iterator[list[tuple[Member, bytes]]]:
    while chunk := list(islice(contents, _CHUNK)):
        yield chunk


def _map_in_order(
    pool: ThreadPoolExecutor,
    work: Callable[[list[tuple[Member, bytes]]], list[tuple[Member, T]]],
    chunks: Iterable[list[tuple[Member, bytes]]],
    ahead: int,
) -> Iterator[list[tuple[Member, T]]]:
    """`pool.map` with a bounded queue, as `pool.map` would read the whole archive first."""
    waiting: deque[Future[list[tuple[Member, T]]]] = deque()
    for chunk in chunks:
        waiting.append(pool.submit(work, chunk))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@contextmanager
def large_images_are_errors() -> Iterator[None]:
    """Turn Pillow's warning about large images into an error; all threads share this filter."""
    require_extra("images", "Reading image files", "PIL")
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        warnings.filterwarnings("ignore", module="PIL")  # about EXIF and TIFF metadata
        yield


def _report(tree: Tree, results: Sequence[_FileResult]) -> ScanReport:
    findings = list(tree.findings)
    first: dict[bytes, dict[tuple[int, int], Item]] = {}
    for item, result in zip(tree.items, results, strict=True):
        path = item.member.path
        if result.fault is not None:
            findings.append(Finding(path, result.fault.kind, str(result.fault)))
            continue
        findings += [Finding(path, kind, reason) for kind, reason in result.notes]
        twins = first.setdefault(result.pixel_hash, {})
        findings += _duplicates(tree, item, twins)
        twins.setdefault((item.label, item.split), item)
    sizes = sorted(result.size for result in results if result.fault is None)
    return ScanReport(
        source=printable(str(tree.source.path)),
        num_files=len(tree.source.members()),
        num_valid=len(sizes),
        sizes=(sizes[0], sizes[-1]) if sizes else (),
        findings=tuple(findings),
        assumed=tree.assumed,
    )


def _duplicates(tree: Tree, item: Item, twins: dict[tuple[int, int], Item]) -> Iterator[Finding]:
    """The findings about an image with the same pixels as earlier ones."""
    path = item.member.path
    for twin in twins.values():
        if twin.label != item.label and min(twin.label, item.label) >= 0:
            names = tree.class_names[twin.label], tree.class_names[item.label]
            reason = f"{names[0]!r} and {names[1]!r}: same as {twin.member.path}"
            yield Finding(path, "in two classes", reason)
        if twin.split != item.split:
            splits = _SPLIT_NAMES[twin.split], _SPLIT_NAMES[item.split]
            reason = f"{splits[0]} and {splits[1]}: same as {twin.member.path}"
            yield Finding(path, "in two splits", reason)
        if (twin.label, twin.split) == (item.label, item.split):
            yield Finding(path, "duplicate", f"same as {twin.member.path}")
