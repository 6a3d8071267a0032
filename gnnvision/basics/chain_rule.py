"""Backpropagation on a small computation graph.

Every step knows only its local gradient: the derivative of its output with respect to its inputs.
The chain rule multiplies the local gradients along each path back from the result F, and sums
over the paths:

    dF/dv = Σ over the steps u that use v of dF/du · du/dv
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gnnvision._renamed import former_attributes
from gnnvision.errors import invalid

__all__ = ["Computation", "CopyResult", "compare_copies", "evaluate", "example_computation"]

Step = tuple[Callable[..., Tensor], tuple[str, ...]]


@former_attributes({"again": "steps_to_recompute"})
@dataclass(frozen=True)
class Computation:
    """An evaluated computation graph: its values and gradients.

    Args:
        inputs: the names of the inputs.
        uses: the operands of each step.
        values: the value of every input and step.
        local: the local gradients du/dv, by (v, u), of every step u with operand v.
        gradients: the gradient of the last step with respect to every input and step.
    """

    inputs: tuple[str, ...]
    uses: Mapping[str, tuple[str, ...]]
    values: Mapping[str, float]
    local: Mapping[tuple[str, str], float]
    gradients: Mapping[str, float]

    def paths(self, name: str) -> list[tuple[str, ...]]:
        """Every path from an input or a step to the last step."""
        last = list(self.uses)[-1]
        if name == last:
            return [(last,)]
        after = [step for step, read in self.uses.items() if name in read]
        return [(name, *rest) for step in after for rest in self.paths(step)]

    def steps_to_recompute(self, changed: str) -> tuple[str, ...]:
        """The steps that depend on an input; the others keep their values when it changes."""
        reached = {name for path in self.paths(changed) for name in path[1:]}
        return tuple(step for step in self.uses if step in reached)


def evaluate(inputs: Mapping[str, float], steps: Mapping[str, Step]) -> Computation:
    """Run the forward and the backward pass of a computation with autograd.

    Args:
        inputs: names and values.
        steps: in order, the last one being F: a function of tensors, and its operands.

    Returns:
        The values, the local gradients, and the gradients of the last step.

    Raises:
        ValueError: if a step uses an operand that is not defined before it, or there is no step.

    Example:
        >>> done = evaluate({"x": 3.0}, {"y": (lambda x: x * x, ("x",))})
        >>> done.values["y"], done.gradients["x"]
        (9.0, 6.0)
    """
    if not steps:
        raise invalid("steps", "have at least one step", "none", "Add a step.")
    held = {name: torch.tensor(float(value), requires_grad=True) for name, value in inputs.items()}
    local: dict[tuple[str, str], float] = {}
    for name, (function, read) in steps.items():
        missing = [one for one in read if one not in held]
        if missing:
            got = f"{missing[0]!r} in step {name!r}"
            raise invalid("steps", "use only earlier names", got, "Reorder the steps.")
        # Detached, so that autograd differentiates this step alone.
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


def example_computation(x: float = 2.0, y: float = 3.0, z: float = 4.0) -> Computation:
    """The computation A = X + Y, F = A · Z. When Z changes, only F is recomputed.

    Args:
        x: the value of X.
        y: the value of Y.
        z: the value of Z.

    Example:
        >>> done = example_computation()
        >>> done.values["F"], done.gradients["X"], done.gradients["Z"]
        (20.0, 4.0, 5.0)
        >>> done.steps_to_recompute("Z")
        ('F',)
    """
    steps = {"A": (operator.add, ("X", "Y")), "F": (operator.mul, ("A", "Z"))}
    return evaluate({"X": x, "Y": y, "Z": z}, steps)


@dataclass(frozen=True)
class CopyResult:
    """The measured effect of one way to copy a tensor.

    Args:
        name: the expression, for example "x.clone()".
        shares_memory: whether the copy shares memory with the original.
        in_graph: whether gradients flow through the copy.
        gradient: dF/dx of F = 2·x + 3·copy: 5 if gradients flow through the copy, else 2.
    """

    name: str
    shares_memory: bool
    in_graph: bool
    gradient: float


def compare_copies(x: float = 1.0) -> list[CopyResult]:
    """Measure the effect of `clone`, `detach` and both on the gradient of F = 2·x + 3·copy.

    Args:
        x: the value that is copied.

    Example:
        >>> for copied in compare_copies():
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
    results = []
    for name, way in ways.items():
        tensor = torch.tensor(float(x), requires_grad=True)
        copy = way(tensor)
        (2 * tensor + 3 * copy).backward()
        assert tensor.grad is not None
        shares = copy.data_ptr() == tensor.data_ptr()
        results.append(CopyResult(name, shares, copy.requires_grad, float(tensor.grad)))
    return results
