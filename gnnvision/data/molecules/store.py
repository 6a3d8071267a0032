"""A cache for encoded molecules, descriptors, scaffolds and canonical SMILES."""

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
from gnnvision.data.molecules.describe import canonicalize_all, describe_all, scaffolds
from gnnvision.data.molecules.encode import Encoded, encode_all
from gnnvision.data.molecules.featurizer import Featurizer
from gnnvision.data.molecules.parallel import Progress, map_chunks
from gnnvision.data.npz import unpack_arrays
from gnnvision.data.progress import progress as bar
from gnnvision.data.root import cache_folder
from gnnvision.domains.molecule import text_fault

__all__ = ["cached_canonical_smiles", "cached_descriptors", "cached_scaffolds", "encode_cached"]

WORTH_CACHING = 500  # fewer rows are computed as quickly as they are read
Arrays = dict[str, NDArray[Any]]
T = TypeVar("T")
_ENCODED = tuple(item.name for item in fields(Encoded) if item.name != "reasons")


def encode_cached(smiles: Sequence[str], featurizer: Featurizer) -> Encoded:
    """`encode.encode_all`, read from the cache if possible."""

    def make(progress: Progress) -> Arrays:
        made = encode_all(smiles, featurizer, progress=progress)
        arrays = {name: getattr(made, name) for name in _ENCODED}
        return arrays | {"reasons": _texts_to_array(made.reasons)}

    def parse(stored: Arrays) -> Encoded:
        arrays = {name: stored[name] for name in _ENCODED}
        return Encoded(**arrays, reasons=tuple(_array_to_texts(stored["reasons"])))

    return _cached("atoms and bonds", smiles, featurizer, make, parse)


def cached_descriptors(smiles: Sequence[str], featurizer: Featurizer) -> NDArray[np.float32]:
    """`describe.descriptors`, read from the cache if possible."""

    def make(progress: Progress) -> Arrays:
        return {"table": describe_all(smiles, featurizer, progress=progress)}

    return _cached("descriptors", smiles, featurizer, make, lambda stored: stored["table"])


def cached_scaffolds(smiles: Sequence[str], featurizer: Featurizer) -> list[str]:
    """`describe.scaffolds`, read from the cache if possible."""
    return _cached_texts("scaffolds", scaffolds, smiles, featurizer)


def cached_canonical_smiles(smiles: Sequence[str], featurizer: Featurizer) -> list[str]:
    """`describe.canonicalize_all`, read from the cache if possible."""
    return _cached_texts("canonical SMILES", canonicalize_all, smiles, featurizer)


def _cached_texts(
    what: str,
    work: Callable[[Sequence[str], Featurizer], list[str]],
    smiles: Sequence[str],
    featurizer: Featurizer,
) -> list[str]:
    def make(progress: Progress) -> Arrays:
        chunks = map_chunks(work, smiles, featurizer, progress=progress)
        return {"texts": _texts_to_array([text for chunk in chunks for text in chunk])}

    return _cached(what, smiles, featurizer, make, lambda stored: _array_to_texts(stored["texts"]))


def _cached(
    what: str,
    smiles: Sequence[str],
    featurizer: Featurizer,
    make: Callable[[Progress], Arrays],
    parse: Callable[[Arrays], T],
) -> T:
    """`parse` of the arrays that `make` computes or that are in the cache.

    The file name is a hash of the SMILES, the featurizer and rdkit's version. If the cache cannot
    be read or written, the arrays are computed every time. A progress bar is shown.
    """
    place = _cache_file(what, smiles, featurizer)
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


def _cache_file(what: str, smiles: Sequence[str], featurizer: Featurizer) -> Path | None:
    cache = cache_folder()
    if cache is None or len(smiles) < WORTH_CACHING:
        return None
    from rdkit import rdBase

    digest = hashlib.sha256(f"{what} {featurizer.hash} {rdBase.rdkitVersion}\n".encode())
    if any(text_fault(text.strip()) for text in smiles):
        digest.update(b"whole")  # older caches hold molecules that rdkit parsed only in part
    digest.update(json.dumps(list(smiles)).encode())  # a SMILES may contain a line break
    return cache / "molecules" / f"{digest.hexdigest()[:40]}.npz"


def _read(place: Path, parse: Callable[[Arrays], T]) -> T | None:
    try:
        return parse(unpack_arrays(place.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # missing, truncated, damaged or another format


def _texts_to_array(texts: Sequence[str]) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(list(texts)).encode(), np.uint8)


def _array_to_texts(stored: NDArray[Any]) -> list[str]:
    texts: list[str] = json.loads(stored.tobytes())
    return texts
