"""What was worked out about molecules, kept in the cache: the second time takes seconds."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.atomic_files import NotWritable, atomic_write
from gnnvision.data.molecules.describe import canonicals, descriptors, scaffolds
from gnnvision.data.molecules.encode import Encoded, encode_all
from gnnvision.data.molecules.featurizer import Featurizer
from gnnvision.data.molecules.parallel import Progress, in_pieces
from gnnvision.data.npz import unpack_arrays
from gnnvision.data.progress import progress as bar
from gnnvision.data.root import cache_folder
from gnnvision.domains.molecule import text_fault

__all__ = ["canonicals_of", "descriptors_of", "encoded", "scaffolds_of"]

WORTH_KEEPING = 500  # fewer are worked out as quickly as they are read
Arrays = dict[str, NDArray[Any]]
T = TypeVar("T")
_ENCODED = tuple(item.name for item in fields(Encoded) if item.name != "reasons")


def encoded(smiles: Sequence[str], featurizer: Featurizer) -> Encoded:
    """The rows as numbers, from the cache where they are known."""

    def make(progress: Progress) -> Arrays:
        made = encode_all(smiles, featurizer, progress=progress)
        arrays = {name: getattr(made, name) for name in _ENCODED}
        return arrays | {"reasons": _packed(made.reasons)}

    def parse(held: Arrays) -> Encoded:
        arrays = {name: held[name] for name in _ENCODED}
        return Encoded(**arrays, reasons=tuple(_unpacked(held["reasons"])))

    return _remembered("atoms and bonds", smiles, featurizer, make, parse)


def descriptors_of(smiles: Sequence[str], featurizer: Featurizer) -> NDArray[np.float32]:
    """`describe.descriptors` of many rows, from the cache where they are known."""

    def make(progress: Progress) -> Arrays:
        parts = in_pieces(descriptors, smiles, featurizer, progress=progress)
        return {"table": np.concatenate(parts) if parts else descriptors([], featurizer)}

    return _remembered("descriptors", smiles, featurizer, make, lambda held: held["table"])


def scaffolds_of(smiles: Sequence[str], featurizer: Featurizer) -> list[str]:
    """`describe.scaffolds` of many rows, from the cache where they are known."""
    return _texts("scaffolds", scaffolds, smiles, featurizer)


def canonicals_of(smiles: Sequence[str], featurizer: Featurizer) -> list[str]:
    """`describe.canonicals` of many rows, from the cache where they are known."""
    return _texts("canonical SMILES", canonicals, smiles, featurizer)


def _texts(
    what: str,
    work: Callable[[Sequence[str], Featurizer], list[str]],
    smiles: Sequence[str],
    featurizer: Featurizer,
) -> list[str]:
    def make(progress: Progress) -> Arrays:
        parts = in_pieces(work, smiles, featurizer, progress=progress)
        return {"texts": _packed([text for part in parts for text in part])}

    return _remembered(what, smiles, featurizer, make, lambda held: _unpacked(held["texts"]))


def _remembered(
    what: str,
    smiles: Sequence[str],
    featurizer: Featurizer,
    make: Callable[[Progress], Arrays],
    parse: Callable[[Arrays], T],
) -> T:
    """What `parse` reads from what `make` gives, kept in the cache.

    The file's name is a hash of the SMILES, the featurizer and rdkit's version. A cache that
    cannot be read or written is done without. A bar shows how far it is.
    """
    place = _place(what, smiles, featurizer)
    if place is not None and (found := _read(place, parse)) is not None:
        return found
    with bar(f"molecules: {what}", len(smiles)) as advance:
        before = 0

        def report(done: int, total: int) -> None:
            nonlocal before
            advance(done - before)
            before = done

        made = make(report)
    if place is not None:
        with contextlib.suppress(NotWritable, OSError), atomic_write(place) as file:
            np.savez(file, **made)  # type: ignore[arg-type]
    return parse(made)


def _place(what: str, smiles: Sequence[str], featurizer: Featurizer) -> Path | None:
    cache = cache_folder()
    if cache is None or len(smiles) < WORTH_KEEPING:
        return None
    from rdkit import rdBase

    digest = hashlib.sha256(f"{what} {featurizer.hash} {rdBase.rdkitVersion}\n".encode())
    if any(text_fault(text.strip()) for text in smiles):
        digest.update(b"whole")  # caches of before hold molecules of which rdkit read a part
    digest.update(json.dumps(list(smiles)).encode())  # a SMILES may have a line break in it
    return cache / "molecules" / f"{digest.hexdigest()[:40]}.npz"


def _read(place: Path, parse: Callable[[Arrays], T]) -> T | None:
    try:
        return parse(unpack_arrays(place.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not there, cut short, damaged, or not ours


def _packed(texts: Sequence[str]) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(list(texts)).encode(), np.uint8)


def _unpacked(held: NDArray[Any]) -> list[str]:
    texts: list[str] = json.loads(held.tobytes())
    return texts
