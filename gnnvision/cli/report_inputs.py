"""The inputs of a network in the form that explanations and feature maps take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gnnvision.cli.model_inputs import InspectedModel, ModelInput
from gnnvision.cli.predictions import canvas, prediction_text
from gnnvision.errors import invalid, nearest
from gnnvision.operators.signals import is_sparse
from gnnvision.report.attribution_found import ExplainedInput
from gnnvision.report.layer_nodes import NodesCanvas
from gnnvision.report.layer_page import InspectedInput, layer_sections
from gnnvision.report.parts import Section

__all__ = ["explained_input", "feature_map_sections", "output_index"]


def output_index(inspected: InspectedModel, target: str) -> int:
    """The index of the output that `--target` names.

    Args:
        inspected: the network.
        target: the name of an output, in any case, or its number from 0.

    Raises:
        ValueError: if there is none, with the nearest names.
    """
    names = inspected.output_names
    by_name = {name.lower(): number for number, name in enumerate(names)}
    wanted = target.strip().lower()
    if wanted in by_name:
        return by_name[wanted]
    if wanted.lstrip("-").isdigit():
        number = int(wanted)
        if 0 <= number < len(names):
            return number
        condition = f"be a number from 0 to {len(names) - 1} or a name"
        raise invalid("--target", condition, target, f"The network has {len(names)} outputs.")
    near = ", ".join(map(repr, nearest(wanted, names, count=3, cutoff=0.0)))
    advice = f"Did you mean one of {near}? You can also give its number."
    raise invalid("--target", "be an output of the network", repr(target), advice)


def explained_input(inspected: InspectedModel, item: ModelInput) -> ExplainedInput:
    """One input in the form that the explanations take.

    Args:
        inspected: the network, from `load_inspected`.
        item: one of its inputs.
    """
    shown = canvas(inspected, item)
    near: tuple[int, ...] = ()
    notes = (*item.notes, *filter(None, [shown.note]))
    if isinstance(shown, NodesCanvas):
        near = tuple(shown.nodes)
        if shown.note:
            notes += ("Deletion and insertion mask these nodes only.",)
    return ExplainedInput(
        item.name,
        item.x.to_dense() if is_sparse(item.x) else item.x,
        item.domain,
        shown,
        prediction_text(inspected, item),
        notes,
        site=item.node,
        near=near,
    )


def feature_map_sections(
    inspected: InspectedModel, layers: Sequence[str], figures: Path
) -> list[Section]:
    """The sections of a page of feature maps.

    Args:
        inspected: the network and its inputs.
        layers: their names; a few from input to output if none are given.
        figures: folder for the figures.
    """
    inputs = [
        InspectedInput(
            item.name,
            item.x,
            item.domain,
            canvas(inspected, item),
            prediction_text(inspected, item),
            item.notes,
        )
        for item in inspected.inputs
    ]
    return layer_sections(inspected.model, inputs, layers, figures, inspected.feature_names)
