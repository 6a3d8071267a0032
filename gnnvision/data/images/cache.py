"""The cache of decoded images, which is memory-mapped."""

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

from gnnvision.data.atomic_files import TemporaryFolder, folder_lock
from gnnvision.data.images.arrays import ImageArrays
from gnnvision.data.images.scan_report import ScanReport
from gnnvision.data.root import cache_folder

__all__ = ["cache_path", "load_or_create"]

_VERSION = 2  # increase it when the stored form changes; old caches are then ignored
_WAIT_S = 900.0


def cache_path(*key: object) -> Path | None:
    """The folder in the user's cache for a key; None if there is no cache."""
    cache = cache_folder()
    if cache is None:
        return None
    digest = hashlib.sha256(repr((_VERSION, *key)).encode("utf-8", "surrogateescape"))
    return cache / "images" / digest.hexdigest()[:32]


def load_or_create(folder: Path | None, make: Callable[[], ImageArrays]) -> ImageArrays:
    """The arrays in a cache folder, or else those from `make`, which are cached.

    The folder is written under a temporary name and renamed. If two processes need the arrays,
    one creates them and the other waits. If the cache cannot be written, it is not used.

    Warns:
        UserWarning: The cache is damaged and is created again.
    """
    if folder is None:
        return make()
    found = _read(folder)
    if found is not None:
        return found
    with folder_lock(folder, wait_s=_WAIT_S):
        found = _read(folder)  # written by the process that this one waited for
        if found is not None:
            return found
        arrays = make()
        if not _write(folder, arrays):
            return arrays
    found = _read(folder)
    return arrays if found is None else found


def _read(folder: Path) -> ImageArrays | None:
    if not folder.is_dir():
        return None
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        arrays = ImageArrays(
            # Copy on write: the file never changes, and torch accepts the array without a copy.
            images=np.load(folder / "images.npy", mmap_mode="c", allow_pickle=False),
            y=np.load(folder / "labels.npy", allow_pickle=False),
            split=np.load(folder / "parts.npy", allow_pickle=False),
            class_names=tuple(meta["class_names"]),
            names=tuple(meta["names"]),
            scan=None if meta["scan"] is None else ScanReport.from_dict(meta["scan"]),
        )
        if arrays.checksum(meta["scan"]) != meta["sha256"]:
            raise ValueError("its SHA-256 does not match")
        return arrays
    except Exception as error:  # damaged headers raise many types
        warnings.warn(
            f"The cache {folder} is damaged ({error}) and is created again.",
            UserWarning,
            stacklevel=4,
        )
        return None


def _write(folder: Path, arrays: ImageArrays) -> bool:
    """Write the arrays; returns whether the cache folder exists now."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = TemporaryFolder(f".{folder.name}.", folder.parent)
    except OSError:
        return False
    temporary = scratch.path
    try:
        np.save(temporary / "images.npy", arrays.images)
        np.save(temporary / "labels.npy", arrays.y)
        np.save(temporary / "parts.npy", arrays.split)
        meta = {
            "sha256": arrays.checksum(),
            "class_names": arrays.class_names,
            "names": list(arrays.names),
            "scan": None if arrays.scan is None else arrays.scan.to_dict(),
        }
        (temporary / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
        temporary.chmod(0o755)  # mkdtemp makes folders private
        if folder.exists():  # damaged, or written by a process without the lock
            aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
            os.replace(folder, aside / "old")
            shutil.rmtree(aside, ignore_errors=True)
        os.replace(temporary, folder)
        return True
    except OSError:
        return folder.is_dir()
    finally:
        scratch.remove()
