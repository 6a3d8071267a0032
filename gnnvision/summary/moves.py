"""Receptive fields after reductions and permutations of dimensions."""

from __future__ import annotations

from math import prod

from gnnvision.summary.field import Field, reshaped
from gnnvision.summary.places import Run
from gnnvision.summary.windows import Arguments, Shape

__all__ = [
    "batch_norm",
    "expand",
    "group_norm",
    "layer_norm",
    "moved",
    "over",
    "reduce",
    "restrided",
    "same",
    "squeeze",
    "unsqueeze",
    "view",
]


def listed(given: Arguments, ndim: int) -> list[int]:
    """The dimensions given by an argument as non-negative indices; all if none is given."""
    dims = given.get("dim", given.get("dims"))
    dims = list(range(ndim)) if dims is None or dims == [] else dims
    return [dim % ndim for dim in (dims if isinstance(dims, (list, tuple)) else [dims])]


def reduce(field: Field, given: Arguments, shape: Shape) -> Field:
    """The field after sums, means and maxima over dimensions."""
    x = next(iter(given.values()))
    gone = listed(given, x.ndim)
    field = field.summed(gone)
    assert field.dims is not None
    kept = len(shape) == x.ndim
    ones = ((Run(1),) if dim in gone else p for dim, p in enumerate(field.dims))
    return field.laid(p for dim, p in enumerate(ones) if kept or dim not in gone).all_settled()


def over(field: Field, given: Arguments, shape: Shape) -> Field:
    """The field after softmax or a Fourier transform, which depend on an entire dimension."""
    dims = listed(given, len(shape))
    field = field.summed(dims)
    for dim in dims:
        field = field.without(dim, shape[dim])
    return field


def layer_norm(field: Field, given: Arguments, shape: Shape) -> Field:
    """The field after layer normalization over the last dimensions."""
    return field.summed(range(len(shape) - len(given["normalized_shape"]), len(shape)))


def group_norm(field: Field, given: Arguments, shape: Shape) -> Field:
    """The field after group normalization over all sites of an image."""
    return field.summed(range(1, len(shape)))


def batch_norm(field: Field, given: Arguments, shape: Shape) -> Field:
    """The field after batch normalization: unchanged with running statistics, else all sites."""
    if not given.get("training") or len(shape) < 2:
        return field
    return field.summed([0, *range(2, len(shape))])


def view(field: Field, given: Arguments, shape: Shape) -> Field:
    """The field after a change of shape."""
    return reshaped(field, shape)


def moved(field: Field, given: Arguments, shape: Shape) -> Field:
    """The field after a permutation of the dimensions."""
    assert field.dims is not None
    ndim = len(shape)
    order = list(range(ndim))
    if "dims" in given:
        order = [dim % ndim for dim in given["dims"]]
    elif ndim > 1:
        a, b = given.get("dim0", 0) % ndim, given.get("dim1", 1) % ndim
        order[a], order[b] = b, a
    return field.laid(field.dims[dim] for dim in order)


def unsqueeze(field: Field, given: Arguments, shape: Shape) -> Field:
    """The field with one more dimension."""
    assert field.dims is not None
    dim = given["dim"] % len(shape)
    return field.laid((*field.dims[:dim], (Run(1),), *field.dims[dim:]))


def squeeze(field: Field, given: Arguments, shape: Shape) -> Field:
    """The field without dimensions of size 1."""
    assert field.dims is not None
    x = given["self"]
    gone = [dim for dim in listed(given, x.ndim) if x.shape[dim] == 1]
    return field.laid(p for dim, p in enumerate(field.dims) if dim not in gone)


def expand(field: Field, given: Arguments, shape: Shape) -> Field:
    """The field after expanding dimensions of size 1."""
    assert field.dims is not None
    more = len(shape) - len(field.dims)
    field = field.laid((*[(Run(1),)] * more, *field.dims))
    for dim, size in enumerate(shape):
        assert field.dims is not None
        if prod(run.size for run in field.dims[dim]) != size:
            field = field.without(dim, size)
    return field


def restrided(field: Field, given: Arguments, shape: Shape) -> Field:
    """The field after a change of strides."""
    x = given["self"]
    return field if list(x.stride()) == list(given["stride"]) else field.lost()


def same(field: Field, given: Arguments, shape: Shape) -> Field:
    """The unchanged field."""
    return field
