"""Decoded images kept on disk, mapped into memory when they are wanted again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gnnvision.data.atomic_files import folder_lock
from gnnvision.data.images.arrays import ImageArrays
from gnnvision.data.images.scan_report import ScanReport
from gnnvision.data.root import cache_folder

__all__ = ["cache_path", "load_or_create"]

_VERSION = 2  # raise it when what is stored or decoded changes, and old caches are left alone
_WAIT_S = 900.0


def cache_path(*key: object) -> Path | None:
    """The folder in the user's cache for what `key` stands for; None where there is no cache."""
    cache = cache_folder()
    if cache is None:
        return None
    digest = hashlib.sha256(repr((_VERSION, *key)).encode("utf-8", "surrogateescape"))
    return cache / "images" / digest.hexdigest()[:32]


def load_or_create(place: Path | None, make: Callable[[], ImageArrays]) -> ImageArrays:
    """What `make` gives, from its place in the cache if it is there and undamaged.

    It is written under another name and moved into place as a whole. Of two processes one
    works and the other waits for it; where nothing can be written the arrays stay in memory.

    Warns:
        UserWarning: What lies there is damaged; it is made again.
    """
    if place is None:
        return make()
    found = _read(place)
    if found is not None:
        return found
    with folder_lock(place, wait_s=_WAIT_S):
        found = _read(place)  # by the process that this one waited for
        if found is not None:
            return found
        arrays = make()
        if not _write(place, arrays):
            return arrays
    found = _read(place)
    return arrays if found is None else found


def _read(place: Path) -> ImageArrays | None:
    if not place.is_dir():
        return None
    try:
        meta = json.loads((place / "meta.json").read_text(encoding="utf-8"))
        arrays = ImageArrays(
            # Copy on write: the file is never changed, and torch takes the array as it is.
            images=np.load(place / "images.npy", mmap_mode="c", allow_pickle=False),
            y=np.load(place / "labels.npy", allow_pickle=False),
            part=np.load(place / "parts.npy", allow_pickle=False),
            class_names=tuple(meta["class_names"]),
            names=tuple(meta["names"]),
            scan=None if meta["scan"] is None else ScanReport.from_dict(meta["scan"]),
        )
        if arrays.check_sum() != meta["sha256"]:
            raise ValueError("its SHA-256 is another one than was written down")
        return arrays
    except Exception as error:  # of a damaged header numpy and Python's parser raise many kinds
        warnings.warn(
            f"The cache {place} is damaged ({error}) and is made anew.", UserWarning, stacklevel=4
        )
        return None


def _write(place: Path, arrays: ImageArrays) -> bool:
    """Whether the arrays are in place now, by this process or another."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    except OSError:
        return False
    try:
        np.save(temporary / "images.npy", arrays.images)
        np.save(temporary / "labels.npy", arrays.y)
        np.save(temporary / "parts.npy", arrays.part)
        meta = {
            "sha256": arrays.check_sum(),
            "class_names": arrays.class_names,
            "names": list(arrays.names),
            "scan": None if arrays.scan is None else arrays.scan.to_dict(),
        }
        (temporary / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
        temporary.chmod(0o755)  # mkdtemp keeps folders private; data is for everybody
        if place.exists():  # damaged, or another process was quicker without the lock
            aside = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
            os.replace(place, aside / "old")
            shutil.rmtree(aside, ignore_errors=True)
        os.replace(temporary, place)
        return True
    except OSError:
        return place.is_dir()
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
