"""What a network says of an input, in words, and what the input is drawn on."""

from __future__ import annotations

import torch

from gnnvision.cli.subject import Subject, Subjects
from gnnvision.domains import Graph
from gnnvision.layers.calling import call
from gnnvision.layers.hooks import evaluating
from gnnvision.report.layer_canvas import Canvas, PictureCanvas
from gnnvision.report.layer_nodes import GraphCanvas, MoleculeCanvas, NodesCanvas
from gnnvision.training.objective import said

__all__ = ["answer", "canvas"]

_FIRST = 3


def answer(subjects: Subjects, subject: Subject) -> str:
    """What the network says of one input: the likeliest classes, or the values."""
    with evaluating(subjects.model), torch.inference_mode():
        output = call(subjects.model, subject.x, subject.domain)
        rows = said(subjects.kind, output.float().cpu())
    values = rows[subject.node or 0]
    if subjects.kind == "regression":
        each = [
            f"{value:.2f} for {name}"
            for value, name in zip(values.tolist(), subjects.output_names, strict=True)
        ]
    else:
        order = values.argsort(descending=True)[:_FIRST].tolist()
        each = [f"“{subjects.output_names[n]}” {100 * float(values[n]):.0f} %" for n in order]
    return f"The network says: {', '.join(each)}."


def canvas(subjects: Subjects, subject: Subject) -> Canvas:
    """The picture, the molecule, the graph, or the nodes around the one that is asked about."""
    if subject.picture is not None:
        return PictureCanvas(subject.picture)
    assert isinstance(subject.domain, Graph)
    if subject.smiles is not None and subjects.featurizer is not None:
        return MoleculeCanvas(subjects.featurizer.read(subject.smiles), subject.domain)
    if subject.kinds is not None:
        return GraphCanvas(subject.domain, subject.kinds, subjects.kind_names)
    return NodesCanvas(subject.domain, subject.node or 0)
