"""The instance to explain: a model, its input and one output of each sample of the batch."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from gnnvision.domains import Domain
from gnnvision.domains.checks import to_index
from gnnvision.domains.device import send, widest
from gnnvision.errors import invalid, wrong_dtype, wrong_type
from gnnvision.explain.tracing import model_output
from gnnvision.layers import Readout
from gnnvision.layers.hooks import evaluating
from gnnvision.operators.signals import is_sparse

__all__ = [
    "Instance", "Target", "copies_of", "expand_baseline", "expand_to_sites", "is_nearly_constant",
    "make_instance", "mean_per_sample", "sample_of_site", "sum_per_sample",
]  # fmt: skip

Target = int | Sequence[int] | Tensor
_VALUES_AT_ONCE = 1_000_000  # of the signal, in one forward pass
_CACHED, _MAX_SITES = 8, 100_000  # batches of copies that are cached, and their largest size
_NEARLY = 1e-3  # of the largest magnitude; smaller differences cannot be seen on a map
_SUM, _MEAN = Readout("sum"), Readout("mean")


@dataclass(frozen=True)
class Instance:
    """A model, its input, and the output to explain for each sample (image or graph).

    Args:
        model: the network, in evaluation mode.
        x: the signal.
        domain: the grid or graph of the signal.
        target: the output column of each sample.
        site: the node whose output is explained; None if each sample has one output.
        outputs: what the network returned.
        is_checked: whether values are inspected for notes, which waits for a GPU.
    """

    model: nn.Module
    x: Tensor  # a private copy
    domain: Domain
    target: Tensor  # the output column to explain of each sample
    site: int | None  # for a model with an output for every node: the node to explain
    outputs: Tensor  # (samples, columns)
    is_checked: bool = True  # whether values are inspected for notes; a GPU is waited for

    @property
    def score(self) -> Tensor:
        """The output that is explained. Shape (samples,)."""
        return self.pick(self.outputs)

    def pick(self, rows: Tensor) -> Tensor:
        """The column to explain: (..., samples, columns) -> (..., samples)."""
        index = self.target.expand(rows.shape[:-1])[..., None]
        return rows.gather(-1, index)[..., 0]

    def rows(self, x: Tensor, count: int = 1) -> Tensor:
        """All outputs for the signals of `count` copies of the batch, one after the other.

        Shapes:
            Output: (count, samples, columns).
        """
        domain = copies_of(self.x, self.domain, count)
        rows = model_output(self.model, x.clone(), domain)  # a layer may write into its input
        if self.site is not None:
            rows = rows[self.site :: self.domain.num_sites]
        out: Tensor = rows.unflatten(0, (count, -1))
        return out

    def output(self, x: Tensor) -> Tensor:
        """The output to explain, for another signal on the same domain. Shape (samples,)."""
        return self.pick(self.rows(x)[0])

    def masked_rows(self, masks: Tensor, values: Tensor) -> Tensor:
        """All outputs with the sites replaced by `values`, a signal, where a mask is true.

        Shapes:
            masks: (count, *sites), with the sites of all samples.
            Output: (count, samples, columns).
        """
        found = []
        with evaluating(self.model), torch.no_grad():
            for part in masks.split(max(1, _VALUES_AT_ONCE // max(1, self.x.numel()))):
                covered = send(part, self.x.device).unsqueeze(2)  # (P, B, 1, H, W) or (P, N, 1)
                signals = torch.where(covered, values, self.x).flatten(0, 1)
                found.append(self.rows(signals, len(part)))
        return torch.cat(found)

    def with_model(self, model: nn.Module) -> Instance:
        """The same input and target for another model, whose outputs are not checked."""
        other = replace(self, model=model, is_checked=False)
        with evaluating(model), torch.inference_mode(False), torch.no_grad():
            return replace(other, outputs=other.rows(self.x)[0])


def make_instance(
    model: nn.Module,
    x: Tensor,
    domain: Domain,
    target: Target | None = None,
    site: int | None = None,
    name: str = "target",
) -> Instance:
    """The instance, after one forward pass of the model.

    Model, signal, target and site are those of `attribute`; the errors call the target `name`.

    Args:
        model: a network for images or graphs, called as (x, domain) or (x).
        x: the signal.
        domain: the grid or graph of the signal.
        target: as for `attribute`.
        site: as for `attribute`.
        name: the name of the target in errors.

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
        num_samples = domain.sample_count(signal)
        rows = _rows(rows, num_samples, domain, site, name)
        chosen = _columns(rows, num_samples, target, name)
    if not bool(rows.isfinite().all()):
        advice = "Check its weights, and that the input is normalized as in training."
        raise invalid("model", "return finite outputs", "NaN or infinity", advice)
    place = None if site is None else operator.index(site)
    return Instance(model, signal, domain, chosen, place, rows)


