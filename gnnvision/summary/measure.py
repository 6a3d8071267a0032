"""The function `summary`."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from gnnvision.domains import Domain, Graph, Grid
from gnnvision.errors import integer, invalid, wrong_dtype, wrong_type
from gnnvision.layers import GraphPool
from gnnvision.layers.calling import check_takes, form_of
from gnnvision.layers.graph import FamilyConvolution
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
    """Summarize the layers of a network: shapes, parameters, costs and receptive fields.

    No values are computed: the model is called in evaluation mode on a meta tensor, which has a
    shape but no values, so that weights are not read and no memory is allocated. The model is not
    changed.

    * Parameters are counted once, in the first layer that uses them.
    * MACs (multiply-accumulates): a convolution has one for each output value, input channel (of
      its group) and site of the window; a linear layer one for each weight and row. A graph
      convolution has one for each entry of each Sₖ and column that it multiplies, and
      N C_in C_out for each product with a Wₖ, in the order in which the layer multiplies (Sₖ first
      if Wₖ adds columns); attention one for each product of query and key, and of weight and
      value. Biases, norms, activations, pooling and readout have none.
    * Memory is that of the outputs of layers and of other intermediate results, which training
      keeps for the backward pass. In-place operations and views need none.
    * Receptive field: on a grid, its size along each axis is r = Σ (f - 1) j + 1, where the jump
      j = Π s over the previous layers; several branches are merged. Padding counts, so that near
      the border, or for a small image, it is larger than the input. On a graph it is a number of
      hops; from nodes to their outgoing edges there is none. It is "?" after an operation whose
      effect on sites is unknown.

    Args:
        model: a module that takes images (B, C, *size), or node features (N, C) and a graph.
        domain: a grid or a graph.
        channels: C; by default the number that the first convolution or linear layer takes.
        batch_size: B, the number of images; all results except the parameters are for the batch.
            For several graphs use `Graph.batch`.
        nonzeros: the number of nonzero node features, if they are sparse.
        depth: how many levels of nested modules to show; all if not given.
        dtype: the dtype of the signal; by default that of the parameters.

    Returns:
        The summary, which prints as a table.

    Raises:
        TypeError: if an argument has the wrong type, or the model does not support the domain.
        ValueError: if a layer does not accept the shape, has uninitialized parameters, or the
            model has data-dependent control flow.

    Example:
        >>> from gnnvision.layers import Conv2d, MaxPool2d, Readout, Sequential
        >>> model = Sequential(Conv2d(1, 6, 5), MaxPool2d(2), Readout("mean"), nn.Linear(6, 10))
        >>> result = summary(model, Grid((28, 28)))
        >>> result.total_parameters, result.total_macs, result.output_shape
        (226, 86460, (1, 10))
        >>> [str(layer.reach) for layer in result.layers]
        ['5 × 5', '6 × 6', 'entire input', 'entire input']
    """
    if not isinstance(model, nn.Module):
        raise wrong_type("model", "be a torch.nn.Module", model, "Pass the network itself.")
    whole = (torch.jit.ScriptModule, nn.DataParallel)
    for name, module in model.named_modules():
        if isinstance(module, whole):
            got = f"{type(module).__name__}{f' as layer {name!r}' if name else ''}"
            advice = "Pass the module inside it."
            condition = "not contain TorchScript or DataParallel modules"
            raise wrong_dtype("model", condition, got, advice)
    if not isinstance(domain, (Grid, Graph)):
        advice = "Use for example Grid((28, 28))."
        raise wrong_type("domain", "be a Grid or a Graph", domain, advice)
    checked_depth(depth)
    integer("batch_size", batch_size, 1)
    _check_built(model)
    _check_kind(model, domain)
    channels = _inferred(model, domain) if channels is None else integer("channels", channels, 1)
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
    """The shape of the signal, or a sparse signal of this number of stored zeros."""
    if isinstance(domain, Grid):
        if nonzeros is not None:
            raise invalid("nonzeros", "be left out on a grid", nonzeros, "Images are dense.")
        return (batch_size, channels, *domain.shape)
    if batch_size != 1:
        advice = "Use Graph.batch of several graphs as 'domain'."
        raise invalid("batch_size", "be 1 on a graph", batch_size, advice)
    shape = (domain.num_nodes, channels)
    if nonzeros is None:
        return shape
    if integer("nonzeros", nonzeros, 0) > shape[0] * channels:
        condition = f"be at most {shape[0]} x {channels}"
        raise invalid("nonzeros", condition, nonzeros, "Count the nonzero features.")
    flat = torch.arange(nonzeros) * (shape[0] * channels) // max(1, nonzeros)
    places = torch.stack([flat // channels, flat % channels])
    values = torch.zeros(nonzeros, dtype=dtype)
    return torch.sparse_coo_tensor(
        places, values, shape, is_coalesced=True, check_invariants=False
    )


def _check_built(model: nn.Module) -> None:
    """Check that no layer is lazy."""
    for name, module in model.named_modules():
        own = [*module._parameters.values(), *module._buffers.values()]
        if any(is_lazy(value) for value in own):
            kind = type(module).__name__
            got = f"layer '{name}' ({kind}), which creates them on its first call"
            advice = "Call the model once, or give the layer its number of channels."
            raise invalid("model", "have all its parameters", got, advice)


def _check_kind(model: nn.Module, domain: Grid | Graph) -> None:
    """Check that the model and the domain match."""
    if isinstance(domain, Grid):
        for name, module in model.named_modules():
            if isinstance(module, (FamilyConvolution, GraphPool)):
                condition = f"be a Graph for layer '{name}' ({type(module).__name__})"
                advice = "Pass the graph of the node features."
                raise wrong_dtype("domain", condition, domain, advice)
    elif form_of(model).signal_alone:
        condition = f"be a Grid for {type(model).__name__}, whose forward takes no graph"
        advice = "Pass a grid, or a model whose forward takes (x, graph)."
        raise wrong_dtype("domain", condition, domain, advice)
    check_takes(model, domain)


def _inferred(model: nn.Module, domain: Grid | Graph) -> int:
    """The number of input channels of the first layer with weights."""
    for module in model.modules():
        if isinstance(module, (nn.modules.conv._ConvNd, FamilyConvolution)):
            return module.in_channels
        if isinstance(module, nn.Linear):
            sites = domain.num_sites if isinstance(domain, Grid) else 1
            if module.in_features % sites == 0:
                return module.in_features // sites
            break
    condition = f"be given for {type(model).__name__} on {domain}"
    advice = "It cannot be inferred from the first layer."
    raise invalid("channels", condition, None, advice)
