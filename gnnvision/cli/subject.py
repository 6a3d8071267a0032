"""A network and what it is asked about, as scripts that look into a model pass it on."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor, nn

from gnnvision import data
from gnnvision.domains import Domain

__all__ = ["Subject", "Subjects"]


@dataclass(frozen=True)
class Subject:
    """One input of a network.

    Args:
        name: of the file, the SMILES, the node or the graph.
        x: the signal, a batch of one.
        domain: where it lives.
        picture: as the network is given it before it is normalized, uint8 (C, H, W); or None.
        smiles: of a molecule; or None.
        node: of a citation network, which is `x` and `domain` as a whole; or None.
        kinds: of a graph of a set: the kind of each node, -1 for none; or None. Shape (N,).
        notes: what was changed about the input or is known of it, in words.
    """

    name: str
    x: Tensor
    domain: Domain
    picture: Tensor | None = None
    smiles: str | None = None
    node: int | None = None
    kinds: tuple[int, ...] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Subjects:
    """A network and what it is asked about.

    Args:
        model: in evaluation mode.
        output_names: of its outputs: classes or targets.
        kind: "classification", "regression" or "multilabel".
        items: at least one.
        title: what the network was trained on, for people.
        featurizer: how molecules are read; or None.
        task: of a citation network; or None.
        feature_names: of the channels of `x`, where they mean something each.
        kind_names: of the kinds of nodes of graphs of a set.
    """

    model: nn.Module
    output_names: tuple[str, ...]
    kind: str
    items: list[Subject]
    title: str
    featurizer: data.Featurizer | None = None
    task: data.NodeTask | None = field(default=None, repr=False)
    feature_names: tuple[str, ...] = field(default=(), repr=False)
    kind_names: tuple[str, ...] = ()
