"""Attention in one pass over the entries of a pattern: scores, softmax, weighted sum.

The entries are taken in blocks of whole rows that fit the cache, and the backward pass computes a
block again instead of keeping what it needs of every edge and channel: only the attention itself,
one number for each entry and head, is kept. On a GPU the blocks are as large as its memory allows.
Where a transform, the compiler or a second derivative is at work, torch's own operations run.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor
from torch._C._functorch import is_legacy_batchedtensor
from torch.autograd import Function

from gnnvision.domains.device import sum_at
from gnnvision.domains.modes import is_transformed
from gnnvision.operators.pattern import Pattern
from gnnvision.operators.product import sum_rows
from gnnvision.operators.segments import segment_softmax, segment_top

__all__ = ["AdditiveScores", "DotScores", "Scores", "attend", "attention_weights"]

CACHE_BYTES = 2**21  # of the channels of a block; two cores have as much of their own cache
DEVICE_BYTES = 2**28


class Scores(ABC):
    """A score of each entry (i, j) and head, of what i asks and the key of j (plus eᵢⱼ U).

    Args:
        asked: what the sites of the rows ask. Shape (M, H, C).
        keys: the keys of the sites of the columns. Shape (N, H, C).
        attributes: E, one row for each entry, if they are part of the keys. Shape (E, D).
        matrix: Uᵀ. Shape (H C, D).
        parameter: of the score, if it has one.
    """

    def __init__(
        self,
        asked: Tensor,
        keys: Tensor,
        attributes: Tensor | None = None,
        matrix: Tensor | None = None,
        parameter: Tensor | None = None,
    ) -> None:
        self.asked, self.keys = asked, keys
        self.attributes, self.matrix, self.parameter = attributes, matrix, parameter

    @property
    def tensors(self) -> tuple[Tensor | None, ...]:
        """What the scores depend on."""
        return self.asked, self.keys, self.attributes, self.matrix, self.parameter

    @abstractmethod
    def given(self, *tensors: Tensor | None) -> Self:
        """The same scores of other `tensors`."""

    @abstractmethod
    def of(self, asked: Tensor, key: Tensor) -> Tensor:
        """The scores of entries: two of shape (E, H, C) -> (E, H)."""

    @abstractmethod
    def quickly(self, asked: Tensor, key: Tensor) -> Tensor:
        """The same without gradients; it may overwrite `asked`, but not `key`."""

    @abstractmethod
    def backward(
        self, grad: Tensor, asked: Tensor, key: Tensor, wanted: bool
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """The gradients of `asked`, `key` and, if it is wanted, the parameter.

        Args:
            grad: of the scores. Shape (E, H).
            asked: what was asked, which may be overwritten. Shape (E, H, C).
            key: the keys. Shape (E, H, C).
            wanted: whether the gradient of the parameter is.
        """

    def everywhere(self, pattern: Pattern) -> Tensor:
        """The scores of all entries, by torch's own operations: (E, H)."""
        # The backward pass of index_select is several times faster than that of indexing.
        asked = self.asked.index_select(0, pattern.row.long())
        return self.of(asked, self.with_edges(self.keys.index_select(0, pattern.col.long())))

    def with_edges(self, x: Tensor, entries: slice = slice(None)) -> Tensor:
        """What entries have, of what their columns have: plus eᵢⱼ U, (E, H, C)."""
        if self.attributes is None or self.matrix is None:
            return x
        attributes = self.attributes[entries].to(x.dtype)
        return torch.addmm(x.flatten(1), attributes, self.matrix.t().to(x.dtype)).view_as(x)


