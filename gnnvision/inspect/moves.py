"""Where a torch operation moves the values of a tensor, found without a table of operations.

A view is read off from its strides. An operation that copies values, such as a roll or a
concatenation, is applied to numbered values. One that mixes neighbors, such as an interpolation,
is applied to lines of NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import nan, prod
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._pytree import tree_map

__all__ = ["compact", "lines", "sources", "stride_of", "viewed", "written"]

MOST = 2**23  # values
FIRST = 2.0**24  # the number of the first value, above any constant


def compact(part: Tensor) -> Tensor:
    """A part with size 1 along each dimension along which all values are the same."""
    for dim in range(1, part.ndim):
        first = part.narrow(dim, 0, 1) if part.shape[dim] else part
        if part.shape[dim] > 1 and bool((part == first).all()):
            part = first
    return part


def viewed(part: Tensor, base: Tensor, view: Tensor) -> Tensor:
    """The part of a view, by its strides in the memory of the base.

    Args:
        part: of the base. Shape (S, *base.shape), or 1 where it is constant.
        base: a tensor that fills its memory.
        view: a tensor in this memory.
    """
    varying = [dim for dim in range(base.ndim) if part.shape[dim + 1] > 1]
    steps = [(dim, base.stride(dim), base.shape[dim]) for dim in varying]
    start = int(view.storage_offset() - base.storage_offset())
    reach = [(size - 1) * stride for size, stride in zip(view.shape, view.stride(), strict=True)]
    offset, shape = torch.tensor(start), []
    for dim, (size, stride) in enumerate(zip(view.shape, view.stride(), strict=True)):
        moves = torch.arange(size) * stride
        rest = sum(reach) - reach[dim]
        ends = torch.stack([moves + start, moves + start + rest])
        alike = all(((at := ends // s % n) == at[:, :1]).all() for _, s, n in steps)
        shape.append(1 if alike else size)
        offset = offset[..., None] + moves[: shape[-1]]
    if base.numel() * base.element_size() != base.untyped_storage().nbytes() or (
        prod(shape) > MOST
    ):
        return part.new_full((len(part),), nan)
    index: list[Any] = [torch.zeros_like(offset)] * base.ndim
    for dim, stride, size in steps:
        index[dim] = offset // stride % size
    return compact(part[(slice(None), *index)]) if index else part


def stride_of(part: Tensor, after: Tensor, base: Tensor, view: Tensor) -> int:
    """The step of a slice: how many sites of the base are between two of the view."""
    before, now = ([d for d in range(p.ndim - 1) if p.shape[d + 1] > 1] for p in (part, after))
    if len(before) != 1 or len(now) != 1 or view.numel() == base.numel():
        return 1
    step, rest = divmod(view.stride(now[0]), base.stride(before[0]))
    others = [stride for dim, stride in enumerate(view.stride()) if view.shape[dim] > 1]
    is_split = rest or step < 1 or (step > 1 and base.stride(before[0]) in others)
    return 1 if is_split else step


def written(part: Tensor, new: Tensor, base: Tensor, view: Tensor) -> Tensor:
    """The part of a base after a view of it was written.

    Args:
        part: of the base before. Shape (S, *base.shape), or 1 where it is constant.
        new: of the view.
        base: the tensor that fills the memory.
        view: the tensor that was written.
    """
    if base.numel() > MOST:
        return part.new_full((len(part),), nan)
    flat = torch.arange(base.numel()).view(1, *base.shape)
    where = viewed(flat, base, view).expand(1, *view.shape)[0]
    whole = part.expand(len(part), *base.shape).reshape(len(part), -1).clone()
    new = new.reshape(len(new), *(1,) * (view.ndim + 1 - new.ndim), *new.shape[1:])
    whole[:, where.flatten()] = new.expand(len(new), *view.shape).reshape(len(new), -1)
    return compact(whole.view(len(part), *base.shape))


def sources(
    func: Callable[..., Any],
    args: Any,  # noqa: ANN401
    inputs: Sequence[tuple[Tensor, Sequence[int]]],
    out: Tensor,
    position: int,
) -> tuple[list[tuple[int, ...]], Tensor] | None:
    """The values that an operation copies, if that is all it does.

    Args:
        func: the operation.
        args: its arguments and keyword arguments.
        inputs: the tensors that depend on the signal, each with its shape where it varies.
        out: one of the results.
        position: which one.

    Returns:
        The shapes in which the inputs were numbered, and for each value of the result the number
        of its source in the concatenated inputs, or -1 for a constant.
    """
    for small in (True, False):
        shapes = [tuple(size if small else t.shape) for t, size in inputs]
        total = sum(map(prod, shapes))
        if total > MOST:
            return None
        found = []
        order = torch.randperm(total, generator=torch.Generator().manual_seed(0))
        for numbers in (torch.arange(total), order):
            blocks = (numbers.double() + FIRST).split([prod(shape) for shape in shapes])
            blocks = [block.view(s) for block, s in zip(blocks, shapes, strict=True)]
            result = _applied(func, args, inputs, blocks, position)
            if result is None or not _fits(result.shape, out.shape):
                break
            found.append(result)
        else:
            copied = [r.isfinite() & (r >= FIRST) for r in found]
            number = torch.where(copied[0], found[0] - FIRST, -1)
            constant = torch.equal(*(torch.where(number < 0, r, 0) for r in found))
            whole = (number == number.floor()).all() and (number < total).all()
            if not constant or not whole or (number < 0).all():
                return None
            number = number.long()
            again = torch.where(number < 0, -1, order[number.clamp(min=0)]) if total else number
            same = torch.equal(again, torch.where(copied[1], found[1] - FIRST, -1).long())
            return (shapes, number) if same else None
    return None


def _applied(
    func: Callable[..., Any],
    args: Any,  # noqa: ANN401
    inputs: Sequence[tuple[Tensor, Any]],
    blocks: Sequence[Tensor],
    position: int,
) -> Tensor | None:
    """A result with numbers in place of the inputs, and zeros in place of other signals.

    None if there is none, or not a dense tensor of real numbers.
    """

    def change(leaf: Any) -> Any:  # noqa: ANN401
        for (tensor, _), block in zip(inputs, blocks, strict=True):
            if leaf is tensor:
                return block.clone()
        if isinstance(leaf, FakeTensor):
            if not leaf.is_floating_point():
                raise TypeError("an index without values")
            return torch.zeros(leaf.shape, dtype=torch.float64)
        if isinstance(leaf, Tensor) and leaf.is_floating_point():
            return torch.zeros_like(leaf, dtype=torch.float64)
        return leaf

    try:
        result = func(*tree_map(change, args[0]), **tree_map(change, args[1]))
        result = result[position] if isinstance(result, (tuple, list)) else result
    except (RuntimeError, IndexError, TypeError, ValueError, NotImplementedError):
        return None
    is_dense = isinstance(result, Tensor) and result.layout is torch.strided
    return result if is_dense and result.is_floating_point() else None


def _fits(shape: Sequence[int], whole: Sequence[int]) -> bool:
    return len(shape) == len(whole) and all(n in (1, m) for n, m in zip(shape, whole, strict=True))


def lines(
    func: Callable[..., Any],
    args: Any,  # noqa: ANN401
    x: Tensor,
    out: Tensor,
    dim: int,
    position: int,
) -> Tensor | None:
    """Which lines of an image each line of the result reads, from one line of NaN at a time.

    Returns:
        Shape (lines of the result, lines of x), bool; None if the operation cannot be applied.
    """
    size = x.shape[dim]
    shape = (size, 1, *x.shape[2:])
    if prod(shape) > MOST or x.shape[:2] != out.shape[:2]:
        return None
    blank = torch.zeros(shape)
    blank.transpose(1, dim)[torch.arange(size), torch.arange(size)] = nan
    result = _applied(func, args, [(x, None)], [blank], position)
    return None if result is None else result.isnan().movedim(dim, 1).flatten(2).any(2).T
