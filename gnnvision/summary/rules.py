"""What each operation of the framework does to a receptive field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod

from torch import Tensor

from gnnvision.summary import moves, windows
from gnnvision.summary.field import Field, larger
from gnnvision.summary.places import Places, Run, together
from gnnvision.summary.windows import Arguments, Rule, Shape

__all__ = ["field_after"]

Fields = Callable[[object], Field | None]


def field_after(name: str, given: Arguments, fields: Fields, shape: Shape) -> Field | None:
    """The field of a result; None if it does not depend on the picture.

    Args:
        name: of the operation, for example "aten::convolution".
        given: its arguments by name, the signal first; then the shapes of all its results as
            "pieces", and which of them is asked for as "position".
        fields: the field of a tensor; None if it does not depend on the picture.
        shape: of the result.
    """
    short = name.removeprefix("aten::").removesuffix("_")
    if short in BLANK:
        return None
    rule = RULES.get(short)
    if rule is None:
        field = JOINING.get(short, _elementwise)(given, fields, shape)
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


def _elementwise(given: Arguments, fields: Fields, shape: Shape) -> Field | None:
    """Each number from those in the same place; any other operation loses track."""
    lists = (v if isinstance(v, (list, tuple)) else [v] for v in given.values())
    tensors = [t for values in lists for t in values if isinstance(t, Tensor)]
    known = [(t, f) for t in tensors if (f := fields(t)) is not None]
    if not known:
        return None
    every = [f for _, f in known]
    aligned = all(
        t.ndim <= len(shape)
        and all(n in (1, m) for n, m in zip(reversed(t.shape), reversed(shape), strict=False))
        for t, _ in known
    )
    if not aligned or any(f.dims is None for f in every):
        return larger(every, None).lost()
    places = []
    for dim, size in enumerate(shape):
        shifted = ((f, dim - len(shape) + t.ndim) for t, f in known)
        here = [f.dims[d] for f, d in shifted if d >= 0 and f.dims is not None]
        full = [p for p in here if prod(run.size for run in p) == size]
        places.append(together(full, size))
    return larger(every, places)


def _product(first: str, second: str) -> Callable[[Arguments, Fields, Shape], Field | None]:
    """Matrices (*, M, K) and (*, K, N) to (*, M, N): a sum over K."""

    def rule(given: Arguments, fields: Fields, shape: Shape) -> Field | None:
        batch = len(shape) - 2
        terms: list[Field] = []
        ends: list[list[Places]] = [[] for _ in shape]
        for name, kept, summed in ((first, batch, batch + 1), (second, batch + 1, batch)):
            field = fields(given[name])
            if field is None:
                continue
            if field.dims is None:
                return field
            terms.append(field.summed([summed]))
            for dim in (*range(batch), kept):
                ends[dim].append(field.dims[dim])
        added = fields(given["self"]) if first != "self" else None
        if added is not None:
            terms.append(added)
        if not terms:
            return None
        return larger(terms, (together(p, n) for p, n in zip(ends, shape, strict=True)))

    return rule


def _joined(given: Arguments, fields: Fields, shape: Shape) -> Field | None:
    """Concatenation; with a dimension of its own for the parts: stacking."""
    known = [f for t in given["tensors"] if (f := fields(t)) is not None]
    if not known or any(f.dims is None for f in known):
        return larger(known, None) if known else None
    dim = given.get("dim", 0) % len(shape)
    every = [list(f.dims) for f in known if f.dims is not None and f.dims]
    if all(len(places) == len(shape) - 1 for places in every):
        for places in every:
            places.insert(dim, (Run(1),))
    columns = zip(*every, strict=True)
    out = larger(known, [together(p, n) for p, n in zip(columns, shape, strict=True)])
    axes = out.axes([dim])
    if len(axes) == 1:  # longer along one axis, not several axes in a row
        extent = list(out.extent)
        extent[next(iter(axes))] = shape[dim]
        return replace(out, extent=tuple(extent))
    return out


BLANK = {
    *(f"new_{kind}" for kind in ("zeros", "ones", "full", "empty")),
    *(f"{kind}_like" for kind in ("zeros", "ones", "full", "empty", "rand", "randn")),
}
AXES = (1, 2, 3)
RULES: dict[str, Rule] = {
    **dict.fromkeys(("convolution", "_convolution"), windows.convolution),
    **{f"{kind}_pool{n}d": windows.pool(n) for kind in ("avg", "max") for n in AXES},
    **{f"max_pool{n}d_with_indices": windows.pool(n) for n in AXES},
    **{f"_adaptive_avg_pool{n}d": windows.adaptive for n in AXES},
    **{f"adaptive_max_pool{n}d": windows.adaptive for n in AXES},
    **{f"upsample_nearest{n}d": windows.upsample(1) for n in AXES},
    **{f"_upsample_nearest_exact{n}d": windows.upsample(1) for n in AXES},
    **{f"upsample_{kind}": windows.upsample(2) for kind in ("linear1d", "bilinear2d")},
    "upsample_trilinear3d": windows.upsample(2),
    "upsample_bicubic2d": windows.upsample(4),
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle"), windows.shuffle),
    **{f"reflection_pad{n}d": windows.padded for n in AXES},
    **{f"replication_pad{n}d": windows.padded for n in AXES},
    "constant_pad_nd": windows.padded,
    **dict.fromkeys(("split", "split_with_sizes"), windows.parted),
    "slice": windows.strided,
    "roll": windows.rolled,
    **dict.fromkeys(("mean", "sum", "prod", "amax", "amin", "max", "min"), moves.reduce),
    **dict.fromkeys(("var", "std", "var_mean", "logsumexp", "norm"), moves.reduce),
    "linalg_vector_norm": moves.reduce,
    **dict.fromkeys(("_softmax", "_log_softmax", "_safe_softmax"), moves.over),
    "native_layer_norm": moves.layer_norm,
    "native_group_norm": moves.group_norm,
    **dict.fromkeys(("native_batch_norm", "_native_batch_norm_legit"), moves.batch_norm),
    **dict.fromkeys(("view", "_unsafe_view", "_reshape_alias"), moves.view),
    **dict.fromkeys(("permute", "transpose", "t"), moves.moved),
    **dict.fromkeys(("clone", "alias", "detach"), moves.same),
    **dict.fromkeys(("select", "unbind"), moves.select),
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
