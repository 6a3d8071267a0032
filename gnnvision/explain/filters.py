"""Filters: the weights of a convolution, as what they look for."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import singledispatch

import torch
from torch import Tensor, nn

from gnnvision.layers import (
    ChebConv,
    Convolution,
    GATv2Conv,
    GCNConv,
    GINConv,
    RGCNConv,
    SAGEConv,
)

__all__ = ["Filters", "filters"]

_PLAIN = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass(frozen=True)
class Filters:
    """The weights of one convolution, alike on any domain: Wₖ of Y = Σₖ Sₖ X Wₖ + b.

    Args:
        values: the taps. Shape (K, C_in, C_out), K the offsets of a kernel row by row, or the
            operators of a graph; C_in is that of one group, if the channels fall into groups.
        kernel_size: the window of a kernel; None on a graph.
        groups: of the channels.
        name: of the layer.
        terms: on a graph, whom each of the K matrices listens to, in words.
        is_polynomial: whether Sₖ is Tₖ of a scaled Laplacian.
    """

    values: Tensor
    kernel_size: tuple[int, ...] | None
    groups: int
    name: str
    terms: tuple[str, ...] = ()
    is_polynomial: bool = False

    def on_grid(self) -> Tensor:
        """The kernels as pictures. Shape (C_out, C_in, *kernel_size).

        Raises:
            ValueError: if the convolution works on a graph.
        """
        if self.kernel_size is None:
            raise ValueError(
                f"'layer' must be a convolution on a grid, got {self.name!r} on a graph, whose "
                "weights have no places. Read `values`."
            )
        kernels: Tensor = self.values.permute(2, 1, 0).unflatten(2, self.kernel_size)
        return kernels

    def strongest(self, channel: int, count: int) -> list[tuple[int, int, float]]:
        """What one output channel listens to most.

        Args:
            channel: of the output.
            count: at most so many.

        Returns:
            Operator k, input channel and weight, the largest |weight| first; none that is 0.
        """
        listened = self.values[:, :, channel].cpu()
        weights = listened.flatten()
        order = weights.abs().argsort(descending=True, stable=True)[:count].tolist()
        pairs = [divmod(place, self.values.shape[1]) for place in order]
        found = [(k, row, float(listened[k, row])) for k, row in pairs]
        return [one for one in found if one[2] != 0]

    def response(self, frequencies: Tensor) -> Tensor:
        """What a polynomial filter makes of each frequency of a signal: Σₖ Wₖ Tₖ(λ̂).

        Args:
            frequencies: eigenvalues λ̂ of the scaled Laplacian: -1 where neighbors agree, 1
                where the signal changes along each edge. Shape (F,).

        Returns:
            Shape (F, C_in, C_out).

        Raises:
            ValueError: if the layer is no polynomial of a Laplacian, or a frequency is not from
                -1 to 1.
        """
        if not self.is_polynomial:
            raise ValueError(
                f"'layer' must be a ChebConv, got {self.name!r}, whose operators are no "
                "polynomials of one Laplacian. Read `values`."
            )
        outside = frequencies[frequencies.abs() > 1]
        if len(outside):
            raise ValueError(
                f"'frequencies' must be from -1 to 1, got {float(outside[0])}. Scale λ as "
                "2 λ / λ_max - 1."
            )
        angle = frequencies.cpu().double().acos()
        orders = torch.arange(len(self.values), dtype=torch.float64)
        basis = (angle[:, None] * orders).cos().to(self.values)  # (F, K): Tₖ(cos θ) = cos kθ
        return torch.einsum("fk,kio->fio", basis, self.values)


def filters(model: nn.Module, layer: str) -> Filters:
    """The weights of a convolution by its name.

    A linear layer is the convolution that looks at each site alone. A `GINConv`, whose own taps
    are fixed, has those times the first matrix of its MLP.

    Args:
        model: any network.
        layer: the name of a convolution in it: of ours on a grid or a graph, or of torch.nn's;
            or of a linear layer.

    Raises:
        ValueError: if there is no such layer, or it is no convolution, with the nearest that is.

    Example:
        >>> import gnnvision as gv
        >>> found = filters(gv.Sequential(gv.Conv2d(3, 8, 5), nn.ReLU()), "0")
        >>> found.values.shape, found.on_grid().shape
        (torch.Size([25, 3, 8]), torch.Size([8, 3, 5, 5]))
        >>> found = filters(gv.Sequential(gv.SAGEConv(5, 4)), "0")
        >>> found.values.shape, found.terms
        (torch.Size([2, 5, 4]), ('neighbors', 'itself'))
    """
    known = dict(model.named_modules())
    module = known.get(layer)
    if isinstance(module, _PLAIN):
        weight = module.weight.detach()
        taps = weight.flatten(2).permute(2, 1, 0)  # (K, C_in, C_out)
        return Filters(taps, tuple(weight.shape[2:]), module.groups, layer)
    if isinstance(module, (Convolution, nn.Linear)):
        taps = _taps(module).detach()
        terms = _terms(module, len(taps))
        return Filters(taps, None, 1, layer, terms, isinstance(module, ChebConv))
    names = [n for n, m in known.items() if isinstance(m, (*_PLAIN, Convolution))]
    if not names:
        raise ValueError(
            f"'model' must have a convolution, got {type(model).__name__}, which has none. "
            "Look at its feature maps."
        )
    near = difflib.get_close_matches(layer, names, n=3, cutoff=0.0)
    what = "which is not there" if module is None else f"a {type(module).__name__}"
    raise ValueError(
        f"'layer' must be the name of a convolution, got {layer!r}, {what}. Did you mean "
        f"{' or '.join(map(repr, near))}?"
    )


@singledispatch
def _taps(module: object) -> Tensor:
    """The matrices of a layer on a graph. Shape (K, C_in, C_out)."""
    assert isinstance(module, Convolution)
    return module.taps()


@_taps.register
def _(module: nn.Linear) -> Tensor:
    return module.weight.t()[None]


@_taps.register
def _(module: GINConv) -> Tensor:
    first = next(p for p in module.nn.parameters() if p.ndim == 2)
    return module.taps() @ first.t()


@singledispatch
def _terms(module: object, count: int) -> tuple[str, ...]:
    """Whom each matrix listens to."""
    return tuple(f"operator {k}" for k in range(count))


@_terms.register
def _(module: nn.Linear, count: int) -> tuple[str, ...]:
    return ("itself",)


@_terms.register
def _(module: GCNConv, count: int) -> tuple[str, ...]:
    loops = module.normalize and module.add_self_loops
    return ("neighbors and itself" if loops else "neighbors",)


@_terms.register
def _(module: SAGEConv, count: int) -> tuple[str, ...]:
    return ("neighbors", "itself")[:count]


@_terms.register
def _(module: GINConv, count: int) -> tuple[str, ...]:
    return ("neighbors", "itself")


@_terms.register
def _(module: ChebConv, count: int) -> tuple[str, ...]:
    words = ["itself", *(f"up to {k} edge{'s' * (k > 1)} away" for k in range(1, count))]
    return tuple(f"T{k}: {text}" for k, text in enumerate(words))


@_terms.register
def _(module: GATv2Conv, count: int) -> tuple[str, ...]:
    return tuple(f"attention of head {head}" for head in range(1, count + 1))


@_terms.register
def _(module: RGCNConv, count: int) -> tuple[str, ...]:
    each = [f"neighbors by relation {number}" for number in range(module.num_relations)]
    return (*each, "itself")[:count]