class AdditiveScores(Scores):
    """aₕ · LeakyReLU(qᵢ + kⱼ); the parameter is a, of shape (H, C), or None for ones."""

    slope = 0.2

    @classmethod
    def of_slope(cls, slope: float, *tensors: Tensor | None) -> Self:
        """Scores with the negative slope of the LeakyReLU."""
        made = cls(*tensors)  # type: ignore[arg-type]
        made.slope = slope
        return made

    def given(self, *tensors: Tensor | None) -> Self:
        """The same scores of other `tensors`."""
        return self.of_slope(self.slope, *tensors)

    def of(self, asked: Tensor, key: Tensor) -> Tensor:
        """The scores of entries: two of shape (E, H, C) -> (E, H)."""
        shown = F.leaky_relu(asked + key, self.slope)
        return (shown if self.parameter is None else shown * self.parameter).sum(-1)

    def quickly(self, asked: Tensor, key: Tensor) -> Tensor:
        """The same without gradients; it overwrites `asked`."""
        shown = F.leaky_relu_(asked.add_(key), self.slope)
        return _sum_channels(shown if self.parameter is None else shown.mul_(self.parameter))

    def backward(
        self, grad: Tensor, asked: Tensor, key: Tensor, wanted: bool
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """The gradients of `asked`, `key` and the parameter."""
        together, spread = asked.add_(key), grad.unsqueeze(-1)
        of_parameter = None
        if self.parameter is not None:
            if wanted:
                shown = F.leaky_relu(together, self.slope)
                of_parameter = shown.mul_(spread).sum(0)
            spread = spread * self.parameter
        inner = torch.ops.aten.leaky_relu_backward(spread, together, self.slope, False)
        return inner, inner, of_parameter


class DotScores(Scores):
    """qᵢ · kⱼ for each head."""

    def given(self, *tensors: Tensor | None) -> Self:
        """The same scores of other `tensors`."""
        return type(self)(*tensors)  # type: ignore[arg-type]

    def of(self, asked: Tensor, key: Tensor) -> Tensor:
        """The scores of entries: two of shape (E, H, C) -> (E, H)."""
        return (asked * key).sum(-1)

    def quickly(self, asked: Tensor, key: Tensor) -> Tensor:
        """The same without gradients; it overwrites `asked`."""
        return _sum_channels(asked.mul_(key))

    def backward(
        self, grad: Tensor, asked: Tensor, key: Tensor, wanted: bool
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """The gradients of `asked` and `key`."""
        spread = grad.unsqueeze(-1)
        return key * spread, asked.mul_(spread), None


def attend(
    pattern: Pattern,
    scores: Scores,
    values: Tensor,
    keep: Tensor | None = None,
    left_out: Tensor | None = None,
    carried: bool = False,
) -> tuple[Tensor, Tensor]:
    """The sums of values over the entries of each row, weighted by a softmax of the scores.

    It is differentiable any number of times, in forward and reverse mode.

    Args:
        pattern: E positions in an (M, N) matrix.
        scores: of the entries.
        values: of the sites of the columns; they may be the keys. Shape (N, H, C).
        keep: a constant factor of each weight after the softmax, as of dropout. Shape (E, H).
        left_out: a mask of entries without weight, under the compiler. Shape (E,).
        carried: whether the eᵢⱼ U of the scores are added to the values.

    Returns:
        The sums, of shape (M, H C), and the weights, (E, H).
    """
    # Tensors without values, of the summary of a network, show operations and not blocks.
    plain = type(values) is Tensor and left_out is None and pattern.col.numel()
    if is_transformed() or not plain:
        return _composed(pattern, scores, values, keep, left_out, carried)
    forms = (scores.keys is values, carried)
    out: tuple[Tensor, Tensor] = _Attend.apply(
        pattern, scores, forms, keep, values, *scores.tensors
    )
    return out


def attention_weights(
    pattern: Pattern, scores: Scores, keep: Tensor | None, left_out: Tensor | None = None
) -> Tensor:
    """The weights of `attend` by torch's own operations: (E, H)."""
    score = scores.everywhere(pattern)
    if left_out is not None:
        score = score.masked_fill(left_out.unsqueeze(1), -torch.inf)
    weight = segment_softmax(score, pattern)
    return weight if keep is None else weight * keep


def _composed(
    pattern: Pattern,
    scores: Scores,
    values: Tensor,
    keep: Tensor | None,
    left_out: Tensor | None,
    carried: bool,
) -> tuple[Tensor, Tensor]:
    weight = attention_weights(pattern, scores, keep, left_out)
    sent = values.index_select(0, pattern.col.long())
    sent = scores.with_edges(sent) if carried else sent
    sent = sent * weight.unsqueeze(-1).to(sent.dtype)
    return sum_at(pattern.row, sent.flatten(1), pattern.shape[0]), weight


class _Block(NamedTuple):
    """Whole rows of a pattern."""

    rows: slice
    entries: slice
    row: Tensor  # of each entry
    col: Tensor
    own: Pattern  # of these rows alone, onto their entries

    def of_rows(self, x: Tensor) -> Tensor:
        """The value of each entry, from those of these rows."""
        return x.index_select(0, self.own.row)


def _blocks(pattern: Pattern, x: Tensor) -> Iterator[_Block]:
    limit = CACHE_BYTES if x.device.type == "cpu" else DEVICE_BYTES
    size = max(1, limit // max(1, x[0].numel() * x.element_size()))
    for first, last in pattern.row_blocks(size):
        entries = slice(pattern.starts(first), pattern.starts(last))
        own = Pattern(
            pattern.rowptr[first : last + 1] - entries.start,
            torch.arange(entries.stop - entries.start, device=x.device),
            entries.stop - entries.start,
        )
        own._row = pattern.row[entries] - first
        yield _Block(slice(first, last), entries, pattern.row[entries], pattern.col[entries], own)


class _Attend(Function):
    """Y = Σⱼ wᵢⱼ vⱼ with w the softmax of the scores over the entries of a row."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        pattern: Pattern,
        scores: Scores,
        forms: tuple[bool, bool],
        keep: Tensor | None,
        values: Tensor,
        *tensors: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        own, carried = forms
        # Without heads: where a layer adds its bias in place into a view, the gradient is copied.
        y = values.new_empty(pattern.shape[0], values[0].numel())
        exact = torch.promote_types(values.dtype, torch.float32)
        weight = values.new_empty(pattern.col.numel(), values.shape[1], dtype=exact)
        with torch.autocast(values.device.type, enabled=False):
            for block in _blocks(pattern, values):
                sent = values.index_select(0, block.col)
                key = sent if own else scores.keys.index_select(0, block.col)
                key = scores.with_edges(key, block.entries)
                sent = scores.with_edges(sent, block.entries) if carried else sent
                score = scores.quickly(scores.asked.index_select(0, block.row), key).to(exact)
                score = score.sub_(block.of_rows(segment_top(score, block.own))).exp_()
                share = sum_rows(block.own, score).reciprocal_()
                w = torch.mul(score, block.of_rows(share), out=weight[block.entries])
                w = w if keep is None else w * keep[block.entries]
                sent.mul_(w.to(sent.dtype).unsqueeze(-1))
                y[block.rows] = sum_rows(block.own, sent.flatten(1))
        ctx.pattern, ctx.forms = pattern, forms
        ctx.scores = scores.given(*(None for _ in tensors))  # which keeps no tensor
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(weight, keep, values, *tensors)
        return y, (weight if keep is None else weight * keep).to(values.dtype)

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401
        grad: Tensor | None,
        of_weight: Tensor | None,
    ) -> tuple[Tensor | None, ...]:
        weight, keep, values, *tensors = ctx.saved_tensors
        scores = ctx.scores.given(*tensors)
        batched = any(g is not None and is_legacy_batchedtensor(g) for g in (grad, of_weight))
        if torch.is_grad_enabled() or batched:
            return _again(ctx, scores, values, keep, (grad, of_weight))
        if grad is None:
            grad = values.new_zeros(ctx.pattern.shape[0], values[0].numel())
        with torch.autocast(values.device.type, enabled=False):
            given = (grad, of_weight, weight, keep, values)
            found = _gradients(ctx.pattern, scores, ctx.forms, ctx.needs_input_grad[4:], *given)
        return None, None, None, None, *found


def _gradients(
    pattern: Pattern,
    scores: Scores,
    forms: tuple[bool, bool],
    wanted: Sequence[bool],
    grad: Tensor,
    of_weight: Tensor | None,
    weight: Tensor,
    keep: Tensor | None,
    values: Tensor,
) -> list[Tensor | None]:
    """The gradients of the values and of the tensors of the scores, where they are wanted."""
    own, carried = forms
    exact = weight.dtype  # sums over many entries need more than bfloat16
    inputs = (values, *scores.tensors)
    found = [
        t.new_zeros(t.shape, dtype=exact) if t is not None and needed else None
        for t, needed in zip(inputs, wanted, strict=True)
    ]
    if own:  # the gradient of the keys is part of that of the values
        found[2] = None
    of_values, of_asked, of_keys, of_attributes, of_matrix, of_parameter = found
    for block in _blocks(pattern, values):
        rows, entries, row, col, _ = block
        sent = values.index_select(0, col)
        key = scores.with_edges(sent if own else scores.keys.index_select(0, col), entries)
        sent = scores.with_edges(sent, entries) if carried else sent
        grads = grad.index_select(0, row).view_as(sent)
        w = weight[entries]
        d_w = _sum_channels(grads * sent).to(exact)
        if of_weight is not None:
            d_w += of_weight[entries]
        if keep is not None:
            d_w *= keep[entries]
        d_score = d_w.mul_(w)
        d_score.sub_(w * block.of_rows(sum_rows(block.own, d_score)))
        d_asked, d_key, d_parameter = scores.backward(
            d_score.to(sent.dtype),
            scores.asked.index_select(0, row),
            key,
            of_parameter is not None,
        )
        if of_parameter is not None and d_parameter is not None:
            of_parameter += d_parameter
        if of_asked is not None:
            of_asked[rows] = sum_rows(block.own, d_asked.flatten(1)).view_as(of_asked[rows])
        used = w if keep is None else w * keep[entries]
        d_sent = grads.mul_(used.to(grads.dtype).unsqueeze(-1))
        d_edge = (d_key + d_sent if carried else d_key).flatten(1)
        if of_matrix is not None and scores.attributes is not None:
            of_matrix += d_edge.t() @ scores.attributes[entries].to(d_edge.dtype)
        if of_attributes is not None and scores.matrix is not None:
            of_attributes[entries] = (d_edge @ scores.matrix.to(d_edge.dtype)).to(exact)
        if own and of_values is not None:
            of_values.index_add_(0, col, d_sent.add_(d_key).to(exact))
            continue
        if of_values is not None:
            of_values.index_add_(0, col, d_sent.to(exact))
        if of_keys is not None:
            of_keys.index_add_(0, col, d_key.to(exact))
    return [
        d if d is None or t is None else d.to(t.dtype) for d, t in zip(found, inputs, strict=True)
    ]


def _again(
    ctx: Any,  # noqa: ANN401
    scores: Scores,
    values: Tensor,
    keep: Tensor | None,
    grads: tuple[Tensor | None, Tensor | None],
) -> tuple[Tensor | None, ...]:
    """The gradients by torch's own operations, which can be differentiated again."""
    differentiable = torch.is_grad_enabled()
    with torch.enable_grad():
        # Views, as the scores may be made of the values, whose gradient through them is not asked.
        inputs = [None if x is None else x.view_as(x) for x in (values, *scores.tensors)]
        seen = scores.given(*inputs[1:])
        results = _composed(ctx.pattern, seen, inputs[0], keep, None, ctx.forms[1])  # type: ignore[arg-type]
    pairs = [(y, g) for y, g in zip(results, grads, strict=True) if g is not None]
    places = {i: x for i, x in enumerate(inputs) if x is not None and ctx.needs_input_grad[4 + i]}
    wanted = torch.autograd.grad(
        [y for y, _ in pairs],
        list(places.values()),
        [g for _, g in pairs],
        create_graph=differentiable,
        allow_unused=True,
    )
    found: list[Tensor | None] = [None] * len(inputs)
    for i, gradient in zip(places, wanted, strict=True):
        found[i] = gradient
    return None, None, None, None, *found


def _sum_channels(x: Tensor) -> Tensor:
    """The sum over channels: (E, H, C) -> (E, H)."""
    if x.shape[-1] == 1:
        return x.squeeze(-1)
    return torch.mv(x.view(-1, x.shape[-1]), x.new_ones(x.shape[-1])).view(x.shape[:-1])
