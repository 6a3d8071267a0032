"""A network and the inputs it is inspected on, as passed on by scripts that look into a model."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor, nn

from gnnvision import data
from gnnvision.domains import Domain

__all__ = ["InspectedModel", "ModelInput"]


@dataclass(frozen=True)
class ModelInput:
    """One input of a network.

    Args:
        name: the file name, the SMILES, the node or the graph.
        x: the signal, a batch of one.
        domain: its domain.
        image: before normalization, uint8 (C, H, W); None if the input is not an image.
        smiles: of a molecule; otherwise None.
        node: the index of the node, if the input is a node of one large graph; `x` and `domain`
            are then the whole graph. Otherwise None.
        kinds: the kind of each node of a graph, -1 for none; otherwise None. Shape (N,).
        notes: how the input was changed, and what is known about it, as text.
    """

    name: str
    x: Tensor
    domain: Domain
    image: Tensor | None = None
    smiles: str | None = None
    node: int | None = None
    kinds: tuple[int, ...] | None = None
    notes: tuple[str, ...] = ()


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
