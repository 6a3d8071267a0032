"""The model summary: the layers of the network, their shapes and their cost."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeGuard

from gnnvision.data import GraphTask, NodeTask, SplitName, Task
from gnnvision.domains import Frontier, Graph, StoredGraph
from gnnvision.inspect import HEAD, Summary, amount, in_bytes, summary
from gnnvision.models import network_name
from gnnvision.operators.signals import is_sparse
from gnnvision.report.architecture import draw_network
from gnnvision.report.parts import Figure, Run, Section, Table
from gnnvision.report.words import capitalized, plural
from gnnvision.training.folder import write_csv

__all__ = ["network"]

# The last tells where a layer looks, which the one before it says in plainer words.
_SHOWN = ("Layer", "Type", "Output", "Parameters", "MACs", "Memory", "Receptive field")
_WORDS = 3


def network(run: Run) -> Section | None:
    """The section of the model summary."""
    count = sum(parameter.numel() for parameter in run.result.model.parameters())
    name = capitalized(network_name(run.result.model))
    lead = f"{name} has {count:,} parameters."
    try:
        found = _summary(run)
    except (TypeError, ValueError) as error:
        note = f"The layers could not be summarized: {error}"
        return Section("Model summary", lead, note=note)
    assert found.domain is not None
    nodes = isinstance(found.domain, (Graph, Frontier))
    what = "graph" if isinstance(run.result.task, NodeTask) else run.item
    if _is_on_disk(run.result.task):
        what = f"batch of {plural(found.domain.num_sites, 'node')}, their neighbors included,"
    if isinstance(run.result.task, GraphTask):
        part = {"train": "training"}.get(_summarized_split(run.result.task), "test")
        nodes_of_it = plural(found.domain.num_sites, "node")
        what = f"{run.item}, the first of the {part} split with {nodes_of_it},"
    lead += (
        f" The forward pass of one {what} takes {amount(found.total_macs)} multiply-accumulates "
        f"(MACs), and the outputs of the layers take {in_bytes(found.activation_bytes)}."
    )
    note = (
        "Output is the shape of the signal after a layer: "
        + ("nodes×channels. " if nodes else "images×channels×height×width. ")
        + "MACs are multiply-accumulate operations. Memory is that of the output, which "
        "training keeps for the backward pass. Receptive field is the part of the input that one "
        "value of the output depends on."
    )
    path = run.figures / "network.svg"
    write_csv(path.with_suffix(".csv"), found.rows())
    alt = "Boxes for the layers from left to right, with the shape of the output of each."
    caption = "Height of a box: rows or nodes of the signal; thickness: channels (log scales)."
    figures = run.draw(lambda: Figure(draw_network(found, path, name), alt, caption))
    return Section("Model summary", lead, figures, [_table(found)], note, wide=True)


def _summarized_split(task: Task) -> SplitName:
    """The test split, or the training split where that is empty."""
    return "test" if len(task.split.test) else "train"


def _is_on_disk(task: Task) -> TypeGuard[NodeTask]:
    return isinstance(task, NodeTask) and isinstance(task.graph, StoredGraph)


def _summary(run: Run) -> Summary:
    task, recipe = run.result.task, run.result.recipe
    alone = 1 if isinstance(task, GraphTask) else None  # one molecule, as one image
    if _is_on_disk(task):  # a training batch, as the whole graph is too large
        task = replace(task, fanouts=recipe.fanouts, clusters=recipe.clusters)
        alone = recipe.batch_size
    x, domain, _ = next(iter(task.batches(_summarized_split(task), alone)))
    stored = x._nnz() if is_sparse(x) else None
    return summary(run.result.model, domain, x.shape[1], nonzeros=stored)


def _table(found: Summary) -> Table:
    columns = [HEAD.index(name) for name in _SHOWN]
    rows = [[row[n] for n in columns] for row in found.cells()]
    for row in rows:  # words before numbers: the page sets every column after them flush right
        row.insert(_WORDS, row.pop())
    head = (*_SHOWN[:_WORDS], _SHOWN[-1], *_SHOWN[_WORDS:-1])
    return Table(head, rows, _WORDS + 1, total=True)
