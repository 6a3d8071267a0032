"""Loading of graph classification datasets of the TU Dortmund collection."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import PurePosixPath

import numpy as np
import torch
from numpy.typing import NDArray

from gnnvision.data.archives import ArchiveLimits, ZipSource
from gnnvision.data.card import Card
from gnnvision.data.errors import invalid_file
from gnnvision.data.files import locate_any, read_checked
from gnnvision.data.graphs.graph_task import GraphTask
from gnnvision.data.graphs.options import GraphOptions
from gnnvision.data.graphs.tu import OPTIONAL, REQUIRED, TuGraphs, read_tu
from gnnvision.data.split import Split, fold_split, random_split, stratified_split
from gnnvision.domains import Graph

__all__ = ["load_tu"]

LIMITS = ArchiveLimits(total_bytes=1 << 31, members=1000)


def load_tu(card: Card, options: GraphOptions, requested: str) -> GraphTask:
    """Load a graph classification dataset from its text files or the published archive.

    Raises:
        DataNotFound: The files were not found and could not be downloaded.
        ValueError: A file is damaged or belongs to another dataset.

    Warns:
        UserWarning: There are duplicate or one-directional edges.
    """
    options.check(many=True)
    name = PurePosixPath(card.files[0].path).stem
    graphs = read_tu(_files(card, options, name), name)
    _check_facts(card, graphs)
    if graphs.remarks:
        warnings.warn(f"{card.title}: {'; '.join(graphs.remarks)}.", UserWarning, stacklevel=2)
    splitter = _splitter(graphs.y.astype(np.int64), options)
    return GraphTask(
        name=card.name,
        requested=requested,
        kind="classification",
        in_channels=graphs.x.shape[1],
        num_outputs=len(graphs.classes),
        class_names=card.class_names,
        split=splitter(options.seed),
        splitter=splitter,
        card=card,
        data_hash=graphs.hash(),
        seed=options.seed,
        graphs=Graph(
            torch.from_numpy(graphs.edge_index),
            len(graphs.x),
            edge_attr=torch.from_numpy(graphs.edge_attr),
            offsets=torch.from_numpy(graphs.offsets),
        ),
        x=torch.from_numpy(graphs.x),
        y=torch.from_numpy(graphs.y),
        item_names=[f"graph {number}" for number in range(1, len(graphs.y) + 1)],
    )


def _files(card: Card, options: GraphOptions, name: str) -> dict[str, bytes]:
    """The text files, from a folder or from the archive, which is not unpacked to disk."""
    needed = [f"{name}_{key}.txt" for key in REQUIRED]
    wanted = [*needed, *(f"{name}_{key}.txt" for key in OPTIONAL)]
    alternatives = (needed, [card.files[0].path])
    folder, found = locate_any(card, options.root, alternatives, download=options.download)
    if found == needed:
        return {file: (folder / file).read_bytes() for file in wanted if (folder / file).is_file()}
    read_checked(card.files[0], folder)
    source = ZipSource(folder / found[0], LIMITS)
    members = [m for m in source.members() if PurePosixPath(m.path).name in wanted]
    content = {PurePosixPath(member.path).name: data for member, data in source.read(members)}
    missing = [file for file in needed if file not in content]
    if missing:
        condition = f"contain {', '.join(needed)}"
        raise invalid_file(folder / found[0], condition, f"no {missing[0]}")
    return content


def _check_facts(card: Card, graphs: TuGraphs) -> None:
    """Raise ValueError for files of another dataset, whose class names would be wrong."""
    found = {"num_graphs": len(graphs.y), "class_sizes": np.bincount(graphs.y).tolist()}
    known = {name: card.facts[name] for name in found if name in card.facts}
    if any(found[name] != value for name, value in known.items()):
        advice = "They are another version; download the published ones."
        raise invalid_file(f"The files of {card.name!r}", f"have {known}", found, advice)
    if len(graphs.classes) != len(card.class_names):
        condition, advice = f"have {len(card.class_names)} classes", "Download the published ones."
        raise invalid_file(f"The files of {card.name!r}", condition, len(graphs.classes), advice)


def _splitter(y: NDArray[np.int64], options: GraphOptions) -> Callable[[int], Split]:
    """The function from a seed to a split."""
    rows, tenth = np.arange(len(y)), round(len(y) / 10)
    match options.split:
        case "random":
            return partial(random_split, rows)
        case "stratified":
            return partial(stratified_split, y, num_val=tenth, num_test=tenth, name="stratified")
        case _:
            return partial(fold_split, rows, folds=options.folds, labels=y)
