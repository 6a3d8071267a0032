"""The computation graph: how a network finds its gradients, in a graph of three steps.

Every step knows only its own, local gradient: how its result changes with what goes into it.
The chain rule multiplies them along each path back from the end, and adds up the paths:

    dF/dv = Σ over the steps u that use v of dF/du · du/dv
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Computation", "Copied", "copies", "evaluate", "example"]

Step = tuple[Callable[..., Tensor], tuple[str, ...]]


@dataclass(frozen=True)
class Computation:
    """A computation with everything that can be said about it.

    Args:
        inputs: the names of the numbers that go in.
        uses: what each step reads.
        values: of all numbers.
        local: du/dv by (v, u), for every step u and what it reads.
        gradients: of the last step by each number.
    """

    inputs: tuple[str, ...]
    uses: Mapping[str, tuple[str, ...]]
    values: Mapping[str, float]
    local: Mapping[tuple[str, str], float]
    gradients: Mapping[str, float]

    def paths(self, name: str) -> list[tuple[str, ...]]:
        """Every way from a number to the end."""
        last = list(self.uses)[-1]
        if name == last:
            return [(last,)]
        after = [step for step, read in self.uses.items() if name in read]
        return [(name, *rest) for step in after for rest in self.paths(step)]

    def again(self, changed: str) -> tuple[str, ...]:
        """The steps to compute again when one input has another value; the rest is kept."""
        reached = {name for path in self.paths(changed) for name in path[1:]}
        return tuple(step for step in self.uses if step in reached)


def evaluate(inputs: Mapping[str, float], steps: Mapping[str, Step]) -> Computation:
    """Compute forwards, then backwards, with autograd.

    Args:
        inputs: names and values.
        steps: in order, the last one being F: a function of tensors, and what it reads.

    Returns:
        Values, local gradients, and the gradients of the last step.

    Raises:
        ValueError: if a step reads what is not there yet, or there is no step.

    Example:
        >>> done = evaluate({"x": 3.0}, {"y": (lambda x: x * x, ("x",))})
        >>> done.values["y"], done.gradients["x"]
        (9.0, 6.0)
    """
    if not steps:
        raise ValueError("'steps' must hold at least one step, got none. Add one.")
    held = {name: torch.tensor(float(value), requires_grad=True) for name, value in inputs.items()}
    local: dict[tuple[str, str], float] = {}
    for name, (function, read) in steps.items():
        missing = [one for one in read if one not in held]
        if missing:
            raise ValueError(
                f"'steps' must read what comes before, got {missing[0]!r} in step {name!r}. "
                "Put the steps in order."
            )
        # Cut off from what came before, so that autograd sees this step alone.
        cut = [held[one].detach().requires_grad_() for one in read]
        slopes = torch.autograd.grad(function(*cut), cut)
        local |= {(v, name): float(slope) for v, slope in zip(read, slopes, strict=True)}
        held[name] = function(*(held[one] for one in read))
        held[name].retain_grad()
    held[list(steps)[-1]].backward()
    gradients = {name: 0.0 if t.grad is None else float(t.grad) for name, t in held.items()}
    values = {name: float(tensor.detach()) for name, tensor in held.items()}
    uses = {name: read for name, (_, read) in steps.items()}
    return Computation(tuple(inputs), uses, values, local, gradients)


def example(x: float = 2.0, y: float = 3.0, z: float = 4.0) -> Computation:
    """A = X + Y and F = A · Z: another Z leaves A as it is.

    Example:
        >>> done = example()
        >>> done.values["F"], done.gradients["X"], done.gradients["Z"], done.again("Z")
        (20.0, 4.0, 5.0, ('F',))
    """
    steps = {"A": (operator.add, ("X", "Y")), "F": (operator.mul, ("A", "Z"))}
    return evaluate({"X": x, "Y": y, "Z": z}, steps)


@dataclass(frozen=True)
class Copied:
    """What one way of copying a tensor does, found out by trying.

    Args:
        name: as one writes it.
        shares_memory: whether it is the same place in memory.
        in_graph: whether the gradient finds its way back through it.
        gradient: of F = 2·x + 3·copy by x: 5 through both terms, 2 where the copy is cut off.
    """

    name: str
    shares_memory: bool
    in_graph: bool
    gradient: float


def copies(x: float = 1.0) -> list[Copied]:
    """`clone`, `detach` and both, each tried on F = 2·x + 3·copy.

    Example:
        >>> for copied in copies():
        ...     print(copied.name, copied.shares_memory, copied.in_graph, copied.gradient)
        x.clone() False True 5.0
        x.detach() True False 2.0
        x.clone().detach() False False 2.0
    """
    ways: dict[str, Callable[[Tensor], Tensor]] = {
        "x.clone()": lambda t: t.clone(),
        "x.detach()": lambda t: t.detach(),
        "x.clone().detach()": lambda t: t.clone().detach(),
    }
    found = []
    for name, way in ways.items():
        tensor = torch.tensor(float(x), requires_grad=True)
        copy = way(tensor)
        (2 * tensor + 3 * copy).backward()
        assert tensor.grad is not None
        shares = copy.data_ptr() == tensor.data_ptr()
        found.append(Copied(name, shares, copy.requires_grad, float(tensor.grad)))
    return found