def _rows(rows: Tensor, num_samples: int, domain: Domain, site: int | None, name: str) -> Tensor:
    """The rows of the samples, or that of one site."""
    of_sites = rows.ndim == 2 and len(rows) == domain.num_sites
    if site is None:
        if rows.ndim == 2 and len(rows) == num_samples:
            return rows
        condition = f"return one row of outputs for each sample of the batch ({num_samples})"
        takes_site = of_sites and name == "target"
        advice = "Choose a node, as site=0." if takes_site else "End the model with a readout."
        raise invalid("model", condition, f"an output of shape {tuple(rows.shape)}", advice)
    if num_samples != 1 or not of_sites:
        got = f"{site} for an output of shape {tuple(rows.shape)} of a batch of {num_samples}"
        condition = "be None unless the model has an output for every node of one graph"
        raise invalid("site", condition, got, "Leave it out.")
    must = f"be one of the {len(rows)} nodes"
    place = to_index(site, len(rows), "site", "nodes", must)
    return rows[place : place + 1]


def _columns(rows: Tensor, num_samples: int, target: Target | None, name: str) -> Tensor:
    """The column of each sample."""
    if target is None:
        return rows.argmax(1)
    refused = wrong_dtype(name, "be an integer", repr(target), "Use the index of an output.")
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
        raise invalid(name, condition, f"shape {tuple(given.shape)}", "Use one index for all.")
    columns = rows.shape[1]
    outside = (given < 0) | (given >= columns)
    if bool(outside.any()):
        condition = f"be the index of one of the {columns} outputs, from 0 to {columns - 1}"
        raise invalid(name, condition, int(given[outside].flatten()[0]), "Indices start at 0.")
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


# --- the samples of a batch -----------------------------------------------------------------


def sample_of_site(x: Tensor, domain: Domain) -> Tensor:
    """The index of the sample of each site. Shape (B, H, W) on a grid, (N,) on a graph."""
    count, offsets = domain.sample_count(x), domain.offsets
    if offsets is None:
        numbers = torch.arange(count, device=x.device)
        return numbers.view(-1, *[1] * (x.ndim - 2)).expand(x[:, 0].shape)
    numbers, sizes = torch.arange(count, device=offsets.device), offsets.diff()
    return domain.derived(
        "graph_index", lambda: numbers.repeat_interleave(sizes, output_size=domain.num_sites)
    )


def sum_per_sample(x: Tensor, domain: Domain) -> Tensor:
    """The sum over the sites and channels of each sample. Shape (samples,)."""
    out: Tensor = _SUM(x, domain).sum(1)
    return out


def mean_per_sample(x: Tensor, domain: Domain) -> Tensor:
    """The mean over the sites of each sample. Shape (samples, C)."""
    out: Tensor = _MEAN(x, domain)
    return out


def expand_to_sites(values: Tensor, x: Tensor, domain: Domain) -> Tensor:
    """Values of each sample, (samples,) or (samples, C), at all its sites: a signal like `x`."""
    wide = values if values.ndim == 2 else values[:, None]
    return torch.empty_like(x).copy_(wide[sample_of_site(x, domain)].movedim(-1, 1))


def copies_of(x: Tensor, domain: Domain, count: int) -> Domain:
    """The domain of `count` copies of a batch, one after the other.

    It is cached, as explanations of randomized models use the same.
    """
    if count == 1 or domain.offsets is None:
        return domain
    kept: dict[int, Domain] = domain.derived("copies", dict)
    if (known := kept.get(count)) is not None:
        return known
    copies = domain.sample(x, [*range(domain.sample_count(x))] * count)[1]
    if copies.num_sites <= _MAX_SITES:
        kept[count] = copies
        if len(kept) > _CACHED:
            del kept[next(iter(kept))]
    return copies


def is_nearly_constant(values: Tensor) -> bool:
    """Whether a map is constant, up to a thousandth of its largest magnitude."""
    if values.numel() < 2:
        return False
    low, high = torch.aminmax(values.to(widest(values.device)))
    return bool(high - low <= _NEARLY * torch.maximum(high.abs(), low.abs()))
