"""A block of nodes as the arrays that are written to disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnvision.errors import invalid, wrong_dtype, wrong_type

__all__ = ["NodeBlock", "node_arrays"]


@dataclass(frozen=True)
class NodeBlock:
    """The arrays of a block of nodes.

    Args:
        arrays: File name without .npy -> rows to append.
        count: The number of nodes.
        row_bytes: About the bytes of one node.
    """

    arrays: dict[str, NDArray[Any]]
    count: int
    row_bytes: float


def node_arrays(
    x: NDArray[Any] | None,
    y: NDArray[Any] | None,
    ids: Any,  # noqa: ANN401
    bytes_before: int,
) -> NodeBlock:
    """The arrays of a block of nodes, which is checked.

    Args:
        x: Features. Shape (n, C).
        y: Targets. Shape (n,) or (n, T).
        ids: Texts or whole numbers.
        bytes_before: Of the ids of earlier nodes, as UTF-8.

    Raises:
        TypeError: Features, targets or ids have the wrong type.
        ValueError: Shapes do not agree, or features are not finite.
    """
    arrays: dict[str, NDArray[Any]] = {}
    counts = {}
    if x is not None:
        if x.dtype.kind not in "biuf":
            raise wrong_dtype("x", "be numbers", x.dtype, "Convert them.")
        if x.ndim != 2:
            raise invalid("x", "have shape (n, C)", x.shape, "Give one row for each node.")
        arrays["x"] = x if x.dtype == np.float16 else x.astype(np.float32)
        if not np.isfinite(arrays["x"]).all():
            row = int(np.flatnonzero(~np.isfinite(arrays["x"]).all(1))[0])
            raise invalid("x", "be finite", f"NaN or infinity in row {row}", "Replace it.")
        counts["x"] = len(x)
    if y is not None:
        if y.dtype.kind not in "biuf":
            raise wrong_dtype("y", "be numbers", y.dtype, "Number the classes from 0.")
        if y.ndim not in (1, 2):
            raise invalid("y", "have shape (n,) or (n, T)", y.shape, "Give a row for each node.")
        if y.dtype.kind == "f":
            arrays["y"] = y.astype(np.float32).reshape(len(y), -1)
        else:
            arrays["y"] = _classes(y.astype(np.int64)) if y.ndim == 1 else y.astype(np.int64)
        counts["y"] = len(y)
    if ids is not None:
        arrays |= _id_arrays(ids, bytes_before)
        counts["ids"] = len(ids)
    if not counts:
        raise invalid("x", "be given, or y or ids", "none of them", "Give the rows of nodes.")
    if len({*counts.values()}) > 1:
        got = " and ".join(f"{count:,} in {name!r}" for name, count in counts.items())
        raise invalid("x", "have as many rows as y and ids", got, "Give the same nodes.")
    count = next(iter(counts.values()))
    size = sum(array.nbytes for array in arrays.values())
    return NodeBlock(arrays, count, size / max(count, 1))


def _classes(y: NDArray[np.int64]) -> NDArray[np.int64]:
    """Classes from 0, -100 where unknown; -1 means that too."""
    y = np.where(y == -1, -100, y)
    if len(bad := y[(y < 0) & (y != -100)]):
        advice = "Number the classes from 0; -100 means unlabeled."
        raise invalid("y", "be classes from 0", int(bad[0]), advice)
    return y


def _id_arrays(ids: Any, bytes_before: int) -> dict[str, NDArray[Any]]:  # noqa: ANN401
    listed: Sequence[Any] = ids.tolist() if hasattr(ids, "tolist") else ids
    whole = all(isinstance(one, int) and not isinstance(one, bool) for one in listed)
    if whole and len(listed):
        return {"ids": np.array(listed, np.int64)}
    for one in listed:
        if not isinstance(one, str):
            raise wrong_type("ids", "be all text or all whole numbers", one, "Convert them.")
    texts = [one.encode() for one in listed]
    ends = bytes_before + np.cumsum([len(text) for text in texts], dtype=np.int64)
    return {"name_bytes": np.frombuffer(b"".join(texts), np.uint8), "name_ends": ends}
