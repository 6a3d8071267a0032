"""What is to be explained: one output for each member of a batch, checked before any work."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.domains.device import send
from gnnvision.domains.indices import to_index
from gnnvision.explain.members import copies, num_members
from gnnvision.explain.trace import answers
from gnnvision.layers.hooks import evaluating
from gnnvision.operators.signals import is_sparse

__all__ = ["Question", "Target", "ask", "fitted"]

Target = int | Sequence[int] | Tensor


@dataclass(frozen=True)
class Question:
    """An output of a model for each member of a batch.

    Args:
        model: f.
        x: the signal, a copy that no one else holds. Shape (B, C, H, W) or (N, C).
        domain: where it lives.
        target: the column of the output, of each member. Shape (members,).
        site: for a model that answers for every node: the node whose answer is meant.
        outputs: all that the model says, a row for each member. Shape (members, columns).
        is_checked: whether the numbers on the way are looked at, for notes; a GPU is waited for.
    """

    model: nn.Module
    x: Tensor
    domain: Domain
    target: Tensor
    site: int | None
    outputs: Tensor
    is_checked: bool = True

    @property
    def score(self) -> Tensor:
        """The number that is explained. Shape (members,)."""
        return self.outputs.gather(1, self.target[:, None])[:, 0]

    def answer(self, x: Tensor) -> Tensor:
        """The output that is asked for, with another signal on the same domain."""
        rows = self.rows(x, self.domain)
        return rows.gather(1, self.target[:, None])[:, 0]

    def rows(self, x: Tensor, domain: Domain) -> Tensor:
        """All outputs, a row for each member, with another signal on the same domain."""
        rows = answers(self.model, x.clone(), domain)  # a layer may write into its input
        return rows if self.site is None else rows[self.site : self.site + 1]

    def of(self, model: nn.Module) -> Question:
        """The same question to another model, of whose outputs nothing is checked."""
        other = replace(self, model=model, is_checked=False)
        with evaluating(model), torch.inference_mode(False), torch.no_grad():
            return replace(other, outputs=other.rows(self.x, self.domain))

    def answer_copies(self, x: Tensor, domain: Domain, member: int) -> Tensor:
        """The output that is asked for, of what was made of copies of one member."""
        rows = answers(self.model, x, domain)
        if self.site is not None:
            rows = rows[self.site :: self.domain.num_sites]
        return rows.index_select(1, self.target[member : member + 1])[:, 0]

    def copied(self, x: Tensor, member: int, count: int) -> tuple[Tensor, Domain]:
        """So many copies of one member of a signal."""
        return copies(self.domain, x, [member] * count)


def ask(
    model: nn.Module,
    x: Tensor,
    domain: Domain,
    target: Target | None = None,
    site: int | None = None,
) -> Question:
    """The question, after one run of the model.

    Args:
        model: any module for signals on such a domain.
        x: the signal; dense, finite.
        domain: where it lives.
        target: a column for all members, or one for each; None for the largest of each member's
            outputs, column 0 if there is one alone.
        site: the node whose answer is explained, if the model answers for every node.

    Raises:
        TypeError: if the model is no module, `x` is not a dense floating-point tensor
            or a target is no integer.
        ValueError: if `x` is not finite, the output does not have a row for each member, or a
            column or node is out of range.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(
            f"'model' must be a torch.nn.Module, got {type(model).__name__}. Wrap a function in a "
            "module whose forward calls it."
        )
    if not isinstance(x, Tensor) or not x.is_floating_point():
        got = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise TypeError(f"'x' must be a floating-point tensor, got {got}. Use x.float().")
    if is_sparse(x):
        raise ValueError("'x' must be dense, got a sparse tensor. Give x.to_dense().")
    if not bool(x.isfinite().all()):
        bad = int((~x.isfinite()).sum())
        raise ValueError(
            f"'x' must be finite, got {bad} numbers that are NaN or infinite. Mend the input."
        )
    # What is made here serves backward passes later, also if the caller is in inference mode.
    with evaluating(model), torch.inference_mode(False), torch.no_grad():
        signal = x.detach().clone()
        rows = answers(model, signal.clone(), domain)  # a layer may write into its input
        members = num_members(signal, domain)
        rows = _rows(rows, members, domain, site)
        chosen = _columns(rows, members, target)
    if not bool(rows.isfinite().all()):
        raise ValueError(
            "'model' must give finite outputs, got NaN or infinity for this input. Look at its "
            "weights, and whether the input is normalized as in training."
        )
    place = None if site is None else operator.index(site)
    return Question(model, signal, domain, chosen, place, rows)


def _rows(rows: Tensor, members: int, domain: Domain, site: int | None) -> Tensor:
    if site is None:
        if rows.ndim == 2 and len(rows) == members:
            return rows
        of_sites = rows.ndim == 2 and len(rows) == domain.num_sites
        what = "Name one of the sites, as site=0" if of_sites else "End it with a readout"
        raise ValueError(
            f"'model' must give a row of answers for each of the {members} members, got an "
            f"output of shape {tuple(rows.shape)}. {what}."
        )
    if members != 1 or rows.ndim != 2 or len(rows) != domain.num_sites:
        raise ValueError(
            f"'site' must be None unless the model answers for every node of one graph, got "
            f"{site} with an output of shape {tuple(rows.shape)} for {members} member"
            f"{'s' * (members != 1)}. Leave it out."
        )
    must = f"be one of the {len(rows)} nodes"
    place = to_index(site, len(rows), "site", "nodes", must)
    return rows[place : place + 1]


def _columns(rows: Tensor, members: int, target: Target | None) -> Tensor:
    if target is None:
        return rows.argmax(1)
    if isinstance(target, (list, tuple)) and any(isinstance(t, (bool, np.bool_)) for t in target):
        raise TypeError(f"'target' must be an integer, got {target!r}. Give a column's number.")
    try:
        given = torch.as_tensor(target)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            f"'target' must be an integer, got {target!r}. Give a column's number."
        ) from error
    if given.is_floating_point() or given.is_complex() or given.dtype is torch.bool:
        raise TypeError(f"'target' must be an integer, got {target!r}. Give a column's number.")
    if given.ndim > 1 or (given.ndim == 1 and len(given) != members):
        raise ValueError(
            f"'target' must be one column, or one for each of the {members} members, got shape "
            f"{tuple(given.shape)}. Give one number for all."
        )
    columns = rows.shape[1]
    outside = (given < 0) | (given >= columns)
    if bool(outside.any()):
        raise ValueError(
            f"'target' must be one of the {columns} columns of the model's output, got "
            f"{int(given[outside].flatten()[0])}. Count from 0 to {columns - 1}."
        )
    return send(given.long(), rows.device).expand(members)


def fitted(baseline: Tensor | None, x: Tensor) -> Tensor:
    """The baseline as a signal of the shape of `x`; zeros if there is none.

    Raises:
        ValueError: if its shape does not extend to that of `x`.
    """
    if baseline is None:
        return torch.zeros_like(x)
    try:
        return baseline.detach().clone().to(x).expand_as(x)
    except RuntimeError:
        raise ValueError(
            f"'baseline' must have the shape of 'x', {tuple(x.shape)}, or extend to it, got "
            f"{tuple(baseline.shape)}. Give a signal of that shape, or None for zeros."
        ) from None
