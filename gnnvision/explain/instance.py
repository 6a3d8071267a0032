"""The instance to explain: a model, its input and one output of each sample, checked first."""

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
from gnnvision.errors import invalid, wrong_dtype, wrong_type
from gnnvision.explain.samples import count_samples, select_samples
from gnnvision.explain.trace import model_output
from gnnvision.layers.hooks import evaluating
from gnnvision.operators.signals import is_sparse

__all__ = ["Instance", "Target", "expand_baseline", "make_instance"]

Target = int | Sequence[int] | Tensor


@dataclass(frozen=True)
class Instance:
    """A model, its input, and the output to explain for each sample (image or graph).

    Args:
        model: f.
        x: the signal, a private copy. Shape (B, C, H, W) or (N, C).
        domain: the grid or graph of the signal.
        target: the output column to explain, for each sample. Shape (samples,).
        site: for a model with an output for every node: the node whose output is explained.
        outputs: all outputs, a row for each sample. Shape (samples, columns).
        is_checked: whether intermediate values are inspected for notes, which makes the host
            wait for a GPU.
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
        """The output that is explained. Shape (samples,)."""
        return self.outputs.gather(1, self.target[:, None])[:, 0]

    def output(self, x: Tensor) -> Tensor:
        """The output to explain, for another signal on the same domain. Shape (samples,)."""
        rows = self.rows(x, self.domain)
        return rows.gather(1, self.target[:, None])[:, 0]

    def rows(self, x: Tensor, domain: Domain) -> Tensor:
        """All outputs for another signal on the same domain. Shape (samples, columns)."""
        rows = model_output(self.model, x.clone(), domain)  # a layer may write into its input
        return rows if self.site is None else rows[self.site : self.site + 1]

    def with_model(self, model: nn.Module) -> Instance:
        """The same input and target for another model, whose outputs are not checked."""
        other = replace(self, model=model, is_checked=False)
        with evaluating(model), torch.inference_mode(False), torch.no_grad():
            return replace(other, outputs=other.rows(self.x, self.domain))

    def output_of_copies(self, x: Tensor, domain: Domain, sample: int) -> Tensor:
        """The output to explain, for signals made from copies of one sample. Shape (copies,)."""
        rows = model_output(self.model, x, domain)
        if self.site is not None:
            rows = rows[self.site :: self.domain.num_sites]
        return rows.index_select(1, self.target[sample : sample + 1])[:, 0]

    def repeat_sample(self, x: Tensor, sample: int, count: int) -> tuple[Tensor, Domain]:
        """A batch of `count` copies of one sample of a signal, and its domain."""
        return select_samples(self.domain, x, [sample] * count)


def make_instance(
    model: nn.Module,
    x: Tensor,
    domain: Domain,
    target: Target | None = None,
    site: int | None = None,
) -> Instance:
    """The instance, after one forward pass of the model.

    Args:
        model: any module for signals on such a domain.
        x: the signal; dense, finite.
        domain: the grid or graph of the signal.
        target: the output column to explain, one for all samples or one for each; None for the
            column with the largest output of each sample.
        site: the node whose output is explained, if the model has an output for every node.

    Raises:
        TypeError: if the model is not a module, `x` is not a floating-point tensor or a target
            is not an integer.
        ValueError: if `x` is sparse or not finite, the output does not have a row for each
            sample, or a column or node is out of range.
    """
    if not isinstance(model, nn.Module):
        advice = "Wrap a function in a module whose forward calls it."
        raise wrong_type("model", "be a torch.nn.Module", model, advice)
    if not isinstance(x, Tensor):
        raise wrong_type("x", "be a floating-point tensor", x, "Use torch.as_tensor(x).float().")
    if not x.is_floating_point():
        raise wrong_dtype("x", "be a floating-point tensor", x.dtype, "Use x.float().")
    if is_sparse(x):
        raise invalid("x", "be dense", "a sparse tensor", "Use x.to_dense().")
    if not bool(x.isfinite().all()):
        bad = f"{int((~x.isfinite()).sum())} values that are NaN or infinite"
        raise invalid("x", "be finite", bad, "Replace them, for example by x.nan_to_num().")
    # These tensors serve backward passes later, also if the caller is in inference mode.
    with evaluating(model), torch.inference_mode(False), torch.no_grad():
        signal = x.detach().clone()
        rows = model_output(model, signal.clone(), domain)  # a layer may write into its input
        num_samples = count_samples(signal, domain)
        rows = _rows(rows, num_samples, domain, site)
        chosen = _columns(rows, num_samples, target)
    if not bool(rows.isfinite().all()):
        raise invalid(
            "model", "return finite outputs", "NaN or infinity",
            "Check its weights, and that the input is normalized as in training.",
        )  # fmt: skip
    place = None if site is None else operator.index(site)
    return Instance(model, signal, domain, chosen, place, rows)


def _rows(rows: Tensor, num_samples: int, domain: Domain, site: int | None) -> Tensor:
    if site is None:
        if rows.ndim == 2 and len(rows) == num_samples:
            return rows
        of_sites = rows.ndim == 2 and len(rows) == domain.num_sites
        advice = "Choose a node, as site=0." if of_sites else "End the model with a readout."
        raise one_row_each(num_samples, tuple(rows.shape), advice)
    if num_samples != 1 or rows.ndim != 2 or len(rows) != domain.num_sites:
        got = f"{site} for an output of shape {tuple(rows.shape)} of a batch of {num_samples}"
        condition = "be None unless the model has an output for every node of one graph"
        raise invalid("site", condition, got, "Leave it out.")
    must = f"be one of the {len(rows)} nodes"
    place = to_index(site, len(rows), "site", "nodes", must)
    return rows[place : place + 1]


def one_row_each(num_samples: int, shape: tuple[int, ...], advice: str) -> ValueError:
    """The error for a model whose output does not have a row for each sample."""
    condition = f"return one row of outputs for each sample of the batch ({num_samples})"
    return invalid("model", condition, f"an output of shape {shape}", advice)


def unknown_output(name: str, index: int, count: int) -> ValueError:
    """The error for a target that is not the index of an output."""
    condition = f"be the index of one of the {count} outputs, from 0 to {count - 1}"
    return invalid(name, condition, index, "Indices start at 0.")


def _columns(rows: Tensor, num_samples: int, target: Target | None) -> Tensor:
    if target is None:
        return rows.argmax(1)
    refused = wrong_dtype("target", "be an integer", repr(target), "Use the index of an output.")
    if isinstance(target, (list, tuple)) and any(isinstance(t, (bool, np.bool_)) for t in target):
        raise refused
    try:
        given = torch.as_tensor(target)
    except (TypeError, ValueError, RuntimeError) as error:
        raise refused from error
    if given.is_floating_point() or given.is_complex() or given.dtype is torch.bool:
        raise refused
    if given.ndim > 1 or (given.ndim == 1 and len(given) != num_samples):
        condition = f"be one index, or one for each of the {num_samples} samples"
        raise invalid("target", condition, f"shape {tuple(given.shape)}", "Use one index for all.")
    columns = rows.shape[1]
    outside = (given < 0) | (given >= columns)
    if bool(outside.any()):
        raise unknown_output("target", int(given[outside].flatten()[0]), columns)
    return send(given.long(), rows.device).expand(num_samples)


def expand_baseline(baseline: Tensor | None, x: Tensor) -> Tensor:
    """The baseline, broadcast to the shape of `x`; zeros if it is None.

    Raises:
        ValueError: if its shape cannot be broadcast to that of `x`.
    """
    if baseline is None:
        return torch.zeros_like(x)
    try:
        return baseline.detach().clone().to(x).expand_as(x)
    except RuntimeError:
        condition = f"have the shape of 'x', {tuple(x.shape)}, or be broadcast to it"
        advice = "Use a signal of that shape, or None for zeros."
        raise invalid("baseline", condition, tuple(baseline.shape), advice) from None
