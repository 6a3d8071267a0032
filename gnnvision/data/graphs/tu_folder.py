"""A folder of one's own in the text layout of the TU Dortmund collection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from gnnvision.data.errors import invalid_file
from gnnvision.data.graphs.adjacency import with_directions
from gnnvision.data.graphs.graph_task import GraphTask
from gnnvision.data.graphs.options import GraphOptions
from gnnvision.data.graphs.tu import OPTIONAL, REQUIRED, VALUES, TuGraphs, read_tu
from gnnvision.data.split import Split, fold_split, random_split
from gnnvision.domains import Graph
from gnnvision.errors import invalid, one_of

__all__ = ["is_tu", "read_tu_folder", "split_graphs"]

OPTIONS = frozenset(("undirected", "kind", "folds"))
SPLITS = ("public", "random", "stratified", "kfold")
MARK, OTHER = "_A.txt", "_graph_indicator.txt"


def is_tu(path: Path) -> bool:
    """Whether a path is a folder with files such as DS_A.txt, or that file itself."""
    return _prefix(path) is not None


def _prefix(path: Path) -> Path | None:
    """The folder and the name of the dataset; those of the first, if there are several."""
    if path.is_dir():
        places = [folder for folder in (path, path / "raw") if folder.is_dir()]
        marks = sorted(mark for folder in places for mark in folder.glob(f"*{MARK}"))
    else:
        marks = [path] if path.name.endswith(MARK) else []
    for mark in marks:
        name = mark.name.removesuffix(MARK)
        if (mark.parent / f"{name}{OTHER}").is_file():
            return mark.parent / name
    return None


def read_tu_folder(path: Path, options: GraphOptions, requested: str) -> GraphTask:
    """The task of a folder with DS_A.txt, DS_graph_indicator.txt and DS_graph_labels.txt.

    DS_graph_attributes.txt, in place of graph_labels or with kind="regression", has values to
    predict.

    Raises:
        ValueError: A file is missing or damaged, the folder has several datasets, or an option
            does not apply.
    """
    options.only(OPTIONS, "a folder in the TU layout")
    place = _prefix(path)
    if place is None:
        got, advice = "none", "Name the folder that has them."
        raise invalid_file(repr(str(path)), f"have files *{MARK} and *{OTHER}", got, advice)
    if path.is_dir():
        names = sorted(mark.name for mark in place.parent.glob(f"*{MARK}"))
        if len(names) > 1:
            advice = f"Name one of these files, for example {str(place.parent / names[0])!r}."
            raise invalid_file(repr(str(path)), "have one dataset", ", ".join(names), advice)
    graphs = _read(place, options)
    x = torch.from_numpy(graphs.x)
    whole = Graph(
        torch.from_numpy(graphs.edge_index),
        len(x),
        edge_attr=torch.from_numpy(graphs.edge_attr),
        offsets=torch.from_numpy(graphs.offsets),
    )
    whole, notes = with_directions(whole, options.undirected)
    details = dict(notes)
    if merged := [text for text in graphs.remarks if "repeat" in text]:
        details["edges"] = "; ".join(merged)
    task = GraphTask.from_graphs(
        whole,
        graphs.y,
        x,
        names=[f"graph {number}" for number in range(1, len(graphs.y) + 1)],
        kind=None if options.kind == "auto" else options.kind,
        class_names=[str(label) for label in graphs.classes] or None,
        seed=options.seed,
        name=place.name,
    )
    return split_graphs(replace(task, details={**task.details, **details}), options)


def _read(place: Path, options: GraphOptions) -> TuGraphs:
    """The files of a dataset as arrays."""
    name, folder = place.name, place.parent
    found = {
        file: (folder / file).read_bytes()
        for key in (*REQUIRED, *OPTIONAL, VALUES)
        if (folder / (file := f"{name}_{key}.txt")).is_file()
    }
    labels, values = f"{name}_{REQUIRED[-1]}.txt", f"{name}_{VALUES}.txt"
    if values in found and options.kind == "regression":
        found.pop(labels, None)
    elif labels not in found and values not in found:
        condition, advice = f"have {labels} or {values}", "Add one of them."
        raise invalid_file(repr(str(folder)), condition, "neither", advice)
    return read_tu(found, name)


def split_graphs(task: GraphTask, options: GraphOptions) -> GraphTask:
    """The task with the split that the options name; "public" keeps the split that it has.

    Raises:
        ValueError: `split` is not a split of graphs, or not of this kind of target.
    """
    split = one_of("split", options.split, SPLITS)
    if options.folds != 10 and split != "kfold":
        raise invalid("folds", f"be left out for {split=}", options.folds, "Use split='kfold'.")
    if split == "public" or (split == "random" and task.splitter is not None):
        return task
    classes = task.kind == "classification"
    if split == "stratified" and not classes:
        raise invalid("split", f"be another one for {task.kind}", repr(split), "Use 'random'.")
    labels = task.y.numpy() if classes else task.y.numpy()[:, 0]
    rows = np.flatnonzero(labels != -100 if classes else ~np.isnan(labels))
    draw: Callable[[int], Split]
    if split == "kfold":
        draw = partial(
            fold_split, rows, folds=options.folds, labels=labels[rows] if classes else None
        )
    elif split == "stratified":
        again = GraphTask.from_graphs(task.graphs, task.y, task.x, seed=options.seed)
        draw = again.splitter or partial(random_split, rows)
    else:
        draw = partial(random_split, rows)
    kept = {title: text for title, text in task.details.items() if title != "masks"}
    return replace(task, split=draw(options.seed), splitter=draw, details=kept)
