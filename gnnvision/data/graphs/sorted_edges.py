"""The files of sorted edges: where the edges of each node begin, their sources and columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.graphs.edge_runs import MERGED, keys_of, same_as_first
from gnnvision.data.graphs.npy_files import GrowingArray
from gnnvision.errors import invalid

__all__ = ["SortedEdges"]


class SortedEdges:
    """Writes sorted edges by target, and counts them.

    Args:
        array: Opens an array by its name, type, shape of a row, and the rows that it has.
        state: The counts, as JSON types, from which a stopped build continues: "edges",
            "nodes" whose first edge is written, "loops", "parallel" edges, "largest_type".
        num_nodes: The number of nodes.
        bits: Of the source in a key.
        widths: The columns of an edge, and how many numbers each has.
        types: The final number of each type; None keeps them.
        undirected: Whether rows of one edge must have the same values.
        keeps_all: Whether repeated edges are kept.
    """

    def __init__(
        self,
        array: Callable[[str, np.dtype[Any], tuple[int, ...], int], GrowingArray],
        state: dict[str, Any],
        num_nodes: int,
        bits: int,
        widths: Mapping[str, int],
        types: NDArray[np.int64] | None,
        *,
        undirected: bool,
        keeps_all: bool,
    ) -> None:
        self.state, self.num_nodes, self.bits, self.types = state, num_nodes, bits, types
        self.undirected, self.keeps_all, self.columns = undirected, keeps_all, tuple(widths)
        kinds: dict[str, tuple[str, tuple[int, ...]]] = {
            "source": ("<i4", ()), "rowptr": ("<i8", ()),
        }  # fmt: skip
        for name, width in widths.items():
            tail = (width,) if name == "edge_attr" else ()
            kinds[name] = "<i8" if name == "edge_type" else "<f4", tail
        rows = {name: state["edges"] for name in kinds} | {"rowptr": state["nodes"]}
        self._out = {
            name: array(name, np.dtype(dtype), tail, rows[name])
            for name, (dtype, tail) in kinds.items()
        }

    def write(self, block: NDArray[Any]) -> int:
        """Write sorted records; the number of bytes of those that are kept.

        Raises:
            ValueError: Rows of one undirected edge have other values.
        """
        block = self._without_repeats(block)
        if not len(block):
            return 0
        state, out = self.state, self._out
        keys = keys_of(block)
        source = (keys & ((1 << self.bits) - 1)).astype(np.int32)
        target = keys >> self.bits
        state["loops"] += int(np.count_nonzero(source == target))
        self._begin_rows(int(target[-1]) + 1, target)
        state["edges"] += len(block)
        out["source"].append(source)
        for name in self.columns:
            values = block[name]
            if name == "edge_type":
                values = values if self.types is None else self.types[values]
                state["largest_type"] = max(state["largest_type"], int(values.max()))
            out[name].append(values)
        return block.nbytes

    def sync(self) -> None:
        """Bring all that was written to the disk."""
        for array in self._out.values():
            array.sync()

    def close(self) -> None:
        """Write where the edges of the last nodes begin, and close the files."""
        self._begin_rows(self.num_nodes + 1, np.empty(0, np.int64))
        for array in self._out.values():
            array.close()

    def _without_repeats(self, block: NDArray[Any]) -> NDArray[Any]:
        if self.keeps_all:
            return block
        begins, same = same_as_first(block)
        if self.undirected and not same.all():
            key = int(keys_of(block)[int((~same).argmax())])
            ends = sorted((key >> self.bits, key & ((1 << self.bits) - 1)))
            raise invalid(
                "edges",
                "have the same weight and attributes in all rows of one undirected edge",
                f"other ones between the nodes {ends[0]} and {ends[1]}",
                "Combine the rows, or use undirected=False to keep them as two edges.",
            )
        self.state["parallel"] += int((~same).sum())
        return block[begins | ~same]

    def _begin_rows(self, stop: int, target: NDArray[np.int64]) -> None:
        """Write where the edges of the nodes below `stop` begin: after those of all before."""
        state = self.state
        while state["nodes"] < stop:
            nodes = np.arange(state["nodes"], min(stop, state["nodes"] + MERGED))
            self._out["rowptr"].append(state["edges"] + np.searchsorted(target, nodes))
            state["nodes"] += len(nodes)
