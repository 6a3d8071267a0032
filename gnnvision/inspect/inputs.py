"""The arguments of a model in a summary: from a domain, from shapes, or as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gnnvision.domains import Domain, Graph, Grid
from gnnvision.errors import integer, invalid, wrong_dtype, wrong_type
from gnnvision.inspect.reach import tensors_in
from gnnvision.layers import Convolution, GraphPool
from gnnvision.layers.calling import check_takes, form_of

__all__ = ["Inputs", "from_data", "from_domain", "from_sizes"]

CONVOLUTION = nn.modules.conv._ConvNd


@dataclass(frozen=True)
class Inputs:
    """The arguments of one call of a model.

    Args:
        args: the positional arguments.
        kwargs: the keyword arguments.
        domain: of the first tensor; None if there is none, and so no receptive fields.
        layout: from values of the sites to a tensor like the first one.
        is_structured: whether operators are made of values of the domain, which so must exist.
        has_values: whether the tensors have values of the user's.
        device: where the model runs; None if that is where it is.
    """

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    domain: Domain | None = None
    layout: Callable[[Tensor], Tensor] = torch.Tensor.clone
    is_structured: bool = False
    has_values: bool = False
    device: torch.device | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the first tensor."""
        tensors = tensors_in([self.args, self.kwargs])
        return tuple(tensors[0].shape) if tensors else ()


def from_domain(
    model: nn.Module,
    domain: Domain,
    channels: int | None,
    batch_size: int,
    nonzeros: int | None,
    dtype: torch.dtype,
) -> Inputs:
    """A signal on a domain.

    Raises:
        TypeError: if the model does not support the domain.
        ValueError: if the number of channels is unknown, or an argument does not fit the domain.
    """
    _check_kind(model, domain)
    channels = _inferred(model, domain) if channels is None else integer("channels", channels, 1)
    domain = domain.to("cpu")
    if domain.offsets is not None and batch_size != 1:
        advice = "Use Graph.batch of several graphs as 'domain'."
        raise invalid("batch_size", "be 1 on a graph", batch_size, advice)
    shape = domain.signal_shape(channels, batch_size)
    x = torch.zeros((), dtype=dtype).expand(shape)
    if nonzeros is not None:
        x = _sparse(shape, nonzeros, domain, dtype)
    elif (model_device := next((p.device for p in model.parameters()), None)) is not None:
        x = torch.zeros((), dtype=dtype, device=model_device).expand(shape)
    args, kwargs = form_of(model).arguments(model, x, domain)
    own = (isinstance(m, Convolution) and not isinstance(m, CONVOLUTION) for m in model.modules())
    on_grid = isinstance(domain, Grid)

    def layout(values: Tensor) -> Tensor:
        if on_grid:
            return values[None, None]
        return domain.from_sites(values.view(-1, *(1,) * (domain.offsets is None), 1))

    return Inputs(args, kwargs, domain, layout, not on_grid or any(own))


def from_sizes(
    model: nn.Module,
    sizes: Sequence[Any],
    batch_dim: int | None,
    dtypes: Sequence[torch.dtype] | None,
    dtype: torch.dtype,
) -> Inputs:
    """One tensor of each shape, or a single one.

    Raises:
        TypeError: if a size is not an integer.
        ValueError: if a size is not positive, or the number of dtypes is not that of the shapes.
    """
    single = all(isinstance(size, (int, np.integer)) for size in sizes) and len(sizes) > 0
    shapes = [list(sizes)] if single else [list(size) for size in sizes]
    for shape in shapes:
        if batch_dim is not None:
            shape.insert(batch_dim, 1)
        for size in shape:
            integer("input_size", size, 1)
    kinds = [dtype] * len(shapes) if dtypes is None else list(dtypes)
    if len(kinds) != len(shapes):
        advice = "Give one dtype for each shape."
        raise invalid("dtypes", f"have {len(shapes)} elements", len(kinds), advice)
    args = tuple(torch.zeros((), dtype=k).expand(s) for k, s in zip(kinds, shapes, strict=True))
    return _with_grid(model, args, {})


