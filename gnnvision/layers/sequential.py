"""A sequence of layers, each on the output domain of the previous one."""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor, nn
from torch.func import functional_call

from gnnvision.domains import Domain, Graph, Grid
from gnnvision.domains.modes import is_transformed
from gnnvision.layers.calling import call_as, form_of
from gnnvision.layers.graph import as_graph
from gnnvision.layers.interface import OnDomain
from gnnvision.layers.missing import given
from gnnvision.layers.uncompiled import without_compiler

__all__ = ["Sequential"]


class Sequential(nn.Sequential, OnDomain):
    """`torch.nn.Sequential` that passes the domain to convolutions, pooling and readout.

    A module of your own with forward(x, domain) gets the domain too; a layer of torch-geometric
    gets the edge_index of the graph; other modules (activations, norms, `nn.Linear`) get only the
    signal. Images need no domain.

    Example:
        >>> import torch
        >>> from gnnvision.domains import Graph
        >>> from gnnvision.layers import GCNConv
        >>> graph = Graph.from_edges([(0, 1)], num_nodes=2, undirected=True)
        >>> Sequential(GCNConv(4, 8), nn.ReLU(), GCNConv(8, 3))(torch.ones(2, 4), graph).shape
        torch.Size([2, 3])
    """

    def add_module(self, name: str, module: nn.Module | None) -> None:
        """Add a layer, as in torch, and determine its arguments before any compilation."""
        super().add_module(name, module)
        if module is not None:
            with contextlib.suppress(TypeError):  # which is said when the layer is called
                form_of(module)

    def forward(self, x: Tensor, domain: Domain | Tensor | None = None) -> Tensor:
        """The output of the last layer.

        Args:
            x: (B, C, H, W) on a grid, (N, C) on a graph.
            domain: a grid or graph, or torch-geometric's edge_index; a grid may be omitted.

        Raises:
            TypeError: if a layer needs a graph and none is given.
        """
        here = as_graph(domain, x) if isinstance(domain, Tensor) else domain
        if isinstance(here, Graph) and x.device.type != "cpu" and not is_transformed():
            with given(x):
                return self._run(x, here)
        return self._run(x, here)

    def _run(self, x: Tensor, here: Domain | None) -> Tensor:
        for layer in self:
            if isinstance(layer, OnDomain):
                x = layer(x, here)
                here = None if here is None else _domain_of(x, layer, here)
            else:
                x = call_as(form_of(layer), layer, x, here)
                here = None if here is None else _domain_of(x, None, here)
        return x

    def out_domain(self, domain: Domain) -> Domain | None:
        """The output domain of the last layer.

        Raises:
            ValueError: if the output size of a layer from another library is unknown.
        """
        return self._after(domain)

    def _after(self, here: Domain | None) -> Domain | None:
        for name, layer in self.named_children():
            if isinstance(layer, Sequential):
                here = layer._after(here)
            elif here is None:  # no sites, unless a layer makes some again
                made = tuple(getattr(layer, "unflattened_size", ()))
                here = Grid(made[1:]) if len(made) > 1 else None
            elif isinstance(layer, OnDomain):
                here = layer.out_domain(here)
            elif isinstance(here, Grid):
                here = _grid_after(name, layer, here)
        return here


def _domain_of(x: Tensor, layer: OnDomain | None, before: Domain) -> Domain | None:
    """Where the output of a layer lives; on a grid the signal itself tells."""
    if type(before) is Graph:  # asked in every step: quicker than isinstance of an abstract class
        if layer is not None:
            return layer.out_domain(before)
        return before if x.ndim == 2 and x.shape[0] == before.num_nodes else None
    if isinstance(before, Grid):
        if x.ndim == before.ndim + 2:
            size = tuple(x.shape[2:])
            return before if size == before.shape else Grid(size)
        if layer is None or isinstance(layer, Sequential):
            return None
    if layer is not None:
        return layer.out_domain(before)
    same = isinstance(before, Graph) and x.ndim == 2 and x.shape[0] == before.num_nodes
    return before if same else None


def _grid_after(name: str, layer: nn.Module, grid: Grid) -> Grid | None:
    """The grid that a layer of torch.nn leaves, found by running it on a signal without values."""
    reads = (getattr(m, n, None) for m in layer.modules() for n in _CHANNELS)
    channels = next((n for n in reads if isinstance(n, int)), _ANY_CHANNELS)
    state = {**dict(layer.named_parameters()), **dict(layer.named_buffers())}
    blank = {name: value.to("meta") for name, value in state.items()}
    dtype = next((v.dtype for v in blank.values() if v.is_floating_point()), None)
    try:
        with without_compiler(), torch.no_grad():
            x = torch.zeros(2, channels, *grid.shape, dtype=dtype, device="meta")
            out = functional_call(layer, blank, (x,))
        sizes = tuple(out.shape[2:]) if out.ndim == grid.ndim + 2 else None
    except Exception as error:
        raise ValueError(
            f"The output domain of layer {name!r} ({type(layer).__name__}) on {grid} is unknown: "
            f"it raised an error ({str(error).splitlines()[0]}). Use a gnnvision layer, such as "
            "gv.Conv2d, or define out_domain in the module."
        ) from error
    return None if sizes is None else Grid(sizes)


_CHANNELS = ("in_channels", "num_features", "num_channels")
_ANY_CHANNELS = 16  # divisible as pixel shuffles and groups ask for
