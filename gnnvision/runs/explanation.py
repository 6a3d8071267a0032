"""The attributions of one input of a run."""

from __future__ import annotations

from collections.abc import Mapping

from gnnvision.explain import Attribution
from gnnvision.runs.inputs import Input

__all__ = ["Explanation"]


class Explanation(dict[str, Attribution]):
    """The attributions of one input by the name of their method.

    Args:
        input: what was explained, with its signal and its domain.
        target: the name of the explained output.
        found: the attributions.
    """

    def __init__(self, input: Input, target: str, found: Mapping[str, Attribution]) -> None:
        super().__init__(found)
        self.input, self.target = input, target

    @property
    def name(self) -> str:
        """The file, the SMILES, the node or the graph."""
        return self.input.name

    def __repr__(self) -> str:
        return f"Explanation of {self.target!r} for {self.name!r} by {', '.join(self)}"
