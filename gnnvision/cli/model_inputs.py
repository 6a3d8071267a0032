"""A network and the inputs it is inspected on, as passed on by scripts that look into a model."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import nn

from gnnvision import data
from gnnvision.runs import Input as ModelInput

__all__ = ["InspectedModel", "ModelInput"]


@dataclass(frozen=True)
class InspectedModel:
    """A network and the inputs it is inspected on.

    Args:
        model: in evaluation mode.
        output_names: names of its classes or targets.
        kind: "classification", "regression" or "multilabel".
        inputs: at least one.
        title: what the network was trained on, as text.
        featurizer: how molecules become features; None for other inputs.
        task: of a citation network; otherwise None.
        feature_names: of the channels of `x`, where each has a meaning.
        kind_names: of the kinds of nodes, for graphs of a dataset.
    """

    model: nn.Module
    output_names: tuple[str, ...]
    kind: str
    inputs: list[ModelInput]
    title: str
    featurizer: data.Featurizer | None = None
    task: data.NodeTask | None = field(default=None, repr=False)
    feature_names: tuple[str, ...] = field(default=(), repr=False)
    kind_names: tuple[str, ...] = ()
