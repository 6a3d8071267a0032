"""What a reader of inputs hands to a network: blocks to predict, and single inputs to explain."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.errors import wrong_dtype
from gnnvision.layers.calling import call

__all__ = ["Block", "Input", "Reader"]


@dataclass(frozen=True)
class Input:
    """One input of a network, for explanations.

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
class Block:
    """Some inputs of a prediction: a row of the table for each, and what the network reads.

    Args:
        ids: the user's name of each row.
        reasons: why a row has no prediction; "" if it has one. As long as `ids`.
        x: the signal of the rows that have one; None if no row has.
        domain: its domain.
        rows: the row of the network's output for each of these rows; None for all in order.
        changes: how each input was changed, as text; () for no change.
        before: columns of the user's table, by name; after the ids, or with them.
        after: columns to follow the prediction, by name.
        notes: what holds for all rows, a sentence each.
    """

    ids: Sequence[str]
    reasons: Sequence[str]
    x: Tensor | None
    domain: Domain | None
    rows: Tensor | None = None
    changes: Sequence[str] = ()
    before: Mapping[str, Sequence[str]] = field(default_factory=dict)
    after: Mapping[str, Sequence[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def valid(self) -> list[int]:
        """The rows that have a prediction."""
        return [row for row, reason in enumerate(self.reasons) if not reason]


class Reader(ABC):
    """Reads the inputs of one kind of run.

    Args:
        about: the description of the run in its checkpoint.
        device: where the network runs.
    """

    kind: ClassVar[str]
    id_name: str = "id"
    class_name: str = "predicted"  # the column of the predicted class
    delimiter: str = ","
    feature_names: tuple[str, ...] = ()
    kind_names: tuple[str, ...] = ()

    def __init__(self, about: Mapping[str, Any], device: str) -> None:
        self.about = about
        self.given: Mapping[str, Any] = about.get("input", {})
        self.device = device
        self.title: str = about.get("title", "an unnamed run")
        self.output_names: tuple[str, ...] = tuple(about["class_names"])

    @abstractmethod
    def blocks(self, inputs: Any, **options: Any) -> Iterator[Block]:  # noqa: ANN401
        """The inputs of a prediction, in blocks, with a row for each input in order."""

    @abstractmethod
    def read(self, names: Sequence[Any]) -> Iterator[Input]:
        """Single inputs, for explanations.

        Raises:
            ValueError: if one is not of the kind that the network reads, or cannot be read.
        """

    def describe(self, inputs: Any) -> dict[str, str]:  # noqa: ANN401
        """A title and a text for each line to print before a prediction."""
        return {}

    def check(self, run: Callable[[Tensor, Domain], Tensor]) -> Tensor | None:
        """The output of a function of a signal and its domain for a smallest input, if any."""
        return None

    def with_signal(self, block: Block) -> Iterator[Block]:
        """The same inputs in blocks that have a signal and a domain that a network can read."""
        yield block

    def output(self, network: nn.Module, x: Tensor, domain: Domain) -> Tensor:
        """The output of a network for a block, with test-time augmentation if any."""
        return call(network, x, domain)


def refuse_options(options: Mapping[str, object], known: Sequence[str], kind: str) -> None:
    """Refuse options of another kind of run.

    Raises:
        TypeError: if one is given.
    """
    for name, value in options.items():
        if value is not None and name not in known:
            takes = " and ".join(repr(one) for one in known)
            advice = f"It takes {takes}." if known else "Pass the inputs alone."
            raise wrong_dtype(name, f"be left out for a run on {kind}s", type(value), advice)


def as_rows(rows: Sequence[int]) -> Tensor:
    """Indices as a tensor."""
    return torch.tensor(rows, dtype=torch.int64)
