"""Build a graph on disk for data that do not fit in memory, or check one.

gnnvision graph build edges.csv nodes.csv OUT --label topic
gnnvision graph build edges.parquet nodes.parquet OUT
gnnvision graph build edges.csv OUT               nodes are the whole numbers that edges name
gnnvision graph build graph.npz OUT               also .pt, GraphML, a folder of raw files of OGB
gnnvision graph check OUT                         verify the checksums and all values

Tables are read in blocks, edges are sorted on disk, and OUT can be given wherever data are named:
`gnnvision check OUT`, `gnnvision train OUT`, --dataset OUT, gv.data.load("OUT"). After a kill or
a full disk, the same command continues where it stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

__all__ = ["GraphFlags", "flags", "main"]


@dataclass(frozen=True, kw_only=True)
class GraphFlags:
    """The flags of `gnnvision graph`.

    Args:
        action: "build" writes a graph into a new folder; "check" verifies one.
        files: For build: the table of edges, the table of nodes if there is one, and the new
            folder; or a file or folder of a whole graph, and the new folder. For check: the
            folder.
        label: The columns to predict. By default label, y, class or target.
        id: The column of the nodes with their ids. By default id, node_id or node.
        source: The column with the id of the node where an edge starts. By default source, src or
            from.
        target: The column with the id of the node where an edge ends. By default target, dst or
            to.
        split_column: The column with train, val and test. By default it is recognized.
        split: "random" draws a split even if there is such a column.
        features: The columns of the nodes to use, or degree. By default all others.
        edge_weight: The column of the edges with their weights.
        edge_type: The column of the edges with their types.
        edge_attr: The columns of the edges that become their attributes.
        undirected: Whether every edge goes in both directions.
        kind: The kind of target; "auto" infers it.
        missing: Further words for a missing label.
        normalize_features: Divide the features of each node by their sum.
        seed: The seed of a random split.
        memory: GiB to sort the edges with.
    """

    action: Literal["build", "check"]
    files: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    id: str | None = None
    source: str | None = None
    target: str | None = None
    split_column: str | None = None
    split: Literal["public", "random"] = "public"
    features: tuple[str, ...] = ()
    edge_weight: str | None = None
    edge_type: str | None = None
    edge_attr: tuple[str, ...] = ()
    undirected: bool | None = None
    kind: Literal["auto", "regression", "multilabel", "classification"] = "auto"
    missing: tuple[str, ...] = ()
    normalize_features: bool = False
    seed: int = 0
    memory: float = 1.0

    arguments: ClassVar[dict[str, str]] = {"action": "ACTION", "files": "FILE"}
    groups: ClassVar[dict[str, tuple[str, ...]]] = {
        "files": ("action", "files"),
        "nodes": ("id", "label", "features", "split_column", "split", "kind", "missing",
                  "normalize_features"),
        "edges": ("source", "target", "edge_weight", "edge_type", "edge_attr", "undirected"),
        "work": ("seed", "memory"),
    }  # fmt: skip
    metavars: ClassVar[dict[str, str]] = {
        **dict.fromkeys(
            ("label", "id", "source", "target", "split_column", "features", "edge_weight",
             "edge_type", "edge_attr"), "COLUMN",
        ),
        "missing": "WORD", "memory": "GIB",
    }  # fmt: skip
    former: ClassVar[dict[str, str]] = {"edge_source": "source", "edge_target": "target"}

    def flag_of(self, argument: str, room: str) -> str | None:
        """The flag that an argument of the package comes from; None if none does."""
        places = {"edges": "FILE", "nodes": "FILE", "folder": "FILE", "csv": "FILE"}
        own = {name: f"--{name.replace('_', '-')}" for name in _OPTIONS}
        return (places | own).get(argument)


_OPTIONS = (
    "label", "id", "source", "target", "split_column", "split", "features", "edge_weight",
    "edge_type", "edge_attr", "undirected", "kind", "missing", "normalize_features", "seed",
)  # fmt: skip


def flags() -> type[Any]:
    """The dataclass of the flags."""
    return GraphFlags


def main(config: GraphFlags) -> None:
    """Build or check a graph on disk."""
    if config.action == "check":
        return _check(config)
    return _build(config)


def _build(config: GraphFlags) -> None:
    import time

    from gnnvision.cli.output import print_entries
    from gnnvision.data import load
    from gnnvision.data.graphs.build_graph import build_graph
    from gnnvision.errors import invalid

    if not 2 <= len(config.files) <= 3:
        got = f"{len(config.files)} of them"
        advice = "Use gnnvision graph build EDGES [NODES] OUT."
        raise invalid("FILE", "be two or three paths", got, advice)
    if not 1 / 2**10 <= config.memory <= 2**20:
        raise invalid("--memory", "be at least 0.001 GiB", config.memory, "Use for example 1.")
    *tables, out = map(Path, config.files)
    options = {name: getattr(config, name) for name in _OPTIONS}
    options = {name: value for name, value in options.items() if value not in (None, ())}
    for name in ("label", "features"):
        if len(options.get(name, ())) == 1:
            options[name] = options[name][0]
    began = time.perf_counter()
    built = build_graph(
        tables[0], tables[1] if len(tables) > 1 else None, out,
        memory=int(config.memory * 2**30), show=print_entries, step=_Counter(), **options,
    )  # fmt: skip
    if not built:
        print(f"{out} has this graph already.")
    task = load(out)
    print_entries(task.overview())
    size = sum(path.stat().st_size for path in out.iterdir())
    print(f"{out}: {size / 2**20:,.1f} MiB, {time.perf_counter() - began:.1f} s")


class _Counter:
    """Prints a line every 10 seconds: how many rows of the present work are done."""

    def __init__(self) -> None:
        self.what, self.done, self.began, self.shown = "", 0, 0.0, 0.0

    def __call__(self, what: str, count: int) -> None:
        import sys
        import time

        from gnnvision.data.progress import LINE_EVERY_S

        now = time.monotonic()
        if what != self.what:
            self.what, self.done, self.began, self.shown = what, 0, now, now
        self.done += count
        if now - self.shown >= LINE_EVERY_S:
            rate = self.done / (now - self.began)
            print(f"{self.done:,} {what}, {rate:,.0f} per second", file=sys.stderr, flush=True)
            self.shown = now


def _check(config: GraphFlags) -> None:
    import time

    from gnnvision.data.graphs.graph_folder import check_graph_folder
    from gnnvision.errors import invalid

    if len(config.files) != 1:
        got, advice = f"{len(config.files)} paths", "Use gnnvision graph check OUT."
        raise invalid("FILE", "be one folder", got, advice)
    began, folder = time.perf_counter(), Path(config.files[0])
    counter = _Counter()
    held = check_graph_folder(folder, lambda count: counter("bytes verified", count))
    print(
        f"{folder}: {held['num_nodes']:,} nodes, {held['num_edges']:,} directed edges; "
        f"{len(held.files)} files have the right checksums and values "
        f"({time.perf_counter() - began:.1f} s)"
    )
