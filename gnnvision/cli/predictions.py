"""The prediction for an input as text, and the canvas that the input is drawn on."""

from __future__ import annotations

import torch

from gnnvision.cli.model_inputs import InspectedModel, ModelInput
from gnnvision.domains import Graph
from gnnvision.layers.calling import call
from gnnvision.layers.hooks import evaluating
from gnnvision.report.layer_canvas import Canvas, ImageCanvas
from gnnvision.report.layer_nodes import GraphCanvas, MoleculeCanvas, NodesCanvas
from gnnvision.training.objective import to_predictions

__all__ = ["canvas", "prediction_text"]

_MOST_CLASSES = 3


def prediction_text(inspected: InspectedModel, item: ModelInput) -> str:
    """The prediction for one input: the most probable classes, or the values."""
    with evaluating(inspected.model), torch.inference_mode():
        output = call(inspected.model, item.x, item.domain)
        rows = to_predictions(inspected.kind, output.float().cpu())
    values = rows[item.node or 0]
    if inspected.kind == "regression":
        each = [
            f"{value:.2f} for {name}"
            for value, name in zip(values.tolist(), inspected.output_names, strict=True)
        ]
    else:
        order = values.argsort(descending=True)[:_MOST_CLASSES].tolist()
        each = [f"“{inspected.output_names[n]}” {100 * float(values[n]):.0f} %" for n in order]
    return f"Prediction: {', '.join(each)}."


def canvas(inspected: InspectedModel, item: ModelInput) -> Canvas:
    """The image, the molecule, the graph, or the nodes around the one in question."""
    if item.image is not None:
        return ImageCanvas(item.image)
    assert isinstance(item.domain, Graph)
    if item.smiles is not None and inspected.featurizer is not None:
        return MoleculeCanvas(inspected.featurizer.read(item.smiles), item.domain)
    if item.kinds is not None:
        return GraphCanvas(item.domain, item.kinds, inspected.kind_names)
    return NodesCanvas(item.domain, item.node or 0)
