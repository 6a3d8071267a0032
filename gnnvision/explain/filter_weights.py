"""Filters: the weights of a convolution, in the same form for grids and graphs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gnnvision.domains import Graph
from gnnvision.errors import invalid, nearest
from gnnvision.layers import ChebConv, Convolution, GINConv, GINEConv, RGCNConv

__all__ = ["Filters", "filters"]

_PLAIN = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_FAR = 32  # hops from the middle of a path to its ends


@dataclass(frozen=True)
class Filters:
    """The weights of one convolution: the Wₖ of Y = Σₖ Sₖ X Wₖ + b.

    Args:
        values: the weights Wₖ. Shape (K, C_in, C_out); k numbers the kernel positions row by row,
            or the operators of a graph. With channel groups, C_in is the size of one group.
        kernel_size: the size of the kernel; None on a graph.
        groups: the number of channel groups.
        name: the name of the layer.
        terms: on a graph, which nodes' features each of the K matrices multiplies, as text.
        is_polynomial: whether Sₖ is the Chebyshev polynomial Tₖ of a scaled Laplacian.
    """

    values: Tensor
    kernel_size: tuple[int, ...] | None
    groups: int
    name: str
    terms: tuple[str, ...] = ()
    is_polynomial: bool = False

    def on_grid(self) -> Tensor:
        """The kernels as images. Shape (C_out, C_in, *kernel_size).

        Raises:
            ValueError: if the convolution works on a graph.
        """
        if self.kernel_size is None:
            got = f"{self.name!r}, which works on a graph"
            raise invalid("layer", "be a convolution on a grid", got, "Use `values`.")
        kernels: Tensor = self.values.permute(2, 1, 0).unflatten(2, self.kernel_size)
        return kernels

    def strongest(self, channel: int, count: int) -> list[tuple[int, int, float]]:
        """The largest weights of one output channel.

        Args:
            channel: the index of the output channel.
            count: the largest number of weights.

        Returns:
            Operator k, input channel and weight, the largest |weight| first, without zeros.
        """
        weights = self.values[:, :, channel].cpu()
        order = weights.flatten().abs().argsort(descending=True, stable=True)[:count].tolist()
        pairs = [divmod(place, self.values.shape[1]) for place in order]
        found = [(k, row, float(weights[k, row])) for k, row in pairs]
        return [one for one in found if one[2] != 0]

    def response(self, frequencies: Tensor) -> Tensor:
        """The frequency response of a polynomial filter: Σₖ Wₖ Tₖ(λ̂).

        Args:
            frequencies: eigenvalues λ̂ of the scaled Laplacian, from -1 (a signal that is
                constant over neighbors) to 1 (one that changes along every edge). Shape (F,).

        Returns:
            Shape (F, C_in, C_out).

        Raises:
            ValueError: if the layer is not a polynomial of a Laplacian, or a frequency is not
                from -1 to 1.
        """
        if not self.is_polynomial:
            got = f"{self.name!r}, whose operators are not polynomials of one Laplacian"
            raise invalid("layer", "be a ChebConv", got, "Use `values`.")
        outside = frequencies[frequencies.abs() > 1]
        if len(outside):
            advice = "Scale an eigenvalue λ as 2 λ / λ_max - 1."
            raise invalid("frequencies", "be from -1 to 1", float(outside[0]), advice)
        angle = frequencies.cpu().double().acos()
        orders = torch.arange(len(self.values), dtype=torch.float64)
        basis = (angle[:, None] * orders).cos().to(self.values)  # (F, K): Tₖ(cos θ) = cos kθ
        return torch.einsum("fk,kio->fio", basis, self.values)


def filters(model: nn.Module, layer: str) -> Filters:
    """The weights of a convolution.

    A linear layer counts as a convolution with kernel size 1. For a `GINConv` or
    `GINEConv`, whose Wₖ are fixed, the weights are these times the first matrix of its MLP.

    Args:
        model: any network.
        layer: the name of a convolution in it, of this package or of torch.nn, or of a linear
            layer.

    Raises:
        ValueError: if there is no such layer, or it is not a convolution; the nearest names are
            suggested.

    Example:
        >>> import gnnvision as gv
        >>> found = filters(gv.Sequential(gv.Conv2d(3, 8, 5), nn.ReLU()), "0")
        >>> found.values.shape, found.on_grid().shape
        (torch.Size([25, 3, 8]), torch.Size([8, 3, 5, 5]))
        >>> found = filters(gv.Sequential(gv.SAGEConv(5, 4)), "0")
        >>> found.values.shape, found.terms
        (torch.Size([2, 5, 4]), ('neighbors', 'node itself'))
    """
    known = dict(model.named_modules())
    module = known.get(layer)
    has_weights = module is not None and any(True for _ in module.parameters())
    if isinstance(module, _PLAIN):
        weight = module.weight.detach()
        taps = weight.flatten(2).permute(2, 1, 0)  # (K, C_in, C_out)
        return Filters(taps, tuple(weight.shape[2:]), module.groups, layer)
    if isinstance(module, nn.Linear):
        return Filters(module.weight.detach().t()[None], None, 1, layer, ("node itself",))
    if isinstance(module, Convolution) and has_weights:
        taps = module.taps().detach()
        if isinstance(module, (GINConv, GINEConv)):
            taps = taps @ next(p for p in module.nn.parameters() if p.ndim == 2).detach().t()
        return Filters(
            taps, None, 1, layer, _terms(module, len(taps)), isinstance(module, ChebConv)
        )
    names = [n for n, m in known.items() if isinstance(m, (*_PLAIN, Convolution))]
    if not names:
        got = f"{type(model).__name__}, which has no convolution"
        raise invalid("model", "have a convolution", got, "Use `feature_maps` instead.")
    near = " or ".join(map(repr, nearest(layer, names, 3, cutoff=0)))
    got = f"{layer!r}" if module is None else f"{layer!r}, a {type(module).__name__}"
    raise invalid("layer", "be the name of a convolution", got, f"Did you mean {near}?")


def _terms(module: Convolution, count: int) -> tuple[str, ...]:
    """The nodes whose features each of the K matrices reads."""
    if isinstance(module, ChebConv):
        words = ["node itself", *(f"up to {k} hop{'s' * (k > 1)} away" for k in range(1, count))]
        return tuple(f"T{k}: {text}" for k, text in enumerate(words))
    if isinstance(module, RGCNConv):
        each = [f"neighbors by relation {number}" for number in range(module.num_relations)]
        return (*each, "node itself")[:count]
    if heads := int(getattr(module, "heads", 0)):
        words = [f"attention head {head}" for head in range(1, heads + 1)]
        return (*words, "node itself")[:count]
    path = Graph.from_edges([(n, n + 1) for n in range(2 * _FAR)], 2 * _FAR + 1, undirected=True)
    try:
        rows = [S.to_dense()[_FAR] for S in module.operators(path)]  # of the node in the middle
    except (AttributeError, TypeError, ValueError):  # it needs attributes or a signal
        return tuple(f"operator {k}" for k in range(count))
    return tuple(_distances(row, path.num_nodes) for row in rows)


def _distances(row: Tensor, num_nodes: int) -> str:
    """The nodes on a path that the node in the middle reads, as text."""
    if len(row) != num_nodes:
        return "neighbors with their edges"
    reached = {abs(int(node) - num_nodes // 2) for node in row.nonzero()}
    if reached == {0, 1}:
        return "neighbors and node itself"
    most = max(reached, default=0)
    return ("node itself", "neighbors", f"up to {most} hops away")[min(most, 2)]
