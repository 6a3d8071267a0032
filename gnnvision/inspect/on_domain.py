"""What the layers of a graph do to a probe, from their operators Sₖ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf, nan
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision.domains import Domain, Graph
from gnnvision.inspect.probe import Probe, Seen, aligned
from gnnvision.inspect.reach import tensors_in
from gnnvision.layers import Convolution, GATConv, GraphPool, Readout
from gnnvision.layers.attention import Attention
from gnnvision.operators import Operator
from gnnvision.operators.attention import attention_edges
from gnnvision.operators.base import Product, Sum

__all__ = ["layer_effect", "layer_macs"]


def layer_effect(
    probe: Probe, module: nn.Module, args: Sequence[Any], outputs: Sequence[Tensor]
) -> None:
    """Set the probe of the output of a layer that is defined by its domain."""
    domain = next((value for value in args if isinstance(value, Domain)), None)
    if probe.on_grid or domain is None or not outputs:
        return
    out = outputs[0]
    operators: list[Operator] = []
    with probe.computing():
        x = next((t for t in tensors_in(args) if probe.seen(t) is not None), None)
        before = probe.seen(x)
    if x is None or before is None:
        return
    if isinstance(module, Convolution):
        operators = list(module.operators(domain, x))
        # Those of edges multiply what the edges carry: of Transformer, nothing of the signal.
        wide = [S for S in operators if S.shape[1] == domain.num_sites]
        operators = wide if wide[:1] == operators[:1] else []
    with probe.computing():
        if isinstance(module, Convolution) and operators and probe.counts:
            onto = module.out_domain(domain) or domain
            if probe.as_flow:
                seen = _flow_on_sites(probe, before, x, operators, (domain, onto))
            else:
                seen = _on_sites(before, operators, onto, probe.lengths[0])
        elif operators and x.shape[0] == domain.num_sites and out.ndim == 2:
            pairs = [(S.pattern.row, S.pattern.col) for S in operators]
            rows, cols = (torch.cat([pair[i] for pair in pairs]) for i in (0, 1))
            seen = probe.stepped(before, x.shape, rows, cols, len(out))
            if not probe.as_flow:
                parts = (torch.where(seen.parts[0] == inf, inf, probe.places(len(out), 2)),)
                steps = max(_steps(S) for S in operators) * (before.across + 1)
                seen = replace(seen, parts=parts, hops=before.hops + steps)
        elif isinstance(module, Readout) and not probe.as_flow:
            seen = probe.everything(before, len(out), out.ndim)
        elif isinstance(module, GraphPool) and not probe.as_flow:
            further = nan if module.cluster is not None else module.kernel_size - 1
            further *= before.across + 1
            places = probe.places(len(out), out.ndim)
            hops, across = before.hops + further, before.across + further
            seen = replace(before, parts=(places,), hops=hops, across=across)
        else:
            return
        probe.see(out, seen)


def _on_sites(before: Seen, operators: Sequence[Operator], domain: Domain, sites: int) -> Seen:
    """The probe after operators onto a domain, by the product of their pattern and the fields."""
    from scipy.sparse import coo_array

    if before.fields is None or before.hops == inf:
        return replace(before.unknown(), hops=before.hops)
    count, width = operators[0].shape
    places = [torch.stack([S.pattern.row, S.pattern.col]).long() for S in operators]
    pattern, seen = (
        coo_array((torch.ones(at.shape[1], dtype=torch.bool).numpy(), at.numpy()), size).tocsr()
        for at, size in ((torch.cat(places, 1), (count, width)), (before.fields, (width, sites)))
    )
    fields = torch.stack([torch.from_numpy(at).long() for at in (pattern @ seen).nonzero()])
    ends = torch.stack([-fields[1], fields[1] + 1]).double()
    parts = ends.new_full((2, count), -inf)
    parts = parts.scatter_reduce(1, fields[:1].expand(2, -1), ends, "amax")
    shape = (-1, *(1,) * (domain.offsets is None), 1)
    part = torch.stack([domain.from_sites(each.view(shape)) for each in parts])
    return replace(before, parts=(part,), fields=fields)


def _flow_on_sites(
    probe: Probe, before: Seen, x: Tensor, operators: Sequence[Operator], ends: tuple[Domain, ...]
) -> Seen:
    """The flow after operators between two domains, over the entries of their patterns."""
    domain, onto = ends
    flow = aligned(before.parts[0], x.ndim)[0].expand(x.shape).sum(1, keepdim=True)  # (B, 1, *)
    flow = domain.to_sites(flow)
    out = flow.new_zeros(operators[0].shape[0], *flow.shape[1:])
    for S in operators:
        out = out.index_add(0, S.pattern.row.long(), flow[S.pattern.col.long()])
    return replace(before, parts=(probe.scaled(onto.from_sites(out)[None]),))


def _steps(operator: Operator) -> int:
    """The number of steps over edges of an operator: a product has those of its factors."""
    if isinstance(operator, Sum):
        return max(_steps(term) for _, term in operator.terms)
    if isinstance(operator, Product):
        return sum(map(_steps, operator.factors))
    return int(not torch.equal(operator.pattern.row, operator.pattern.col))


def layer_macs(module: nn.Module, args: Sequence[Any], macs: int) -> int:
    """The multiply-accumulates of a layer, from those of its operations.

    Scores, and the sums that they weight, are executed here as elementwise products and sums; the
    sum of a softmax as a product with ones. A readout only sums.
    """
    if isinstance(module, Readout):
        return 0
    graph = next((value for value in args if isinstance(value, Graph)), None)
    if not isinstance(module, Attention) or graph is None:
        return macs
    edges = attention_edges(graph, module.add_self_loops).pattern.col.numel()
    scored = 2 * graph.num_nodes if isinstance(module, GATConv) else edges
    return macs + ((scored + edges) * module.out_channels - edges) * module.heads


def layer_memory(module: nn.Module, args: Sequence[Any], made: int, output: Tensor | None) -> int:
    """The bytes that a layer makes and training keeps, from those of its operations.

    Attention makes what each edge and channel has in blocks, and keeps the weights of its heads.
    """
    graph = next((value for value in args if isinstance(value, Graph)), None)
    if not isinstance(module, Attention) or graph is None or output is None:
        return made
    edges = attention_edges(graph, module.add_self_loops).pattern.col.numel()
    weights = edges * module.heads * (2 if module.dropout and module.training else 1)
    sums = graph.num_nodes * module.heads * module.out_channels
    again = 0 if module.concat and module.root is None else output.numel()
    return weights * max(4, output.element_size()) + (sums + again) * output.element_size()