def from_data(model: nn.Module, data: Any, batch_dim: int | None) -> Inputs:  # noqa: ANN401
    """The arguments themselves: a tensor, a sequence of arguments, or a mapping of named ones.

    Raises:
        TypeError: if it is none of these.
    """
    if isinstance(data, np.ndarray):
        data = torch.from_numpy(data)
    if isinstance(data, Tensor):
        data = [data if batch_dim is None else data.unsqueeze(batch_dim)]
    if isinstance(data, Mapping):
        return _with_grid(model, (), {str(name): value for name, value in data.items()})
    if not isinstance(data, Sequence) or isinstance(data, str):
        advice = "Pass a list of arguments, or a dictionary of named ones."
        raise wrong_type("input_data", "be a tensor, a list or a dictionary", data, advice)
    return _with_grid(model, tuple(data), {})


def _with_grid(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Inputs:
    """The arguments, with the grid of the first tensor if the model has convolutions over it."""
    first = next(iter(tensors_in([args, kwargs])), None)
    convolutions = (m for m in model.modules() if isinstance(m, CONVOLUTION))
    count = next((len(m.kernel_size) for m in convolutions), 0)
    grid, extra = None, 0
    if first is not None and count and first.ndim > count and first.is_floating_point():
        grid, extra = Grid(tuple(first.shape[-count:])), first.ndim - count
    return Inputs(args, kwargs, grid, lambda values: values[(None,) * extra])


def _sparse(shape: Sequence[int], nonzeros: int, domain: Domain, dtype: torch.dtype) -> Tensor:
    """A sparse signal with this number of stored zeros."""
    if domain.offsets is None:
        raise invalid("nonzeros", "be left out on a grid", nonzeros, "Images are dense.")
    rows, channels = shape
    if integer("nonzeros", nonzeros, 0) > rows * channels:
        condition = f"be at most {rows} x {channels}"
        raise invalid("nonzeros", condition, nonzeros, "Count the nonzero features.")
    flat = torch.arange(nonzeros) * (rows * channels) // max(1, nonzeros)
    places = torch.stack([flat // channels, flat % channels])
    values = torch.zeros(nonzeros, dtype=dtype)
    return torch.sparse_coo_tensor(
        places, values, (rows, channels), is_coalesced=True, check_invariants=False
    )


def _check_kind(model: nn.Module, domain: Domain) -> None:
    """Check that the model and the domain match."""
    if isinstance(domain, Grid):
        for name, module in model.named_modules():
            if isinstance(module, GraphPool) or getattr(module, "kind", Grid) is Graph:
                condition = f"be a Graph for layer '{name}' ({type(module).__name__})"
                advice = "Pass the graph of the node features."
                raise wrong_dtype("domain", condition, domain, advice)
    elif form_of(model).signal_alone:
        condition = f"be a Grid for {type(model).__name__}, whose forward takes no graph"
        advice = "Pass a grid, or a model whose forward takes (x, graph)."
        raise wrong_dtype("domain", condition, domain, advice)
    check_takes(model, domain)


def _inferred(model: nn.Module, domain: Domain) -> int:
    """The number of input channels of the first layer with weights."""
    for module in model.modules():
        if isinstance(module, (CONVOLUTION, Convolution)) and hasattr(module, "in_channels"):
            if module.in_channels is not None:
                return int(module.in_channels)
        elif isinstance(module, nn.Linear):
            sites = domain.num_sites if isinstance(domain, Grid) else 1
            if module.in_features % sites == 0:
                return module.in_features // sites
            break
    condition = f"be given for {type(model).__name__} on {domain}"
    advice = "It cannot be inferred from the first layer."
    raise invalid("channels", condition, None, advice)
