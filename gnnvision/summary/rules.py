"""The effect of each torch operation on a receptive field."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import torch
from torch import Tensor
from torch._ops import OpOverload

from gnnvision.summary import moves, windows
from gnnvision.summary.axis import chain
from gnnvision.summary.field import Field, joined
from gnnvision.summary.places import Places, Run
from gnnvision.summary.windows import Arguments, Rule, Shape

__all__ = ["field_after", "is_pointwise"]

Fields = Callable[[object], Field | None]


def field_after(func: OpOverload, given: Arguments, fields: Fields, shape: Shape) -> Field | None:
    """The field of a result; None if it does not depend on the image.

    An operation without a rule preserves fields only if it is elementwise; after any other
    operation they are unknown.

    Args:
        func: the operation.
        given: its arguments by name, the signal first; also the shapes of all its results as
            "pieces", and the index of the result as "position".
        fields: the field of a tensor; None if it does not depend on the image.
        shape: of the result.
    """
    name = short(func)
    if name in BLANK:
        return None
    rule = RULES.get(name)
    if rule is None:
        known = JOINING.get(name, _elementwise if is_pointwise(func) else _unknown)
        field = known(given, fields, shape)
    else:
        field = fields(next(iter(given.values())))
        if field is not None and field.dims is not None:
            try:
                field = rule(field, given, shape)
            except (IndexError, KeyError, TypeError):
                return field.lost()  # a form of the operation that the rule is not written for
    if field is None or field.dims is None:
        return field
    fits = [prod(run.size for run in place) for place in field.dims] == list(shape)
    return field if fits else field.lost()


def short(func: OpOverload) -> str:
    """The name of an operation: "convolution" of "aten::convolution"."""
    return func._schema.name.removeprefix("aten::").removesuffix("_")


def is_pointwise(func: OpOverload) -> bool:
    """Whether an operation is elementwise."""
    return torch.Tag.pointwise in func.tags or short(func) in POINTWISE


def _known(given: Arguments, fields: Fields) -> list[tuple[Tensor, Field]]:
    """The arguments that depend on the image, with their fields."""
    lists = (v if isinstance(v, (list, tuple)) else [v] for v in given.values())
    tensors = (t for values in lists for t in values if isinstance(t, Tensor))
    return [(t, f) for t in tensors if (f := fields(t)) is not None]


def _unknown(given: Arguments, fields: Fields, shape: Shape) -> Field | None:
    """Whatever it does."""
    every = [field.lost() for _, field in _known(given, fields)]
    return joined(every, [], []).laid(None) if every else None


def _elementwise(given: Arguments, fields: Fields, shape: Shape) -> Field | None:
    """Each number from those in the same place, as broadcasting lays them."""
    known = _known(given, fields)
    if not known or any(f.dims is None or t.ndim > len(shape) for t, f in known):
        return _unknown(given, fields, shape)
    if len({f.dims for _, f in known}) > 1:
        known = [(t, f.all_settled()) for t, f in known]
    places: list[list[Places]] = [[] for _ in shape]
    for tensor, field in known:
        assert field.dims is not None
        for dim, place in enumerate(field.dims, len(shape) - tensor.ndim):
            if tensor.shape[dim - len(shape)] == shape[dim]:
                places[dim].append(place)
    return joined([field for _, field in known], places, shape)


def _product(first: str, second: str) -> Callable[[Arguments, Fields, Shape], Field | None]:
    """Matrices (*, M, K) and (*, K, N) to (*, M, N): a sum over K."""

    def rule(given: Arguments, fields: Fields, shape: Shape) -> Field | None:
        batch = len(shape) - 2
        a, b = fields(given[first]), fields(given[second])
        added = fields(given["self"]) if first != "self" else None
        known = [field for field in (a, b, added) if field is not None]
        if any(field.dims is None for field in known):
            return _unknown(given, fields, shape)
        terms: list[Field] = []
        places: list[list[Places]] = [[] for _ in shape]
        for field, kept, gone in ((a, batch, batch + 1), (b, batch + 1, batch)):
            if field is None:
                continue
            # Where sites meet sites, as in attention, each is said to see what all of them do.
            meets = a is not None and b is not None and field.along([kept])
            field = field.summed([gone, kept] if meets else [gone])
            assert field.dims is not None
            terms.append(field.without(kept, shape[kept]) if meets else field)
            for dim in (*range(batch), kept):
                places[dim].append(terms[-1].dims[dim])  # type: ignore[index]
        terms += [] if added is None else [added]
        return joined(terms, places, shape) if terms else None

    return rule


def _joined(given: Arguments, fields: Fields, shape: Shape) -> Field | None:
    """Concatenation; with a dimension of its own for the parts: stacking."""
    tensors = given["tensors"]
    known = [f for t in tensors if (f := fields(t)) is not None]
    if not known or any(not f.dims for f in known):
        return _unknown(given, fields, shape)
    dim = given.get("dim", 0) % len(shape)
    if tensors[0].ndim < len(shape):
        known = [f.laid((*f.dims[:dim], (Run(1),), *f.dims[dim:])) for f in known if f.dims]
    if len({f.dims for f in known}) > 1:
        known = [f.all_settled() for f in known]
    out = joined(known, list(zip(*(f.dims for f in known if f.dims), strict=True)), shape)
    axes = known[0].along([dim])
    if len(axes) == 1:
        # Longer along one axis, not several axes in a row.
        (axis,) = axes
        parts = [None if (f := fields(t)) is None else f.settled(dim).axes[axis] for t in tensors]
        row = chain(list(zip(parts, (t.shape[dim] for t in tensors), strict=True)))
        out = out.changed(axes, lambda _: row).placed(dim, (Run(shape[dim], axes),))
    return out


BLANK = {
    *(f"new_{kind}" for kind in ("zeros", "ones", "full", "empty")),
    *(f"{kind}_like" for kind in ("zeros", "ones", "full", "empty", "rand", "randn")),
}
# Those of which torch does not say so itself.
POINTWISE = {
    *("_conj", "_prelu_kernel", "_to_copy", "bernoulli", "copy", "dropout", "fill", "hardswish"),
    *("lift_fresh", "log_sigmoid_forward", "masked_fill", "native_dropout"),
    *("normal", "rrelu_with_noise", "uniform", "zero"),
}
AXES = (1, 2, 3)
RULES: dict[str, Rule] = {
    **dict.fromkeys(("convolution", "_convolution"), windows.convolution),
    **{f"{kind}_pool{n}d": windows.pool(n) for kind in ("avg", "max") for n in AXES},
    **{f"max_pool{n}d_with_indices": windows.pool(n) for n in AXES},
    **{f"_adaptive_avg_pool{n}d": windows.adaptive for n in AXES[1:]},
    **{f"adaptive_max_pool{n}d": windows.adaptive for n in AXES[1:]},
    **{f"upsample_nearest{n}d": windows.upsample(1, "floor") for n in AXES},
    **{f"_upsample_nearest_exact{n}d": windows.upsample(1) for n in AXES},
    **{f"upsample_{kind}": windows.upsample(2) for kind in ("linear1d", "bilinear2d")},
    "upsample_trilinear3d": windows.upsample(2),
    "upsample_bicubic2d": windows.upsample(4),
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle"), windows.shuffle),
    **{f"reflection_pad{n}d": windows.padded("reflect") for n in AXES},
    **{f"replication_pad{n}d": windows.padded("replicate") for n in AXES},
    "constant_pad_nd": windows.padded("constant"),
    **dict.fromkeys(("split", "split_with_sizes"), windows.parted),
    **dict.fromkeys(("select", "unbind"), windows.select),
    "slice": windows.strided,
    "flip": windows.flipped,
    "roll": windows.rolled,
    **dict.fromkeys(("mean", "sum", "prod", "amax", "amin", "max", "min"), moves.reduce),
    **dict.fromkeys(("var", "std", "var_mean", "logsumexp", "norm"), moves.reduce),
    "linalg_vector_norm": moves.reduce,
    **dict.fromkeys(("_softmax", "_log_softmax", "_safe_softmax"), moves.over),
    **dict.fromkeys(("_fft_r2c", "_fft_c2c", "_fft_c2r"), moves.over),
    "native_layer_norm": moves.layer_norm,
    "native_group_norm": moves.group_norm,
    **dict.fromkeys(("native_batch_norm", "_native_batch_norm_legit"), moves.batch_norm),
    **dict.fromkeys(("view", "_unsafe_view", "_reshape_alias"), moves.view),
    **dict.fromkeys(("permute", "transpose", "t"), moves.moved),
    **dict.fromkeys(("clone", "alias", "detach"), moves.same),
    "as_strided": moves.restrided,
    "unsqueeze": moves.unsqueeze,
    "squeeze": moves.squeeze,
    "expand": moves.expand,
}
JOINING: dict[str, Callable[[Arguments, Fields, Shape], Field | None]] = {
    "mm": _product("self", "mat2"),
    "bmm": _product("self", "mat2"),
    "addmm": _product("mat1", "mat2"),
    "baddbmm": _product("batch1", "batch2"),
    "cat": _joined,
    "stack": _joined,
}
