"""Build a graph on disk from files of any format that `gnnvision.data.load` reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gnnvision.data.column_sources import is_table_file
from gnnvision.data.graphs.build_tables import Builder
from gnnvision.data.graphs.from_arrays import from_arrays
from gnnvision.data.graphs.from_pyg import from_pyg
from gnnvision.data.graphs.graph_manifest import MANIFEST, read_manifest
from gnnvision.data.graphs.load import load
from gnnvision.data.graphs.node_task import NodeTask
from gnnvision.data.graphs.options import GraphOptions
from gnnvision.data.graphs.write_graph import write_graph
from gnnvision.errors import invalid

__all__ = ["build_graph"]

Step = Callable[[str, int], None]
Show = Callable[[dict[str, str]], None]


def build_graph(
    edges: Path,
    nodes: Path | None,
    folder: Path,
    *,
    memory: int = 2**30,
    show: Show = lambda entries: None,
    step: Step = lambda what, count: None,
    **options: Any,  # noqa: ANN401 - the fields of GraphOptions
) -> bool:
    """Build a graph on disk, or continue a build that was stopped.

    Text tables and Parquet files are read in blocks, in bounded memory. Every other format is
    read whole, by `gnnvision.data.load`, and then written.

    Args:
        edges: The table of edges; or a file or folder of a whole graph.
        nodes: The table of nodes; None for one.
        folder: The new folder.
        memory: About the bytes to sort the edges with.
        show: Called with what was understood, before the long work.
        step: Called with a text and the number of rows that were done since the last call.
        **options: As for `gnnvision.data.graphs.load`.

    Returns:
        Whether it was built; False if the folder has this graph already.

    Raises:
        OSError: The disk is full.
        ValueError: The files or options are invalid; the folder has another graph.
    """
    chosen = GraphOptions(**options)
    if nodes is not None or is_table_file(edges):
        builder = Builder(edges, nodes, folder, chosen, memory, step)
        if _is_built(folder, builder.key):
            return False
        show(builder.describe())
        builder.build()
        return True
    found = edges.stat() if edges.exists() else None
    key = json.dumps([str(edges.absolute()), found and found.st_mtime_ns, repr(chosen)])
    if _is_built(folder, key):
        return False
    task = _read_pt(edges, chosen) if edges.suffix == ".pt" else load(edges, **options)
    if not isinstance(task, NodeTask):
        got = f"{len(task.split.train):,} or more graphs in {str(edges)!r}"
        raise invalid("edges", "be one graph with labeled nodes", got, "Train on them in memory.")
    show({"graph": f"{str(edges)!r}, read as a whole", **task.overview()})
    write_graph(
        task, folder, memory=memory, key=key, step=lambda count: step("edges written", count)
    )
    return True


def _is_built(folder: Path, key: str) -> bool:
    """Whether a folder has the finished graph of a key."""
    return (folder / MANIFEST).is_file() and read_manifest(folder).facts.get("key") == key


def _read_pt(path: Path, options: GraphOptions) -> NodeTask:
    """The task of tensors that `torch.save` wrote; pickled objects are not read.

    A dict of tensors, such as `data.to_dict()` of torch-geometric, or a `Data`, whose class
    torch-geometric lists as safe.
    """
    import torch

    options.only({"kind"}, "a file of torch.save")
    if not path.exists():
        raise FileNotFoundError(f"'edges' must be a file that exists, got {str(path)!r}.")
    try:
        try:
            import torch_geometric.data  # noqa: F401 - lists its classes as safe
        except ImportError:
            pass
        held: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch and pickle raise many types
        got = f"{str(path)!r}, which cannot be read so ({str(error).splitlines()[0][:80]})"
        condition = "be a file of tensors that torch.load(weights_only=True) reads"
        advice = "Save data.to_dict() with torch.save."
        raise invalid("edges", condition, got, advice) from None
    if isinstance(held, tuple) and held:  # data and slices of an InMemoryDataset
        held = held[0]
    kind: Any = None if options.kind == "auto" else options.kind
    if isinstance(held, dict):
        known = ("edge_index", "x", "y", "edge_weight", "edge_attr", "edge_type", "num_nodes",
                 "train_mask", "val_mask", "test_mask")  # fmt: skip
        given = {name: held[name] for name in known if held.get(name) is not None}
        if "edge_index" not in given:
            got = ", ".join(map(repr, list(held)[:8])) or "nothing"
            raise invalid("edges", "have 'edge_index'", got, "Save data.to_dict().")
        return from_arrays(**given, kind=kind, seed=options.seed, name=path.stem)
    task = from_pyg(held, kind=kind, seed=options.seed, name=path.stem)
    if not isinstance(task, NodeTask):
        raise invalid("edges", "be one graph with labeled nodes", "several graphs")
    return task
