"""The function `summary`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from gnnvision.domains import Domain, Grid
from gnnvision.errors import integer, invalid, one_of, wrong_dtype, wrong_type
from gnnvision.inspect.assembly import assembled
from gnnvision.inspect.inputs import Inputs, from_data, from_domain, from_sizes
from gnnvision.inspect.network import Summary
from gnnvision.inspect.probe import Probe
from gnnvision.inspect.reach import Mask
from gnnvision.inspect.run import run
from gnnvision.inspect.watch import Call
from gnnvision.layers.calling import form_of

__all__ = ["summary"]


def summary(
    model: nn.Module,
    domain: Domain | Tensor | Sequence[Any] | None = None,
    channels: int | None = None,
    *,
    input_data: Any = None,  # noqa: ANN401
    batch_size: int = 1,
    batch_dim: int | None = None,
    nonzeros: int | None = None,
    depth: int | None = None,
    dtype: torch.dtype | None = None,
    dtypes: Sequence[torch.dtype] | None = None,
    device: torch.device | str | None = None,
    mode: Literal["eval", "train"] = "eval",
    **arguments: Any,  # noqa: ANN401
) -> Summary:
    """Summarize the layers of a network: shapes, parameters, costs and receptive fields.

    No values are computed: the model is called in evaluation mode on a meta tensor, which has a
    shape but no values, so that weights are not read and no memory is allocated. The model is not
    changed.

    * Parameters are counted once, in the first layer that uses them.
    * MACs (multiply-accumulates) are half of what torch's flop counter counts: a convolution has
      one for each output value, input channel (of its group) and site of the window; a linear
      layer one for each weight and row. A graph convolution has one for each entry of each Sₖ and
      column that it multiplies, and N C_in C_out for each product with a Wₖ, in the order in
      which the layer multiplies; attention one for each product of query and key, and of weight
      and value. Biases, norms, activations, pooling and readout have none.
    * Memory is that of the outputs of layers and of other intermediate results, which training
      keeps for the backward pass. In-place operations and views need none.
    * Receptive field: on a grid, its size along each axis is r = Σ (f - 1) j + 1, where the jump
      j = Π s over the previous layers; several branches are merged. Padding counts, so that near
      the border, or for a small image, it is larger than the input. On a graph it is a number
      of hops, the steps of the operators Sₖ; on any other domain the largest number of sites, by
      products of the patterns of the Sₖ. It is "?" after an operation whose effect on
      sites is unknown.

    Args:
        model: any module.
        domain: a grid or a graph, for a model that takes a signal (B, C, *size) or (N, C); or
            the shape of the input, as (1, 3, 224, 224); or several shapes in a list; or the input
            itself. Without any, only parameters are counted.
        channels: C on a domain; by default the number that the first convolution or linear layer
            takes.
        input_data: instead of `domain`, the input tensor, a list of arguments, or a dictionary of
            named ones, nested in any way. Values are used only if the control flow of the model
            depends on them.
        batch_size: B, the number of images on a grid; all results except the parameters are for
            the batch. For several graphs use `Graph.batch`.
        batch_dim: a dimension of size 1 to insert into shapes and tensors given without it.
        nonzeros: the number of nonzero node features, if they are sparse.
        depth: how many levels of nested modules to show; all if not given.
        dtype: the dtype of the signal; by default that of the parameters.
        dtypes: the dtypes of several shapes.
        device: where the model is to run; by default where it is.
        mode: whether the model runs in evaluation or in training mode.
        **arguments: further named arguments of the model's forward.

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
        >>> summary(model, (64, 1, 28, 28)).output_shape
        (64, 10)
    """
    _check_model(model)
    one_of("mode", mode, ("eval", "train"))
    integer("batch_size", batch_size, 1)
    if depth is not None:
        integer("depth", depth, 0)
    floating = (p.dtype for p in model.parameters() if p.is_floating_point())
    dtype = dtype or next(floating, torch.get_default_dtype())
    if domain is not None and input_data is not None:
        raise invalid("input_data", "not be given together with 'domain'", "both", "Give one.")
    if isinstance(domain, Domain):
        inputs = from_domain(model, domain, channels, batch_size, nonzeros, dtype)
    elif isinstance(domain, Sequence) and not isinstance(domain, str):
        inputs = from_sizes(model, domain, batch_dim, dtypes, dtype)
    elif domain is not None and not isinstance(domain, Tensor):
        advice = "Use for example Grid((28, 28)), or (1, 3, 28, 28)."
        raise wrong_type("domain", "be a Grid or a Graph, or a shape", domain, advice)
    elif domain is not None or input_data is not None:
        data = domain if input_data is None else input_data
        inputs = replace(from_data(model, data, batch_dim), has_values=True)
    else:
        network = assembled(model, Call("", model), [], {})
        return Summary(network, None, (), _bytes(model)).at_depth(depth)
    _check_built(model)
    kwargs = {**inputs.kwargs, **arguments}
    if len(inputs.args) == 1 and not kwargs and isinstance(inputs.domain, Grid):
        args, kwargs = form_of(model).arguments(model, inputs.args[0], inputs.domain)
        inputs = replace(inputs, args=args)
    where = None if device is None else torch.device(device)
    inputs = replace(inputs, kwargs=kwargs, device=where)
    probe = None if inputs.domain is None else Probe(inputs.domain)
    calls, used = run(model, inputs, probe, mode)
    masks = _masks(model, inputs, mode)
    reaches = {
        call: replace(call.reach, mask=masks(i)) for i, call in enumerate(calls) if call.reach
    }
    network = assembled(model, calls[-1], used, reaches)
    on = domain if isinstance(domain, Domain) else inputs.domain
    return Summary(network, on, inputs.shape, _bytes(model)).at_depth(depth)


def _masks(model: nn.Module, inputs: Inputs, mode: str) -> Callable[..., Any]:
    """For each call a function to masks, by the flows of a second run when needed."""

    @cache
    def flows() -> tuple[Probe, list[Call]]:
        assert inputs.domain is not None
        probe = Probe(inputs.domain, as_flow=True)
        return probe, run(model, inputs, probe, mode)[0]

    def mask(number: int, index: Sequence[int]) -> Mask | None:
        probe, calls = flows()
        seen = calls[number].seen
        return None if seen is None else probe.mask(seen.parts[0], index)

    return lambda number: partial(mask, number)


def _bytes(model: nn.Module) -> int:
    built = (p for p in model.parameters() if not is_lazy(p))
    return sum(p.numel() * p.element_size() for p in built)


def _check_model(model: nn.Module) -> None:
    """Check that this is a module that can be watched."""
    if not isinstance(model, nn.Module):
        raise wrong_type("model", "be a torch.nn.Module", model, "Pass the network itself.")
    for name, module in model.named_modules():
        if isinstance(module, (torch.jit.ScriptModule, nn.DataParallel)):
            got = f"{type(module).__name__}{f' as layer {name!r}' if name else ''}"
            advice = "Pass the module inside it."
            condition = "not contain TorchScript or DataParallel modules"
            raise wrong_dtype("model", condition, got, advice)


def _check_built(model: nn.Module) -> None:
    """Check that no layer is lazy."""
    for name, module in model.named_modules():
        own = [*module._parameters.values(), *module._buffers.values()]
        if any(is_lazy(value) for value in own):
            kind = type(module).__name__
            got = f"layer '{name}' ({kind}), which creates them on its first call"
            advice = "Call the model once, or give the layer its number of channels."
            raise invalid("model", "have all its parameters", got, advice)
