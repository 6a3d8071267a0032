"""The arrays of an image dataset: one form for all sources and for the cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.arrays import UNLABELED
from gnnvision.data.images.scan_report import ScanReport

__all__ = ["ImageArrays"]


@dataclass(frozen=True, eq=False)
class ImageArrays:
    """Images of one size with labels and published splits, validated.

    Args:
        images: uint8 (N, H, W, C), C = 1 or 3.
        y: int64 (N,): labels from 0; -100 without one.
        split: uint8 (N,): 0 training, 1 validation, 2 test.
        class_names: The name of each label.
        names: The file names (N,), or empty.
        scan: The report on the files, if the images were read from files.

    Raises:
        ValueError: The arrays are inconsistent, or a label is out of range.
    """

    images: NDArray[np.uint8]
    y: NDArray[np.int64]
    split: NDArray[np.uint8]
    class_names: tuple[str, ...]
    names: Sequence[str] = field(default=(), repr=False)
    scan: ScanReport | None = None

    def __post_init__(self) -> None:
        n = len(self.images)
        _require(self.images.ndim == 4, f"images have shape {self.images.shape}")
        _require(self.images.dtype == np.uint8, f"images are {self.images.dtype}")
        same = self.y.shape == self.split.shape == (n,)
        _require(same, "labels, splits and images differ in length")
        _require(len(self.names) in (0, n), f"{len(self.names)} names for {n} images")
        wrong = self.y[(self.y != UNLABELED) & ((self.y < 0) | (self.y >= len(self.class_names)))]
        if len(wrong):
            _require(False, f"a label is {wrong[0]}, there are {len(self.class_names)} classes")
        _require(not n or self.split.max() <= 2, "a split is not 0, 1 or 2")

    @cached_property
    def hash(self) -> str:
        """The SHA-256 of the images and labels, in hexadecimal."""
        digest = hashlib.sha256(f"images {self.images.shape};".encode())
        digest.update(np.ascontiguousarray(self.images).data)
        digest.update(self.y.astype("<i8").data)
        return digest.hexdigest()

    def checksum(self, scan: Mapping[str, Any] | None = None) -> str:
        """The SHA-256 of all fields, in hexadecimal.

        Args:
            scan: The report as an earlier version stored it; None for that of the arrays.
        """
        digest = hashlib.sha256(self.hash.encode() + self.split.tobytes())
        digest.update(json.dumps([self.class_names, list(self.names)]).encode())
        if self.scan is not None:
            scan = scan or self.scan.to_dict()
            digest.update(json.dumps(scan).encode())
        return digest.hexdigest()


def _require(condition: bool | np.bool_, fault: str) -> None:
    if not condition:
        raise ValueError(f"The image arrays are invalid: {fault}. Download the files again.")
