"""Items of two splits that are the same, which makes test scores look better than they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from gnnvision.data.overview import SPLIT_TITLES
from gnnvision.data.split import SPLIT_NAMES, Split

__all__ = ["leak_warning", "repeated_rows", "tensor_rows"]

Shared = list[dict[str, int]]  # for each repeated item: split -> its first row there


def tensor_rows(x: Tensor) -> list[bytes]:
    """The rows of a tensor as bytes: equal bytes for equal rows.

    Args:
        x: Dense or sparse. Shape (N, ...).
    """
    if x.layout == torch.strided:
        array = np.ascontiguousarray(x.detach().cpu().numpy()).reshape(len(x), -1)
        return [row.tobytes() for row in array]
    entries = x.detach().cpu().to_sparse_coo().coalesce()
    rows, columns = entries.indices().numpy()
    values = entries.values().numpy()
    starts = np.searchsorted(rows, np.arange(len(x) + 1))
    return [columns[a:b].tobytes() + values[a:b].tobytes() for a, b in pairwise(starts)]


def repeated_rows(rows: Iterable[bytes], split: Split) -> Shared:
    """The items that occur in more than one split, in the order of their first rows.

    Args:
        rows: The content of each item.
        split: The training, validation and test rows.

    Example:
        >>> split = Split("mine", train=[0, 1], val=[2], test=[3])
        >>> repeated_rows([b"a", b"b", b"c", b"a"], split)
        [{'train': 0, 'test': 3}]
    """
    hashes = [blake2b(row, digest_size=16).digest() for row in rows]
    found: dict[bytes, dict[str, int]] = {}
    for name in SPLIT_NAMES:
        for row in getattr(split, name).tolist():
            found.setdefault(hashes[row], {}).setdefault(name, row)
    shared = [places for places in found.values() if len(places) > 1]
    return sorted(shared, key=lambda places: min(places.values()))


def leak_warning(shared: Shared, item: str, names: Sequence[object], alike: str = "") -> list[str]:
    """A warning about items that occur in two splits; none if there are none.

    Args:
        shared: From `repeated_rows`.
        item: What an item is, such as "node".
        names: The name of each item.
        alike: How two of them are alike, if they need not be the same.
    """
    if not shared:
        return []
    count = f"{len(shared):,} {item}" + ("s occur" if len(shared) > 1 else " occurs")
    places = ", ".join(
        f"{names[row]!r} in {SPLIT_TITLES[name]}" for name, row in shared[0].items()
    )
    return [
        f"{count} in more than one split{alike} ({places}). This data leakage inflates the "
        "metrics: remove the duplicates, or keep them in one split."
    ]
