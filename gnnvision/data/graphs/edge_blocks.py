"""A block of edges as the records that are sorted on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.graphs.edge_runs import record_type
from gnnvision.errors import invalid, wrong_dtype

__all__ = ["edge_records"]


def edge_records(
    source: NDArray[Any],
    target: NDArray[Any],
    values: Mapping[str, NDArray[Any]],
    columns: Sequence[str],
    num_nodes: int,
    bits: int,
    attributes: int | None,
    num_relations: int | None,
) -> NDArray[Any]:
    """The records of a block of edges, which is checked.

    Args:
        source: The node where each edge starts.
        target: The node where each edge ends.
        values: The columns of the edges by their names.
        columns: The columns that they must have.
        num_nodes: N; nodes are below it.
        bits: Of the source in a key.
        attributes: The number of attributes of earlier blocks, if any.
        num_relations: The number of types, if it is known.

    Raises:
        TypeError: Nodes or types are not integers.
        ValueError: A node or type is out of range, shapes do not agree, or a column is missing.
    """
    _check_nodes("source", source, num_nodes, None)
    _check_nodes("target", target, num_nodes, len(source))
    for name in values:
        if name not in columns:
            advice = f"Make the writer with columns=({name!r},)."
            raise invalid(name, "be left out", "values", advice)
    keys = target.astype(np.int64)
    keys <<= bits
    keys |= source.astype(np.int64)
    if not columns:
        return keys
    widths: dict[str, int] = {}
    kept = {}
    for name in columns:
        if name not in values:
            raise invalid(name, "be given", "none", "The writer was made with this column.")
        kept[name] = _column(name, values[name], len(keys), num_relations)
        widths[name] = kept[name].shape[1] if name == "edge_attr" else 1
    if attributes is not None and widths.get("edge_attr", attributes) != attributes:
        condition = f"have {attributes} columns as in earlier blocks"
        raise invalid("edge_attr", condition, widths["edge_attr"], "Give the same ones.")
    records = np.empty(len(keys), record_type(widths))
    records["key"] = keys
    for name, column in kept.items():
        records[name] = column
    return records


def _check_nodes(name: str, nodes: NDArray[Any], count: int, length: int | None) -> None:
    if nodes.size and nodes.dtype.kind not in "iu":
        advice = "Number the nodes from 0; `gnnvision graph build` reads ids that are text."
        raise wrong_dtype(name, "be integers", nodes.dtype, advice)
    if nodes.ndim != 1 or (length is not None and len(nodes) != length):
        condition = "have shape (n,)" if length is None else f"have shape (n={length},)"
        raise invalid(name, condition, nodes.shape, "Give one node for each edge.")
    if len(nodes) and not (0 <= int(nodes.min()) and int(nodes.max()) < count):
        bad = int(nodes[(nodes < 0) | (nodes >= count)][0])
        raise invalid(name, f"be from 0 to {count - 1:,}", bad, "Correct it, or num_nodes.")


def _column(
    name: str, values: NDArray[Any], count: int, num_relations: int | None
) -> NDArray[Any]:
    if name == "edge_attr" and values.ndim == 1:
        values = values[:, None]
    if values.ndim != (2 if name == "edge_attr" else 1) or len(values) != count:
        raise invalid(name, f"have a row for each of {count:,} edges", values.shape)
    if name == "edge_type":
        if values.size and values.dtype.kind not in "iu":
            raise wrong_dtype(name, "be integers", values.dtype, "Number the types from 0.")
        most = 2**31 if num_relations is None else num_relations
        if len(values) and not (0 <= int(values.min()) and int(values.max()) < most):
            bad = int(values[(values < 0) | (values >= most)][0])
            raise invalid(name, f"be from 0 to {most - 1:,}", bad, "Correct it.")
        return values
    if values.size and values.dtype.kind not in "biuf":
        raise wrong_dtype(name, "be numbers", values.dtype, "Convert it.")
    kept = values.astype(np.float32)
    finite = np.isfinite(kept)
    if not finite.all():
        row = int(np.flatnonzero(~finite.reshape(count, -1).all(1))[0])
        got = f"{values[row]} in row {row}"
        raise invalid(name, "be finite float32 numbers", got, "Replace it.")
    return kept
