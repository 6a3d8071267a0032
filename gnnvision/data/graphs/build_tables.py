"""Build a graph on disk from tables that are read in blocks; the same as `from_tables` gives."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.atomic_files import atomic_write
from gnnvision.data.column_sources import Columns
from gnnvision.data.column_values import Cells, read_numbers, read_texts, to_cells
from gnnvision.data.columns import ColumnEncoder
from gnnvision.data.graphs.build_folder import disk_errors
from gnnvision.data.graphs.build_nodes import ROWS, NodeTable
from gnnvision.data.graphs.column_store import store_columns
from gnnvision.data.graphs.edge_table import EdgeColumns, describe_edges, order_types
from gnnvision.data.graphs.graph_writer import GraphWriter
from gnnvision.data.graphs.id_index import IdIndex
from gnnvision.data.graphs.npy_files import map_array
from gnnvision.data.graphs.options import GraphOptions
from gnnvision.data.graphs.parquet_table import ParquetTable, open_parquet
from gnnvision.data.graphs.table_files import IDS, choose_column, choose_ends, choose_label
from gnnvision.data.graphs.tables import MOST_DEGREES
from gnnvision.data.paths import existing_path
from gnnvision.data.plain_table import BlockTable, open_blocks
from gnnvision.data.split import SPLIT_NAMES, Split
from gnnvision.data.text_cells import TextCells
from gnnvision.errors import invalid

__all__ = ["Builder"]

NODES = "nodes.json"  # what was found in the table of nodes
Step = Callable[[int], None]


@dataclass(eq=False)
class Builder:
    """Builds a graph on disk from a table of edges and one of nodes.

    Args:
        edges: The table of edges.
        nodes: The table of nodes; None if the nodes are the whole numbers that edges name.
        folder: The new folder.
        options: As for tables in memory.
        memory: About the bytes to sort with.
        step: Called with a text and the number of rows that were done since the last call.
    """

    edges: Path
    nodes: Path | None
    folder: Path
    options: GraphOptions
    memory: int = 2**30
    step: Callable[[str, int], None] = lambda what, count: None
    links: BlockTable | ParquetTable = field(init=False)
    table: BlockTable | ParquetTable | None = field(init=False)
    columns: EdgeColumns = field(init=False)

    def __post_init__(self) -> None:
        """Read the headers of the tables, and choose their columns."""
        options = self.options
        self.links = _open(self.edges, "edges")
        self.table = None if self.nodes is None else _open(self.nodes, "nodes")
        head = _header(self.links)
        source, target = choose_ends(head, options)
        for argument, name in (
            ("source", source), ("target", target), ("edge_weight", options.edge_weight),
            ("edge_type", options.edge_type), *(("edge_attr", n) for n in options.edge_attr),
        ):  # fmt: skip
            if name is not None:
                head.require(name, argument)
        self.columns = EdgeColumns(
            source, target, options.edge_weight, options.edge_type, options.edge_attr,
            options.undirected is not False,
        )  # fmt: skip
        self.label: tuple[str, ...] = ()
        self.id: str | None = None
        if self.table is not None:
            known = _header(self.table)
            label = choose_label(known, options)
            self.label = (label,) if isinstance(label, str) else tuple(label)
            self.id = options.id or choose_column(known, IDS, "id")
            for argument, name in (("id", self.id), *(("label", n) for n in self.label)):
                known.require(name, argument)

    def describe(self) -> dict[str, str]:
        """What will be read from where, as lines to print before the long work."""
        arrow = "-" if self.columns.undirected else "->"
        text = f"{self.links.source}: {self.columns.source!r} {arrow} {self.columns.target!r}"
        for word, name in (("weight", self.columns.weight), ("type", self.columns.type)):
            text += f", {word} {name!r}" if name else ""
        if self.columns.attributes:
            text += f", attributes {', '.join(map(repr, self.columns.attributes))}"
        if self.table is None:
            return {"edges": text, "nodes": "the whole numbers from 0 that the edges name"}
        label = ", ".join(map(repr, self.label)) or "none"
        return {"edges": text, "nodes": f"{self.table.source}: id {self.id!r}, label {label}"}

    @property
    def key(self) -> str:
        """Where the graph comes from: the files with their sizes and times, and the options."""
        held = {
            str(path.absolute()): [path.stat().st_size, path.stat().st_mtime_ns]
            for path in (self.edges, self.nodes) if path is not None
        }  # fmt: skip
        return json.dumps([held, repr(self.options)])

    # --- the work -----------------------------------------------------------------------------

    def build(self) -> dict[str, str]:
        """Write the graph, or continue it; how it was read, as lines of an overview."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with disk_errors(self.folder):
            facts = self._stored_facts()
            if facts is None:
                with tempfile.TemporaryDirectory(prefix="columns-", dir=self.folder) as place:
                    facts = self._read_nodes(Path(place))
            with self._writer(facts["num_nodes"]) as writer:
                for left in self.folder.glob("columns-*"):  # of a process that was killed
                    shutil.rmtree(left, ignore_errors=True)
                return self._write_edges(writer, facts)

    def _writer(self, num_nodes: int) -> GraphWriter:
        kinds = {
            "edge_weight": self.columns.weight, "edge_type": self.columns.type,
            "edge_attr": self.columns.attributes,
        }  # fmt: skip
        return GraphWriter(
            self.folder, num_nodes, undirected=self.columns.undirected, duplicates="remove",
            columns=[name for name, given in kinds.items() if given], memory=self.memory,
            key=self.key,
        )  # fmt: skip

    def _stored_facts(self) -> dict[str, Any] | None:
        try:
            facts: dict[str, Any] = json.loads((self.folder / NODES).read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return facts if facts.get("key") == self.key else None

    def _read_nodes(self, place: Path) -> dict[str, Any]:
        """Write the arrays of the nodes; what was found, which is kept for a build that stops."""
        if self.table is None:
            count = self._largest_node() + 1
            facts: dict[str, Any] = {
                "num_nodes": count, "kind": "classification", "class_names": [], "split": None,
                "details": {"labels": "none"}, "encoder": None, "features": "degree", "note": "",
            }  # fmt: skip
        else:
            assert self.id is not None
            nodes = NodeTable(self.table, self.id, self.label, self.options, self.step)
            facts = nodes.write(place, self._writer)
        facts["key"] = self.key
        with atomic_write(self.folder / NODES) as file:
            file.write(json.dumps(facts).encode())
        return facts

    def _largest_node(self) -> int:
        most, first = -1, 0
        for block in self.links.blocks():
            for name in (self.columns.source, self.columns.target):
                cells = block[name].stripped()
                if (values := cells.integers()) is None:
                    got = f"other text in the column {name!r} of {self.links.source}"
                    advice = "Give a table of nodes with their ids."
                    raise invalid("edges", "name nodes by whole numbers from 0", got, advice)
                most = max(most, int(values.max()) if len(values) else -1)
            first += len(cells)
            self.step("edges counted", len(cells))
        if most < 0:
            got = f"{self.links.source} without rows"
            raise invalid("edges", "have at least one row", got, "Check the file.")
        return most

    def _write_edges(self, writer: GraphWriter, facts: dict[str, Any]) -> dict[str, str]:
        index = None
        if self.nodes is not None:
            index = self._index()
        types = self._types()
        encoder = self._edge_encoder()
        used = replace(self.columns, types=order_types(types), edge_encoder=encoder)
        row = 0
        for number, block in enumerate(self.links.blocks()):
            count = len(next(iter(block.values())))
            if number >= writer.next_block:
                pair = [
                    self._nodes_of(index, block[name], name, row, facts["num_nodes"])
                    for name in (used.source, used.target)
                ]
                writer.add_edges(*pair, **self._values(block, used, types, row))
            row += count
            self.step("edges read", count)
        place = {text: new for new, text in enumerate(used.types)}
        renumbered = np.array([place[text] for text in types], np.int64) if types else None
        counts = writer.sort(partial(self.step, "edges sorted"), renumbered)
        return self._finish(writer, facts, used, counts)

    def _index(self) -> IdIndex:
        """The nodes by the ids that were written."""
        assert self.table is not None
        if (self.folder / "ids.npy").exists():
            return IdIndex(map_array(self.folder / "ids.npy"), self.table.source)
        text, ends = (map_array(self.folder / f"name_{n}.npy") for n in ("bytes", "ends"))
        starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
        return IdIndex(TextCells(text, starts, ends), self.table.source)

    def _nodes_of(
        self, index: IdIndex | None, cells: TextCells, name: str, row: int, count: int
    ) -> NDArray[np.int64]:
        cells = cells.stripped()
        if index is None:
            found = cells.integers()
            assert found is not None
            return found
        found = index.find(cells)
        unknown = np.flatnonzero(found < 0)
        if len(unknown):
            text = TextCells(cells.content, cells.starts[unknown[:1]], cells.ends[unknown[:1]])
            got = f"{text.texts()[0]!r} in row {row + int(unknown[0])} of the column {name!r} of "
            got += self.links.source
            got += f" and {len(unknown) - 1:,} more such cells" if len(unknown) > 1 else ""
            advice = "Add the node, or remove the edge."
            raise invalid("edges", "name nodes of the graph", got, advice)
        return found

    def _types(self) -> dict[str, int]:
        """The types of the edges in the order in which they occur."""
        types: dict[str, int] = {}
        name, row = self.columns.type, 0
        if name is not None:
            for block in self.links.blocks():
                read = read_texts(to_cells(block[name].texts()))
                if read.missing.any():
                    got = f"an empty cell in row {row + int(read.missing.argmax())} of {name!r}"
                    raise invalid("edge_type", "have a value in every row", got, "Fill it in.")
                for text in dict.fromkeys(read.values.tolist()):
                    types.setdefault(text, len(types))
                row += len(read.values)
                self.step("edge types read", len(read.values))
        return types

    def _edge_encoder(self) -> ColumnEncoder | None:
        """The encoder of the attributes of all edges, one column in memory after the other."""
        names = self.columns.attributes
        if not names:
            return None
        with tempfile.TemporaryDirectory(prefix="columns-", dir=self.folder) as place:
            table = store_columns(
                self.links, Path(place), names, "edges", (), partial(self.step, "attributes read")
            )
            found = [
                ColumnEncoder.fit(
                    Columns({name: table[name]}, table.source, table.num_rows,
                            table.decimal_commas)
                ).columns[0]
                for name in names
            ]  # fmt: skip
        return ColumnEncoder(tuple(found))

    def _values(
        self, block: Mapping[str, TextCells], used: EdgeColumns, types: Mapping[str, int], row: int
    ) -> dict[str, NDArray[Any]]:
        """The weights, types and attributes of a block of edges."""
        values: dict[str, NDArray[Any]] = {}
        commas = self.links.decimal_commas
        if used.weight is not None:
            cells = block[used.weight]
            numbers = cells.numbers()
            held = Cells(numbers) if numbers is not None else to_cells(cells.texts())
            read = read_numbers(held, commas)
            if read.missing.any():
                bad = int(read.missing.argmax())
                got = f"{read.unreadable.get(bad, 'an empty cell')} in row {row + bad}"
                advice = "Fill it in, or leave out edge_weight."
                condition = "have a number in every row"
                raise invalid("edge_weight", condition, f"{got} of {used.weight!r}", advice)
            values["edge_weight"] = read.values.astype(np.float32)
        if used.type is not None:
            texts = read_texts(to_cells(block[used.type].texts())).values
            values["edge_type"] = np.array([types[text] for text in texts], np.int64)
        if used.edge_encoder is not None:
            parts = []
            for column in used.edge_encoder.columns:
                if column.kind != "unused":
                    cells = block[column.name]
                    numbers = None if column.kind in ("text", "list") else cells.numbers()
                    held = Cells(numbers) if numbers is not None else to_cells(cells.texts())
                    parts.append(column.features(column.read(held, commas)))
            values["edge_attr"] = np.concatenate(parts, 1)
        return values

    def _finish(
        self, writer: GraphWriter, facts: dict[str, Any], used: EdgeColumns,
        counts: Mapping[str, int],
    ) -> dict[str, str]:  # fmt: skip
        loops, count = counts["self_loops"], counts["edges"]
        if used.undirected:
            count = (count - loops) // 2 + loops
        notes = describe_edges(
            self.links.columns, used, count, counts["added"] - count, loops, counts["parallel"]
        )
        split = None
        if facts["split"] is not None:
            rows = (map_array(self.folder / f"{name}.npy") for name in SPLIT_NAMES)
            split = Split(facts["split"], *rows)
        encoder, note = facts["encoder"], facts["note"]
        if facts["features"] == "degree":
            encoder, note = self._add_degrees(writer, split)
        more = {title: text for title, text in notes.items() if title != "edges"}
        details = {"edges": notes["edges"], "features": note, **more, **facts["details"]}
        tables = {
            "id": self.id, "label": [*self.label], "features": facts["features"],
            "normalize_features": bool(self.options.normalize_features), **used.to_dict(),
        }  # fmt: skip
        writer.finish(
            split=split, kind=facts["kind"], class_names=facts["class_names"],
            about={"details": details, "encoder": encoder, "tables": tables},
        )  # fmt: skip
        (self.folder / NODES).unlink(missing_ok=True)
        return details

    def _add_degrees(self, writer: GraphWriter, split: Split | None) -> tuple[dict[str, Any], str]:
        """Features from the degrees of the nodes, as `from_tables` makes them."""
        every = writer.degrees(0, writer.num_nodes)
        rows = split.train if split is not None and len(split.train) else None
        held = {"degree": _DegreeTexts(every), "log degree": np.log1p(every)}
        encoder = ColumnEncoder.fit(
            held, rows, kinds={"degree": "text", "log degree": "number"}, max_values=MOST_DEGREES
        )
        for start in range(writer.next_row("x"), writer.num_nodes, ROWS):
            part = every[start : start + ROWS]
            columns = {"degree": [*map(str, part.tolist())], "log degree": np.log1p(part)}
            writer.add_rows("x", encoder.encode(columns)[0].numpy())
        return encoder.to_dict(), encoder.summary()


def _open(path: Path, argument: str) -> BlockTable | ParquetTable:
    """A table of text or a Parquet file, which is read in blocks."""
    if existing_path(path, "a file", argument).is_dir():
        raise invalid(argument, "be a file", f"the folder {str(path)!r}", "Name a file in it.")
    with path.open("rb") as file:
        if file.read(4) == b"PAR1":
            return open_parquet(path, argument)
    return open_blocks(path, argument)


def _header(table: BlockTable | ParquetTable) -> Columns:
    return Columns(dict.fromkeys(table.columns), table.source, 0, table.decimal_commas)


class _DegreeTexts(Sequence[str]):
    """Degrees as text, without a text for each node."""

    def __init__(self, degrees: NDArray[np.int64]) -> None:
        self.degrees = degrees

    def __len__(self) -> int:
        return len(self.degrees)

    def __getitem__(self, place: Any) -> Any:  # noqa: ANN401
        return str(self.degrees[place])

    def __iter__(self) -> Iterator[str]:
        known = {number: str(number) for number in np.unique(self.degrees).tolist()}
        return (known[number] for number in self.degrees.tolist())
