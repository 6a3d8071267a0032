"""The arithmetic of a network, before it runs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from gnnvision.domains import Domain, Graph, Grid
from gnnvision.layers import GraphPool
from gnnvision.layers.calling import check_takes, form_of
from gnnvision.layers.graph import GraphConvolution
from gnnvision.summary.assemble import assemble
from gnnvision.summary.network import Summary, checked_depth
from gnnvision.summary.trace import trace

__all__ = ["summary"]


def summary(
    model: nn.Module,
    domain: Domain,
    channels: int | None = None,
    *,
    batch_size: int = 1,
    nonzeros: int | None = None,
    depth: int | None = None,
    dtype: torch.dtype | None = None,
) -> Summary:
    """The layers of a network with their shapes, parameters, costs and receptive fields.

    Nothing is computed: the model is called in evaluation mode on a signal that has a shape but
    no numbers, so weights are not read and no memory is taken, and afterwards it is as it was.

    * Parameters are counted once, with the first layer that uses them.
    * A multiply-accumulate is a product that is added to a sum. A convolution has one for each
      output number, input channel (of its group) and site of the window; a linear layer one for
      each weight and row. A graph convolution has one for each entry of each Sₖ and column that
      it multiplies, and N C_in C_out for each product with a Wₖ, in the order in which the layer
      multiplies (Sₖ first where Wₖ widens); attention one for each product of query and key, and
      of weight and value. Biases, norms, activations, pooling and readout have none.
    * Memory is that of the outputs of the layers, and of what the model makes between them: what
      training keeps for the backward pass. What runs in place and views cost nothing.
    * A layer sees so many sites along each axis of a grid: r = Σ (f - 1) j + 1 with the
      jump j = Π s over the layers before; of several branches all between their ends. Margins
      count, so near the border, or in a small picture, it is more than there is. Of a graph it
      sees nodes within so many hops; from nodes to the edges that leave them is none. After an
      operation of which it is not known how it mixes sites, "?" stands for what is seen.

    Args:
        model: any module from pictures (B, C, *size), or one from node features (N, C) and a
            graph, as ours are.
        domain: a grid or a graph.
        channels: C; that of the first convolution or linear layer if not given.
        batch_size: B, the pictures that go through together; everything but the parameters is
            for all of them. Several graphs are one: `Graph.batch`.
        nonzeros: how many numbers of node features are stored, if they are sparse.
        depth: how many levels of blocks to open; all if not given.
        dtype: of the signal; that of the parameters if not given.

    Raises:
        TypeError: if an argument is of another kind, or the model does not work on the domain.
        ValueError: if a layer refuses the shape, has no parameters yet, or the way through the
            model depends on the numbers of the signal.

    Example:
        >>> from gnnvision.layers import Conv2d, MaxPool2d, Readout, Sequential
        >>> model = Sequential(Conv2d(1, 6, 5), MaxPool2d(2), Readout("mean"), nn.Linear(6, 10))
        >>> result = summary(model, Grid((28, 28)))
        >>> result.total_parameters, result.total_macs, result.output_shape
        (226, 86460, (1, 10))
        >>> [str(layer.reach) for layer in result.layers]
        ['5 × 5', '6 × 6', 'everything', 'everything']
    """
    if not isinstance(model, nn.Module):
        raise TypeError(
            f"'model' must be a torch.nn.Module, got {type(model).__name__}. "
            "Give the network itself."
        )
    whole = (torch.jit.ScriptModule, nn.DataParallel)
    for name, module in model.named_modules():
        if isinstance(module, whole):
            raise TypeError(
                f"'model' must be made of plain modules, got {type(module).__name__} "
                f"{f'as {name!r}' if name else 'itself'}. Give the module that is inside it."
            )
    if not isinstance(domain, (Grid, Graph)):
        raise TypeError(
            f"'domain' must be a Grid or a Graph, got {type(domain).__name__}. "
            "Write for example Grid((28, 28))."
        )
    checked_depth(depth)
    _count("batch_size", batch_size)
    _check_built(model)
    _check_kind(model, domain)
    channels = _inferred(model, domain) if channels is None else _count("channels", channels)
    floating = (p.dtype for p in model.parameters() if p.is_floating_point())
    dtype = dtype or next(floating, torch.get_default_dtype())
    x = _signal(domain, channels, batch_size, nonzeros, dtype)
    traced = trace(model, x, domain.to("cpu"), dtype)
    return Summary(
        network=assemble(model, traced),
        domain=domain,
        input_shape=tuple(x.shape) if isinstance(x, Tensor) else x,
        parameter_bytes=sum(p.numel() * p.element_size() for p in model.parameters()),
        depth=depth,
    )


def _signal(
    domain: Grid | Graph, channels: int, batch_size: int, nonzeros: int | None, dtype: torch.dtype
) -> Tensor | tuple[int, ...]:
    """The shape of the signal, or a sparse one with so many stored zeros."""
    if isinstance(domain, Grid):
        if nonzeros is not None:
            raise ValueError(
                f"'nonzeros' must be left out on a grid, got {nonzeros}. Pictures are dense."
            )
        return (batch_size, channels, *domain.size)
    if batch_size != 1:
        raise ValueError(
            f"'batch_size' must be 1 on a graph, got {batch_size}. "
            "Give Graph.batch of several graphs as 'domain'."
        )
    shape = (domain.num_nodes, channels)
    if nonzeros is None:
        return shape
    if not 0 <= _count("nonzeros", nonzeros, least=0) <= shape[0] * channels:
        raise ValueError(
            f"'nonzeros' must be at most {shape[0]} x {channels}, got {nonzeros}. "
            "Count the numbers that are not zero."
        )
    flat = torch.arange(nonzeros) * (shape[0] * channels) // max(1, nonzeros)
    places = torch.stack([flat // channels, flat % channels])
    values = torch.zeros(nonzeros, dtype=dtype)
    return torch.sparse_coo_tensor(
        places, values, shape, is_coalesced=True, check_invariants=False
    )


def _count(name: str, value: int, least: int = 1) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"'{name}' must be an integer, got {value!r}. Give a count.")
    if value < least:
        raise ValueError(f"'{name}' must be at least {least}, got {value}. Give a count.")
    return value


def _check_built(model: nn.Module) -> None:
    """No layer waits for its first signal to know its own shape."""
    for name, module in model.named_modules():
        own = [*module._parameters.values(), *module._buffers.values()]
        if any(is_lazy(value) for value in own):
            raise ValueError(
                f"'model' must have all its parameters, got layer '{name}' "
                f"({type(module).__name__}), which makes them on its first call. "
                "Call the model once on a signal, or give the layer its number of channels."
            )


def _check_kind(model: nn.Module, domain: Grid | Graph) -> None:
    """A model for graphs gets a graph, one that takes the signal alone gets pictures."""
    if isinstance(domain, Grid):
        for name, module in model.named_modules():
            if isinstance(module, (GraphConvolution, GraphPool)):
                raise TypeError(
                    f"'domain' must be a Graph for layer '{name}' ({type(module).__name__}), "
                    f"got {domain}. Give the graph of the node features."
                )
    elif form_of(model).signal_alone:
        raise TypeError(
            f"'domain' must be a Grid for {type(model).__name__}, whose forward takes no graph, "
            f"got {domain}. Give a grid, or a model whose forward is (x, graph)."
        )
    check_takes(model, domain)


def _inferred(model: nn.Module, domain: Grid | Graph) -> int:
    """The channels that the first layer with weights reads."""
    for module in model.modules():
        if isinstance(module, (nn.modules.conv._ConvNd, GraphConvolution)):
            return module.in_channels
        if isinstance(module, nn.Linear):
            sites = domain.num_sites if isinstance(domain, Grid) else 1
            if module.in_features % sites == 0:
                return module.in_features // sites
            break
    raise ValueError(
        f"'channels' must be given for {type(model).__name__} on {domain}, got None. "
        "Its first layer does not tell."
    )
