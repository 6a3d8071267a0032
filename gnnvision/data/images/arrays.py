"""The plain arrays of labeled images: one form for every source and for the cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.images.scan_report import ScanReport

__all__ = ["ImageArrays"]


@dataclass(frozen=True, eq=False)
class ImageArrays:
    """Images of one size with labels and the parts they were published in, checked.

    Args:
        images: uint8 (N, H, W, C), C = 1 or 3.
        y: int64 (N,): labels from 0.
        part: uint8 (N,): 0 train, 1 val, 2 test.
        class_names: One for each label.
        names: File names (N,), or empty.
        scan: What was found when files were read.

    Raises:
        ValueError: The arrays do not fit one another, or a label is out of range.
    """

    images: NDArray[np.uint8]
    y: NDArray[np.int64]
    part: NDArray[np.uint8]
    class_names: tuple[str, ...]
    names: Sequence[str] = field(default=(), repr=False)
    scan: ScanReport | None = None

    def __post_init__(self) -> None:
        n = len(self.images)
        _require(self.images.ndim == 4, f"images have shape {self.images.shape}")
        _require(self.images.dtype == np.uint8, f"images are {self.images.dtype}")
        _require(self.y.shape == self.part.shape == (n,), "labels, parts and images differ")
        _require(len(self.names) in (0, n), f"{len(self.names)} names for {n} images")
        if n and not 0 <= self.y.min() <= self.y.max() < len(self.class_names):
            wrong = self.y[(self.y < 0) | (self.y >= len(self.class_names))][0]
            _require(False, f"a label is {wrong}, there are {len(self.class_names)} classes")
        _require(not n or self.part.max() <= 2, "a part is not 0, 1 or 2")

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the images and labels, in hexadecimal."""
        digest = hashlib.sha256(f"images {self.images.shape};".encode())
        digest.update(np.ascontiguousarray(self.images).data)
        digest.update(self.y.astype("<i8").data)
        return digest.hexdigest()

    def check_sum(self) -> str:
        """SHA-256 over everything, the images by their `hash`."""
        digest = hashlib.sha256(self.hash.encode() + self.part.tobytes())
        digest.update(json.dumps([self.class_names, list(self.names)]).encode())
        if self.scan is not None:
            digest.update(json.dumps(self.scan.to_dict()).encode())
        return digest.hexdigest()


def _require(condition: bool | np.bool_, fault: str) -> None:
    if not condition:
        raise ValueError(f"The arrays of the images do not fit: {fault}. Fetch the files again.")
