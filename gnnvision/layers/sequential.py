"""A sequence of layers, each on the output domain of the previous one."""

from __future__ import annotations

import contextlib
from itertools import chain

import torch
from torch import Tensor, nn
from torch.func import functional_call

from gnnvision.domains import Domain, Frontier, Graph, Grid
from gnnvision.domains.modes import is_symbol, is_transformed
from gnnvision.errors import wrong_dtype
from gnnvision.layers.calling import call_as, form_of
from gnnvision.layers.calls import as_graph
from gnnvision.layers.interface import OnDomain
from gnnvision.layers.missing import given
from gnnvision.layers.peer_pool import pools, take_pooled
from gnnvision.layers.uncompiled import without_compiler

__all__ = ["Sequential"]


class Sequential(nn.Sequential, OnDomain):
    """`torch.nn.Sequential` that passes the domain to every layer that takes one.

    Convolutions, pooling and readout get it, and a module of your own whose `forward` has an
    argument named domain, graph or grid, annotated as a domain, or required after the signal.
    Layers of torch-geometric get the columns of the graph, such as edge_index; after its pooling
    layers the following layers are on the pooled graph. Other modules (activations, norms,
    `nn.Linear`) get only the signal. Images need no domain.

    A nested `torch.nn.Sequential` with such layers becomes a `Sequential` of this class.

    Args:
        *args: the layers in order, or one dict of them by name, as for `torch.nn.Sequential`.

    Raises:
        TypeError: at a call on a graph, if a class derived from `torch.nn.Sequential` contains a
            layer that takes the graph, which it would not pass on.

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
        if module is not None:
            _takes_domain(module)
        super().add_module(name, module)

    def forward(self, x: Tensor, domain: Domain | Tensor | None = None) -> Tensor:
        """The output of the last layer.

        Args:
            x: (B, C, H, W) on a grid, (N, C) on a graph.
            domain: of the signal, or torch-geometric's edge_index; a grid may be omitted.

        Raises:
            TypeError: if a layer needs a graph and none is given.
        """
        if is_symbol(x):
            return self._run(x, None)
        here = as_graph(domain, x) if isinstance(domain, Tensor) else domain
        if isinstance(here, (Graph, Frontier)) and x.device.type != "cpu" and not is_transformed():
            with given(x):
                return self._run(x, here)
        return self._run(x, here)

    def _run(self, x: Tensor, here: Domain | None) -> Tensor:
        for layer in self:
            if _is_chain(layer):
                _check_passes_on(layer, here)
            if isinstance(layer, OnDomain):
                x = layer(x, here)
                here = None if here is None else _domain_after(x, layer, here)
            else:
                x = call_as(form_of(layer), layer, x, here)
                if isinstance(x, Tensor):
                    here = None if here is None else here.domain_of(x)
                elif here is not None:
                    x, here = take_pooled(layer, x, here)
        return x

    def out_domain(self, domain: Domain | None) -> Domain | None:
        """The output domain of the last layer.

        Raises:
            ValueError: if the output size of a layer from another library is unknown.
        """
        here = domain
        for name, layer in self.named_children():
            if isinstance(layer, Sequential):
                here = layer.out_domain(here)
            elif here is None:  # no sites, unless a layer makes some again
                made = tuple(getattr(layer, "unflattened_size", ()))
                here = Grid(made[1:]) if len(made) > 1 else None
            elif isinstance(layer, OnDomain):
                here = layer.out_domain(here)
            elif not isinstance(here, Frontier) and here.offsets is None:
                here = _domain_by_running(name, layer, here)
            elif pools(layer):
                raise _unknown(name, layer, here, "it depends on the signal")
        return here


def _is_chain(module: nn.Module) -> bool:
    """Whether a module is a `torch.nn.Sequential`, which passes on the signal alone."""
    return isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward


def _takes_domain(module: nn.Module) -> bool:
    """Whether a module, or one in it, takes a domain; a plain `torch.nn.Sequential` is made to."""
    if not _is_chain(module):
        with contextlib.suppress(TypeError):  # which is said when the layer is called
            return not form_of(module).signal_alone
        return False
    taking = any([_takes_domain(layer) for layer in module.children()])  # all of them
    if taking and type(module) is nn.Sequential:
        module.__class__ = Sequential
    return taking


def _check_passes_on(layer: nn.Module, here: Domain | None) -> None:
    """Check that a `torch.nn.Sequential` loses no domain that a layer in it needs.

    One of a derived class cannot be made to pass it on.
    """
    signal_tells = here is None or isinstance(here, Grid)
    if _takes_domain(layer) and not isinstance(layer, OnDomain) and not signal_tells:
        kind = type(layer).__name__
        taking = next(type(m).__name__ for m in layer.children() if _takes_domain(m))
        got = f"{kind}, a torch.nn.Sequential that contains a {taking}"
        condition = "pass the domain to its layers"
        raise wrong_dtype("module", condition, got, f"Derive {kind} from gv.Sequential.")


def _domain_after(x: Tensor, layer: OnDomain, here: Domain) -> Domain | None:
    """The domain of the output of a layer that takes one; on a grid its shape tells."""
    if isinstance(here, Frontier):  # of which the number of rows tells, unless all are reached
        return layer.out_domain(here) if here.is_closed else here.domain_of(x)
    there: Domain | None = here.domain_of(x) if isinstance(here, Grid) else None
    if there is not None or (isinstance(here, Grid) and isinstance(layer, Sequential)):
        return there
    return layer.out_domain(here)


def _domain_by_running(name: str, layer: nn.Module, domain: Domain) -> Domain | None:
    """The domain after a layer of torch.nn, found by running it on a signal without values."""
    reads = (getattr(m, n, None) for m in layer.modules() for n in _CHANNELS)
    channels = next((n for n in reads if isinstance(n, int)), _ANY_CHANNELS)
    state = chain(layer.named_parameters(), layer.named_buffers())
    blank = {name: value.to("meta") for name, value in state}
    dtype = next((v.dtype for v in blank.values() if v.is_floating_point()), None)
    try:
        with without_compiler(), torch.no_grad():
            x = torch.zeros(domain.signal_shape(channels, 2), dtype=dtype, device="meta")
            return domain.domain_of(functional_call(layer, blank, (x,)))
    except Exception as error:
        reason = f"it raised an error ({str(error).splitlines()[0]})"
        raise _unknown(name, layer, domain, reason) from error


def _unknown(name: str, layer: nn.Module, domain: Domain, reason: str) -> ValueError:
    ours = "gv.GraphPool" if isinstance(domain, Graph) else "gv.Conv2d"
    return ValueError(
        f"The output domain of layer {name!r} ({type(layer).__name__}) on {domain} is unknown: "
        f"{reason}. Use a gnnvision layer, such as {ours}, or define out_domain in the module."
    )


_CHANNELS = ("in_channels", "num_features", "num_channels")
_ANY_CHANNELS = 16  # divisible as pixel shuffles and groups ask for
