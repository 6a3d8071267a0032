"""A writer of graphs that do not fit in memory: edges in any order, sorted on disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from gnnvision.data.graphs.build_folder import SPILL, BuildFolder, disk_errors
from gnnvision.data.graphs.edge_blocks import edge_records
from gnnvision.data.graphs.edge_runs import MERGED, EdgeRuns, Merger, keys_of, record_type
from gnnvision.data.graphs.node_blocks import node_arrays
from gnnvision.data.graphs.npy_files import GrowingArray, map_array
from gnnvision.data.graphs.sorted_edges import SortedEdges
from gnnvision.data.split import SPLIT_NAMES, Split
from gnnvision.data.targets import Kind
from gnnvision.errors import at_least, in_range, invalid, one_of

__all__ = ["GraphWriter"]

MOST_NODES = 2**31
COMMITTED = 2**26  # bytes of rows, or edges, after which a killed build need not go back
COLUMNS = ("edge_weight", "edge_type", "edge_attr")
Step = Callable[[int], None]


class GraphWriter:
    """Writes a graph into a folder, in memory that does not grow with it.

    Blocks of edges are added in any order; they are sorted on disk by target, then by source.
    Nodes are added in their order. `gnnvision.data.load(folder)` then gives a task whose arrays
    are mapped into memory. The file graph.json, with the SHA-256 of every other file, is written
    last: a folder without it is unfinished, and the same code continues it.

    Args:
        folder: A new or empty folder, or one with an unfinished build.
        num_nodes: N, the number of nodes, at most 2^31.
        undirected: Whether each edge that is added goes in both directions. A self loop stays
            one edge.
        duplicates: "keep" keeps every edge that is added. "remove" keeps one of several equal
            edges, as `from_tables` does: of a directed graph, rows with other values than the
            first are parallel edges and kept; of an undirected one they are an error.
        columns: Those of "edge_weight", "edge_type" and "edge_attr" that the edges have.
        num_relations: The number of types; by default one more than the largest.
        memory: About the bytes of memory to use, besides the blocks that are added.
        key: A text that says where the blocks come from, such as a seed. An unfinished build of
            another key is not continued.

    Raises:
        OSError: The folder cannot be written, or its disk is full.
        ValueError: An argument is invalid; the folder has other files, a finished graph, or an
            unfinished one with other settings.

    Example:
        >>> import tempfile
        >>> import gnnvision as gv
        >>> folder = tempfile.mkdtemp()
        >>> with GraphWriter(folder, num_nodes=3, undirected=True) as writer:
        ...     writer.add_edges([0, 1], [1, 2])
        ...     writer.add_nodes(x=np.eye(3), y=[0, 1, 1])
        ...     writer.finish(split=gv.data.Split("mine", [0], [1], [2]))
        >>> np.load(f"{folder}/source.npy").tolist()
        [1, 0, 2, 1]
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        num_nodes: int,
        *,
        undirected: bool = False,
        duplicates: Literal["keep", "remove"] = "keep",
        columns: Sequence[str] = (),
        num_relations: int | None = None,
        memory: int = 2**30,
        key: str = "",
    ) -> None:
        in_range("num_nodes", num_nodes, 1, MOST_NODES)
        one_of("duplicates", duplicates, ("keep", "remove"))
        at_least("memory", memory, 2**16, "Give at least 65,536 bytes.")
        for column in columns:
            one_of("columns", column, COLUMNS)
        self.folder, self.num_nodes, self.memory = Path(folder), num_nodes, memory
        self.undirected, self.duplicates = undirected, duplicates
        self.columns = tuple(name for name in COLUMNS if name in columns)
        self.num_relations = num_relations
        self._bits = max(1, (num_nodes - 1).bit_length())
        plan = {
            "num_nodes": num_nodes, "undirected": undirected, "duplicates": duplicates,
            "columns": [*self.columns], "num_relations": num_relations, "key": key,
        }  # fmt: skip
        with disk_errors(self.folder):
            self._build = BuildFolder(self.folder, plan)
        self._state = self._build.state
        self._arrays = {
            name: self._build.array(name, np.dtype(dtype), tuple(tail), self._state["rows"][name])
            for name, (dtype, tail) in self._state.get("arrays", {}).items()
        }
        self._runs: EdgeRuns | None = None
        self._filled, self._pending, self._sorted = 0, 0, False
        self._blocks: int = self._state["blocks"]
        self._nodes: int = self._state["nodes"]
        self._synced = self._nodes

    def close(self) -> None:
        """Close all files; an unfinished build can be continued."""
        self._build.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- edges --------------------------------------------------------------------------------

    @property
    def next_block(self) -> int:
        """The index of the next block of edges: 0, or where a killed build continues."""
        return self._blocks

    def add_edges(
        self,
        source: ArrayLike | Tensor,
        target: ArrayLike | Tensor,
        edge_weight: ArrayLike | Tensor | None = None,
        edge_type: ArrayLike | Tensor | None = None,
        edge_attr: ArrayLike | Tensor | None = None,
    ) -> None:
        """Add a block of edges.

        Args:
            source: The node where each edge starts, from 0. Shape (n,).
            target: The node where each edge ends, from 0. Shape (n,).
            edge_weight: Their weights. Shape (n,).
            edge_type: Their types, from 0. Shape (n,).
            edge_attr: Their attributes. Shape (n,) or (n, D).

        Raises:
            OSError: The disk is full.
            TypeError: Nodes or types are not integers.
            ValueError: A node is not in the graph; the shapes do not agree; a column is missing,
                or was not named in `columns`.
        """
        if "merged" in self._state:
            advice = "Its build had gone further before it was stopped: call finish."
            raise invalid("writer", "have all edges already", "more of them", advice)
        given = {"edge_weight": edge_weight, "edge_type": edge_type, "edge_attr": edge_attr}
        values = {name: _array(value) for name, value in given.items() if value is not None}
        records = edge_records(
            _array(source), _array(target), values, self.columns, self.num_nodes, self._bits,
            self._state.get("attributes"), self.num_relations,
        )  # fmt: skip
        if "edge_attr" in self.columns:
            self._state.setdefault("attributes", records.dtype["edge_attr"].shape[0])
        with disk_errors(self.folder):
            self._add(records, self._reversed(records) if self.undirected else None)
        self._blocks += 1
        self._pending += len(records)

    def _reversed(self, records: NDArray[Any]) -> NDArray[Any]:
        """The edges in the other direction, without self loops."""
        keys, low = keys_of(records), (1 << self._bits) - 1
        target, source = keys >> self._bits, keys & low
        other = (source << self._bits) | target
        kept = source != target
        if records.dtype.names is None:
            plain: NDArray[Any] = other[kept]
            return plain
        back: NDArray[Any] = records[kept]
        back["key"] = other[kept]
        return back

    def _add(self, records: NDArray[Any], back: NDArray[Any] | None) -> None:
        if self._runs is None:
            self._start_runs(records.dtype)
        size = len(records) + (0 if back is None else len(back))
        if self._filled and self._filled + size > len(self._buffer):
            self._spill(commit=True)  # all blocks before this one
        for part in (records, back):
            start = 0
            while part is not None and start < len(part):
                room = min(len(self._buffer) - self._filled, len(part) - start)
                self._buffer[self._filled : self._filled + room] = part[start : start + room]
                self._filled += room
                start += room
                if self._filled == len(self._buffer) and start < len(part):
                    self._spill(commit=False)  # a block that is larger than the memory

    def _start_runs(self, dtype: np.dtype[Any]) -> None:
        # Equal edges with values are compared when all of them are together.
        values = {"edge_weight", "edge_attr"} & {*self.columns}
        distinct = self.duplicates == "remove" and not values
        # Sorting records needs their order and a copy besides; sorting plain numbers does not.
        size = (3 if distinct else 2) * dtype.itemsize + (0 if dtype.names is None else 24)
        self._runs = EdgeRuns(self.folder / SPILL, dtype, self._state.get("runs", ()), distinct)
        self._build.files.append(self._runs.file)
        self._buffer = np.empty(max(1024, self.memory // size), dtype)

    def _spill(self, commit: bool) -> None:
        assert self._runs is not None
        self._runs.append(self._buffer[: self._filled])
        self._filled = 0
        if commit:
            self._commit_edges()

    def _commit_edges(self) -> None:
        assert self._runs is not None
        self._runs.sync()
        self._state["runs"] = [*self._runs.sizes]
        self._state["blocks"] = self._blocks
        self._state["added"] += self._pending
        self._pending = 0
        self._build.save()

    # --- nodes --------------------------------------------------------------------------------

    @property
    def next_node(self) -> int:
        """The first node whose features are to be added: 0, or where a killed build continues."""
        return self._nodes

    def add_nodes(
        self,
        *,
        x: ArrayLike | Tensor | None = None,
        y: ArrayLike | Tensor | None = None,
        ids: Sequence[str] | Sequence[int] | NDArray[Any] | None = None,
    ) -> None:
        """Add the next nodes, in order; every call has the same arguments.

        Args:
            x: Their features, stored as float32, or float16 if they are. Shape (n, C).
            y: Their targets: classes from 0, -100 where unknown; or floating-point values, NaN
                where missing. Shape (n,) or (n, T).
            ids: Their ids, all text or all whole numbers.

        Raises:
            OSError: The disk is full.
            TypeError: Ids are neither text nor whole numbers.
            ValueError: The shapes do not agree with each other or with earlier nodes.
        """
        with disk_errors(self.folder):
            found = node_arrays(
                None if x is None else _array(x), None if y is None else _array(y), ids,
                self._arrays["name_bytes"].rows if "name_bytes" in self._arrays else 0,
            )  # fmt: skip
            count = found.count
            if self._nodes + count > self.num_nodes:
                got = f"{self._nodes + count:,}"
                raise invalid("x", f"have num_nodes={self.num_nodes:,} rows in all", got)
            self._append(found.arrays)
            if "y" in found.arrays and found.arrays["y"].dtype.kind == "i" and count:
                most = max(self._state.get("largest_class", -1), int(found.arrays["y"].max()))
                self._state["largest_class"] = most
            self._nodes += count
            if (self._nodes - self._synced) * found.row_bytes >= COMMITTED:
                self._commit_nodes()

    def add_rows(self, name: str, values: NDArray[Any]) -> None:
        """Add rows of one array when all others are complete, such as features from degrees.

        Args:
            name: "x".
            values: The next rows.
        """
        with disk_errors(self.folder):
            if name not in self._arrays:
                self._arrays[name] = self._build.array(name, values.dtype, values.shape[1:], 0)
            self._arrays[name].append(values)

    def next_row(self, name: str) -> int:
        """The first row of an array that is to be added."""
        return self._arrays[name].rows if name in self._arrays else 0

    def sync_nodes(self) -> None:
        """Bring the nodes that were added to the disk, so that they survive this process."""
        with disk_errors(self.folder):
            self._commit_nodes()

    def write_split(self, split: Split) -> None:
        """Write the nodes of a split; `finish` does it too."""
        with disk_errors(self.folder):
            for part in SPLIT_NAMES:
                array = self._build.array(part, np.dtype("<i8"), (), 0)
                array.append(getattr(split, part))
                array.close()

    def _append(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        if self._nodes and arrays.keys() != self._arrays.keys():
            got = ", ".join(sorted(arrays)) or "none"
            condition = f"be given as for earlier nodes ({', '.join(sorted(self._arrays))})"
            raise invalid("arguments", condition, got, "Give the same ones in every call.")
        for name, values in arrays.items():
            tail = values.shape[1:]
            if name not in self._arrays:
                self._arrays[name] = self._build.array(name, values.dtype, tail, 0)
            known = self._arrays[name]
            if (known.tail, known.dtype) != (tail, values.dtype.newbyteorder("<")):
                condition = f"have {known.dtype} rows of shape {known.tail} as before"
                raise invalid(name, condition, f"{values.dtype} {tail}", "Convert the block.")
        for name, values in arrays.items():
            self._arrays[name].append(values)

    def _commit_nodes(self) -> None:
        for array in self._arrays.values():
            array.sync()
        self._synced = self._state["nodes"] = self._nodes
        self._save_arrays()

    def _save_arrays(self) -> None:
        held = self._arrays.items()
        self._state["arrays"] = {name: [one.dtype.str, [*one.tail]] for name, one in held}
        self._state["rows"] = {name: one.rows for name, one in held}
        self._build.save()

    # --- the end ------------------------------------------------------------------------------

    def finish(
        self,
        *,
        split: Split | None = None,
        kind: Kind = "classification",
        class_names: Sequence[str] = (),
        name: str = "",
        is_undirected: bool = False,
        about: Mapping[str, Any] | None = None,
        step: Step = lambda count: None,
    ) -> None:
        """Sort the edges, and write graph.json.

        Args:
            split: The training, validation and test nodes; None for none.
            kind: Of the targets.
            class_names: The names of the classes or targets; by default 0, 1, ...
            name: Of the graph; by default that of the folder.
            is_undirected: Whether the edges that were added have both directions of each.
            about: Further facts to keep in graph.json, as JSON types.
            step: Called with the number of edges that were sorted since the last call.

        Raises:
            OSError: The disk is full.
            ValueError: Nodes are missing, or rows of one undirected edge have other values.
        """
        counts = {one.rows for name, one in self._arrays.items() if name != "name_bytes"}
        if counts - {self.num_nodes}:
            condition = f"have num_nodes={self.num_nodes:,} nodes before it is finished"
            raise invalid("writer", condition, f"{min(counts):,}", "Add the others.")
        if split is not None:
            split.check(self.num_nodes)
        _check_targets(self._arrays.get("y"), kind)
        names = self._output_names(kind, class_names)
        self.sort(step)
        with disk_errors(self.folder):
            if self._arrays:
                self._commit_nodes()
            if split is not None:
                self.write_split(split)
            facts = {
                "name": name or self.folder.name, "kind": kind, "class_names": names,
                "num_nodes": self.num_nodes, "num_edges": self._state["merged"]["edges"],
                "undirected": self.undirected or is_undirected,
                "self_loops": self._state["merged"]["loops"],
                "added": self._state["added"], "num_relations": self._relations(),
                "split": None if split is None else split.name, "about": dict(about or {}),
                "key": self._state["plan"]["key"],
            }  # fmt: skip
            for array in self._arrays.values():
                array.close()
            self._build.finish(facts)

    def _output_names(self, kind: Kind, given: Sequence[str]) -> list[str]:
        """The names of the classes or targets, as many as there are."""
        y = self._arrays.get("y")
        if kind == "classification":
            count = self._state.get("largest_class", -1) + 1
            named = [*given] or [str(number) for number in range(count)]
            fits = len(named) >= count
        else:
            count = y.tail[0] if y is not None else len(given)
            named = [*given] or [f"target {n}" if count > 1 else "target" for n in range(count)]
            fits = len(named) == count
        if not fits:
            advice = "Give a name for each class or target, in order."
            raise invalid("class_names", f"be {count:,} names", len(given), advice)
        return list(map(str, named))

    def sort(
        self, step: Step = lambda count: None, types: NDArray[np.int64] | None = None
    ) -> dict[str, int]:
        """Sort the edges on disk, if it was not done yet; `finish` does it too.

        Args:
            step: Called with the number of edges that were sorted since the last call.
            types: The final number of each type; None keeps them.

        Returns:
            The number of "edges", of "self_loops", of edges "added" and of "parallel" edges that
            are kept though they repeat another one, with other values.

        Raises:
            OSError: The disk is full.
            ValueError: Rows of one undirected edge have other values.
        """
        with disk_errors(self.folder):
            if self._runs is None:
                self._start_runs(record_type(self._widths()))
            if self._filled or self._blocks != self._state["blocks"]:
                self._spill(commit=True)
            self._buffer = self._buffer[:0]
            if not self._sorted:
                self._merge(step, types)
                self._sorted = True
        state = self._state["merged"]
        found = {"edges": state["edges"], "self_loops": state["loops"]}
        return found | {"added": self._state["added"], "parallel": state["parallel"]}

    def degrees(self, start: int, stop: int) -> NDArray[np.int64]:
        """The number of edges that end at some consecutive nodes, after `sort`."""
        rowptr = map_array(self.folder / "rowptr.npy")
        return np.diff(rowptr[start : stop + 1])

    def _widths(self) -> dict[str, int]:
        width = self._state.get("attributes", 1)
        return {name: width if name == "edge_attr" else 1 for name in self.columns}

    def _relations(self) -> int | None:
        if "edge_type" not in self.columns:
            return None
        largest = int(self._state["merged"]["largest_type"]) + 1
        return largest if self.num_relations is None else self.num_relations

    def _merge(self, step: Step, types: NDArray[np.int64] | None) -> None:
        """Write the sorted edges by target."""
        assert self._runs is not None
        runs = self._runs
        state = self._state.setdefault(
            "merged",
            {"taken": [], "edges": 0, "nodes": 0, "loops": 0, "largest_type": -1, "parallel": 0},
        )
        out = SortedEdges(
            self._build.array, state, self.num_nodes, self._bits, self._widths(), types,
            undirected=self.undirected, keeps_all=self.duplicates == "keep",
        )  # fmt: skip
        size = 6 * runs.dtype.itemsize + 48
        merger = Merger(runs, min(MERGED, max(256, self.memory // size)), state["taken"])
        written = 0
        step(sum(merger.taken))
        for block in merger.blocks():
            count = len(block)
            written += out.write(block)
            step(count)
            if written >= COMMITTED * 4:
                out.sync()
                state["taken"] = [*merger.taken]
                self._build.save()
                written = 0
        out.close()
        state["taken"] = [*merger.taken]
        self._build.save()


def _check_targets(y: GrowingArray | None, kind: Kind) -> None:
    """Check that the targets are of the kind that graph.json states."""
    if y is None:
        return
    classes = kind == "classification"
    if (y.dtype.kind == "i") != classes or (classes and y.tail):
        condition = f"be {'whole numbers of shape (n,)' if classes else 'floating point'}"
        got = f"{y.dtype} rows of shape {y.tail}"
        raise invalid("y", f"{condition} for kind={kind!r}", got, "Convert them.")


def _array(values: Any) -> NDArray[Any]:  # noqa: ANN401
    return np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values)
