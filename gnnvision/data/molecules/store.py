"""Featurised molecules kept in the cache, so that the second time takes seconds."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from gnnvision.data.molecules.encode import Encoded, Progress, encode_all
from gnnvision.data.molecules.featurizer import Featurizer
from gnnvision.data.place import NotWritable, replacing
from gnnvision.data.root import cache_folder

__all__ = ["encoded"]

WORTH_KEEPING = 500  # fewer are featurised as quickly as they are read
_ARRAYS = tuple(item.name for item in fields(Encoded) if item.name != "reasons")


def encoded(
    smiles: Sequence[str], featurizer: Featurizer, progress: Progress | None = None
) -> Encoded:
    """The rows as numbers, from the cache where they are known.

    They are kept under a hash of the SMILES, the featurizer and rdkit's version. A cache that
    cannot be read or written is done without.

    Args:
        smiles: the rows.
        featurizer: how.
        progress: called with the number of rows done, and of all.
    """
    place = _place(smiles, featurizer)
    if place is not None and (found := _read(place)) is not None:
        return found
    made = encode_all(smiles, featurizer, progress=progress)
    if place is not None:
        with contextlib.suppress(NotWritable, OSError), replacing(place) as file:
            arrays = {name: getattr(made, name) for name in _ARRAYS}
            text = np.frombuffer(json.dumps(made.reasons).encode(), np.uint8)
            np.savez(file, reasons=text, **arrays)
    return made


def _place(smiles: Sequence[str], featurizer: Featurizer) -> Path | None:
    cache = cache_folder()
    if cache is None or len(smiles) < WORTH_KEEPING:
        return None
    from rdkit import rdBase

    digest = hashlib.sha256(f"{featurizer.hash} {rdBase.rdkitVersion}\n".encode())
    digest.update(json.dumps(list(smiles)).encode())  # a SMILES may have a line break in it
    return cache / "molecules" / f"{digest.hexdigest()[:40]}.npz"


def _read(place: Path) -> Encoded | None:
    try:
        with np.load(io.BytesIO(place.read_bytes()), allow_pickle=False) as held:
            reasons = tuple(json.loads(held["reasons"].tobytes()))
            return Encoded(**{name: held[name] for name in _ARRAYS}, reasons=reasons)
    except (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile, NotImplementedError):
        return None  # not there, cut short, damaged, or not ours
