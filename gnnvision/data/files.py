"""From a card to the bytes of its files: found, fetched if need be, and verified."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from gnnvision.data.arrays import NodeArrays, read_npz, write_npz
from gnnvision.data.atomic_files import NotWritable, atomic_write
from gnnvision.data.card import Card, DataFile
from gnnvision.data.download import download_files
from gnnvision.data.errors import ChecksumError, DataNotFound
from gnnvision.data.fetch import Limits
from gnnvision.data.root import cache_folder, data_root, is_writable

__all__ = ["decode_cached", "locate", "locate_any", "read_checked", "read_verified"]

_CACHE_VERSION = 1  # raise it when what `decode` gives changes, and old caches are left alone
_SLOWEST = 200_000  # bytes a second; a large file may take longer than a small one


def locate(card: Card, root: str | os.PathLike[str] | None, *, download: bool) -> Path:
    """The folder that holds all files of the card, after a download if need be.

    Below the data root these are looked for in torch-geometric's places, `Cora/raw` and
    `Cora/Cora/raw`, and in the root itself. A download goes to the first place; where the root
    is read-only, to the user's cache, which is then searched too.

    Raises:
        DataNotFound: The files are neither there nor to be had.
    """
    names = [file.path for file in card.files]
    return locate_any(card, root, (names,), download=download)[0]


def locate_any(
    card: Card,
    root: str | os.PathLike[str] | None,
    alternatives: Sequence[Sequence[str]],
    *,
    download: bool,
) -> tuple[Path, list[str]]:
    """As `locate`, where a data set may lie in several forms, for example unpacked.

    Args:
        card: The card; its files are what is downloaded.
        root: The data root.
        alternatives: Lists of files, each of which is enough, in order of preference.
        download: Whether missing files may be fetched.

    Returns:
        The folder, and the list of files that is wholly there.

    Raises:
        DataNotFound: The files are neither there nor to be had.
    """
    base = data_root(root)
    folder = Path(card.folder)
    places = [base / folder, base.joinpath(*folder.parts[:1]) / folder, base]
    cache = cache_folder()
    target = places[0]
    if not is_writable(target) and cache is not None:
        target = cache / "downloads" / card.folder
        places.append(target)
    for names in alternatives:
        for place in places:
            if all((place / name).is_file() for name in names):
                return place, list(names)
    published = [file.path for file in card.files]
    if not download:
        missing = [name for name in published if not (target / name).is_file()]
        address = card.urls[0].rstrip("/") if card.urls else ""
        raise DataNotFound(
            f"The files of {card.name!r} are not in {base}, and download=False.",
            missing,
            target,
            [f"{address}/{name}" for name in missing] if address else (),
        )
    largest = max((file.size or 0 for file in card.files), default=0)
    limits = Limits(total_s=max(Limits.total_s, largest / _SLOWEST))
    download_files(card.files, card.urls, target, what=card.name, limits=limits)
    return target, published


def read_verified(card: Card, folder: Path) -> dict[str, bytes]:
    """The content of the card's files, each compared with its SHA-256 where the card knows it.

    Raises:
        ChecksumError: A file is not the one that the card describes.
    """
    content = {file.path: read_checked(file, folder) for file in card.files}
    unknown = [file.path for file in card.files if file.sha256 is None]
    if unknown:
        warnings.warn(
            f"The files of {card.name!r} in {folder} could not be verified: its card knows no "
            f"SHA-256 of {', '.join(unknown)}. They are read with the restricted reader.",
            UserWarning,
            stacklevel=2,
        )
    return content


def read_checked(file: DataFile, folder: Path) -> bytes:
    """The content of one file, compared with its SHA-256 if the card knows it.

    Raises:
        ChecksumError: It is not the one that the card describes.
    """
    data = (folder / file.path).read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if file.sha256 not in (None, found):
        raise ChecksumError(
            f"{folder / file.path} must have the SHA-256 {file.sha256}, got {found} "
            f"({len(data)} bytes). Delete it and load again, or put the right file there."
        )
    return data


def decode_cached(
    card: Card,
    raw: dict[str, bytes],
    decode: Callable[[dict[str, bytes], Card], NodeArrays],
) -> NodeArrays:
    """What `decode(raw, card)` gives, kept in the user's cache under the hash of the files.

    A cache that cannot be read or written is done without.
    """
    cache = cache_folder()
    if cache is None:
        return decode(raw, card)
    digest = hashlib.sha256(f"{_CACHE_VERSION} {card.splits} {card.class_names}".encode())
    for name in sorted(raw):
        digest.update(name.encode() + hashlib.sha256(raw[name]).digest())
    path = cache / "decode_cached" / f"{card.name}-{digest.hexdigest()[:32]}.npz"
    try:
        return read_npz(path.read_bytes())
    except (OSError, ValueError):  # not there, cut short, or not ours
        arrays = decode(raw, card)
    try:
        with atomic_write(path) as target:
            write_npz(target, arrays)
    except (NotWritable, OSError):
        pass
    return arrays
