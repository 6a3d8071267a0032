"""The table of the network's layers."""

from __future__ import annotations

from gnnvision.data import GraphTask, NodeTask, SplitName, Task
from gnnvision.domains import Graph
from gnnvision.operators.signals import is_sparse
from gnnvision.report.architecture import draw_network
from gnnvision.report.parts import Figure, Run, Section, Table
from gnnvision.summary import Summary, summary
from gnnvision.summary.table import HEAD, amount, cells, in_bytes, total
from gnnvision.training.folder import write_csv

__all__ = ["network"]

# The last tells where a layer looks, which the one before it says in plainer words.
_SHOWN = ("Layer", "Type", "Output", "Parameters", "MACs", "Memory", "Receptive field")
_WORDS = 3


def network(run: Run) -> Section | None:
    """The section of the network: its layers, their shapes and what they cost."""
    count = sum(parameter.numel() for parameter in run.result.model.parameters())
    lead = f"The network has {count:,} parameters: the numbers that training sets."
    try:
        found = _summary(run)
    except (TypeError, ValueError) as error:
        note = f"Its layers could not be counted before they run: {error}"
        return Section("The network", lead, note=note)
    nodes = isinstance(found.domain, Graph)
    what = "graph" if isinstance(run.result.task, NodeTask) else run.item
    if isinstance(run.result.task, GraphTask):
        part = {"train": "training"}.get(_measured_part(run.result.task), "test")
        what = f"{run.item}, the first of the {part} part with {found.domain.num_sites:,} nodes,"
    lead += (
        f" One {what} costs {amount(found.total_macs)} multiply-accumulates on its way through, "
        f"and what the layers leave of it is {in_bytes(found.activation_bytes)}."
    )
    note = (
        "Output is the shape of the signal after a layer: "
        + ("nodes×channels. " if nodes else "pictures×channels×height×width. ")
        + "MACs are products that are added to a sum. Memory is that of the output, which "
        "training keeps for the backward pass. Receptive field is the part of the input that one "
        "value of the output depends on."
    )
    path = draw_network(found, run.figures / "network.svg", _name(run))
    write_csv(path.with_suffix(".csv"), found.rows())
    alt = "Boxes for the layers from left to right, with the shape of the signal after each."
    caption = "The signal on its way: as high as there are sites, as thick as there are channels."
    pictures = [Figure(path, alt, caption)]
    return Section("The network", lead, pictures, [_table(found)], note, wide=True)


def _name(run: Run) -> str | None:
    """The name under which the network can be built again."""
    spec = getattr(run.result.model, "spec", None)
    return None if spec is None else spec["name"]


def _measured_part(task: Task) -> SplitName:
    """The test part, or the training part where that is empty."""
    return "test" if len(task.split.test) else "train"


def _summary(run: Run) -> Summary:
    task = run.result.task
    alone = 1 if isinstance(task, GraphTask) else None  # one molecule, as one picture
    x, domain, _ = next(iter(task.batches(_measured_part(task), alone)))
    stored = x._nnz() if is_sparse(x) else None
    return summary(run.result.model, domain, x.shape[1], nonzeros=stored)


def _table(found: Summary) -> Table:
    columns = [HEAD.index(name) for name in _SHOWN]
    rows = [[row[n] for n in columns] for row in (*map(cells, found.layers), total(found))]
    for row in rows:  # words before numbers: the page sets every column after them flush right
        row.insert(_WORDS, row.pop())
    head = (*_SHOWN[:_WORDS], _SHOWN[-1], *_SHOWN[_WORDS:-1])
    return Table(head, rows, _WORDS + 1, total=True)
