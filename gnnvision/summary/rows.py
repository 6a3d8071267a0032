"""The effect of each torch operation on the receptive fields of rows on a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch._subclasses.fake_tensor import FakeTensor

from gnnvision.domains import Graph
from gnnvision.errors import wrong_dtype
from gnnvision.layers import GATv2Conv, GraphPool, Readout
from gnnvision.operators.attention import attention_edges
from gnnvision.operators.cluster import coarsen
from gnnvision.summary.hops import Hops, Link, Numbers, made
from gnnvision.summary.moves import listed
from gnnvision.summary.reach import tensors_in
from gnnvision.summary.rules import BLANK, is_pointwise, short
from gnnvision.summary.windows import Arguments

__all__ = ["hops_after", "hops_of_layer"]

Seen = Callable[[object], Hops | None]
Rule = Callable[[Arguments, Seen, int], Hops | None]


def hops_after(
    func: OpOverload, given: Arguments, seen: Seen, shape: Sequence[int]
) -> Hops | None:
    """The receptive fields of the rows of a result; None if it does not depend on the signal.

    Rows are those of the first dimension. An operation without a rule preserves them only if it is
    elementwise; after any other operation they are unknown.

    Args:
        func: the operation.
        given: its arguments by name.
        seen: the receptive fields of the rows of a tensor; None if independent of the signal.
        shape: of the result.
    """
    name = short(func)
    known = [hops for t in tensors_in(given) if (hops := seen(t)) is not None]
    if not known or name in BLANK | PLACES:
        return None
    count = shape[0] if shape else 1
    if is_pointwise(func):
        return _together(known, count)
    rule = RULES.get(name)
    hops = None if rule is None else rule(given, seen, count)
    return made([Link(hops.lost(count)) for hops in known], count) if hops is None else hops


def hops_of_layer(module: nn.Module, args: Sequence[Any], seen: Seen, count: int) -> Hops | None:
    """The receptive fields of the output rows of a layer, for layers with their own rule."""
    graph = next((value for value in args if isinstance(value, Graph)), None)
    before = next((hops for t in tensors_in(args) if (hops := seen(t)) is not None), None)
    if before is None:
        return None
    if isinstance(module, Readout):
        return before.everything(count)
    if isinstance(module, GraphPool) and graph is not None:
        cluster: Any = module.cluster
        coarse = coarsen(graph, module.kernel_size, cluster)
        rows = _runs(coarse.starts)
        size = module.kernel_size if cluster is None else None
        return before.pooled(rows, _real(coarse.order), count, size)
    if isinstance(module, GATv2Conv) and graph is not None:
        pattern = attention_edges(graph, module.add_self_loops).pattern
        return before.stepped(_real(pattern.row), _real(pattern.col), count)
    return None


def _real(tensor: Tensor) -> Numbers:
    """The numbers of a tensor that has some.

    Raises:
        TypeError: if it has none.
    """
    if isinstance(tensor, FakeTensor):
        raise wrong_dtype("tensor", "have values", "a meta tensor", "Use its shape.")
    return np.asarray(tensor.detach().cpu().numpy(), dtype=np.int64)


def _runs(starts: Tensor) -> Numbers:
    """The number of the run in which each entry is."""
    sizes = np.diff(_real(starts))
    return np.arange(len(sizes)).repeat(sizes)


def _together(known: Sequence[Hops], count: int) -> Hops:
    """Each row is made of the same row of every tensor."""
    each = list(dict.fromkeys(known))
    if len(each) == 1 and each[0].count == count:
        return each[0]
    return made([Link(hops) for hops in each], count, at=each[0].at)


def _first(given: Arguments) -> Tensor:
    tensor = next(iter(given.values()))
    assert isinstance(tensor, Tensor)
    return tensor


def _same(given: Arguments, seen: Seen, count: int) -> Hops | None:
    """Operations within each row."""
    return _together([h for t in tensors_in(given) if (h := seen(t)) is not None], count)


def _within(more: int) -> Rule:
    """Operations along other dimensions than that of the rows, of which there are `more`."""

    def rule(given: Arguments, seen: Seen, count: int) -> Hops | None:
        ndim = tensors_in(given)[0].ndim + more
        return None if 0 in listed(given, ndim) else _same(given, seen, count)

    return rule


def _over(given: Arguments, seen: Seen, count: int) -> Hops | None:
    """Sums over dimensions; over that of the rows, of everything."""
    hops, dims = seen(_first(given)), listed(given, _first(given).ndim)
    return hops.everything(count) if hops is not None and 0 in dims else hops


def _layer_norm(given: Arguments, seen: Seen, count: int) -> Hops | None:
    """Statistics over the last dimensions."""
    inside = len(given["normalized_shape"]) < _first(given).ndim
    return _same(given, seen, count) if inside else None


def _batch_norm(given: Arguments, seen: Seen, count: int) -> Hops | None:
    """By fixed statistics each row for itself."""
    hops = _same(given, seen, count)
    return hops.everything(count) if hops is not None and given.get("training") else hops


def _view(given: Arguments, seen: Seen, count: int) -> Hops | None:
    """Rows that are joined to longer ones, or cut into shorter ones."""
    hops = seen(_first(given))
    if hops is None or hops.count == count or not count or not hops.count:
        return hops
    if hops.count % count and count % hops.count:
        return None
    entries = np.arange(max(count, hops.count))
    return hops.stepped(
        entries * count // len(entries), entries * hops.count // len(entries), count
    )


def _moved(given: Arguments, seen: Seen, count: int) -> Hops | None:
    """Permutations of the dimensions that leave the first where it is."""
    ndim = _first(given).ndim
    if "dims" in given:
        stays = given["dims"][0] % ndim == 0
    else:
        stays = 0 not in (given.get("dim0", 0) % ndim, given.get("dim1", 1) % ndim)
    return _same(given, seen, count) if stays else None


def _product(given: Arguments, seen: Seen, count: int) -> Hops | None:
    """Rows times weights; or a matrix of the graph, or of all nodes, times rows."""
    hops = seen(given["mat2"])
    if hops is None:
        return _same(given, seen, count)
    matrix = given["mat1"] if "mat1" in given else given["self"]
    if isinstance(matrix, FakeTensor) or seen(matrix) is not None:
        return hops.everything(count)
    rows, cols = _real(matrix.to_sparse_coo().coalesce().indices())
    return hops.stepped(rows, cols, count)


def _slice(given: Arguments, seen: Seen, count: int) -> Hops | None:
    """Some of the rows, or a part of each."""
    hops, dim = seen(_first(given)), given.get("dim", 0) % _first(given).ndim
    if hops is None or dim or count == hops.count:
        return hops if dim or count else None
    first = (given.get("start") or 0) % hops.count
    return _gathered(hops, first + np.arange(count) * given.get("step", 1))


def _gathered(hops: Hops, cols: Numbers) -> Hops:
    """Each row is one of another tensor."""
    return hops.stepped(np.arange(len(cols)), cols, len(cols))


def _index(given: Arguments, seen: Seen, count: int) -> Hops | None:
    """Rows picked by their numbers."""
    hops, index = seen(_first(given)), given.get("indices", [given.get("index")])
    if hops is None or len(index) != 1 or index[0].ndim != 1 or index[0].dtype is torch.bool:
        return None
    if given.get("dim", 0) % _first(given).ndim:
        return hops
    return _gathered(hops, _real(index[0]))


def _index_add(given: Arguments, seen: Seen, count: int) -> Hops | None:
    """Rows that are added to others."""
    before, source = seen(_first(given)), given.get("source", given.get("src"))
    added, index = seen(source), given["index"]
    if given["dim"] % source.ndim or added is None:
        return _same(given, seen, count) if added is None else None
    if index.ndim == 2 and index.shape[1] and index.stride(1) == 0:
        index = index[:, 0]  # as scatter_add is given it: the same for all channels
    if index.ndim != 1:
        return None
    sums = added.stepped(_real(index), np.arange(added.count), count)
    return _together([sums] if before is None else [before, sums], count)


def _bag(given: Arguments, seen: Seen, count: int) -> Hops | None:
    """A sparse product: weighted sums of rows, or of rows of weights by a sparse signal."""
    rows, parts = _runs(given["offsets"]), []
    for name, cols in (("weight", given["indices"]), ("per_sample_weights", None)):
        if (hops := seen(given.get(name))) is not None:
            at = np.arange(len(rows)) if cols is None else _real(cols)
            parts.append(hops.stepped(rows, at, count))
    return _together(parts, count) if parts else None


def _values(given: Arguments, seen: Seen, count: int) -> Hops | None:
    """The numbers that a sparse signal stores."""
    x, hops = _first(given), seen(_first(given))
    if hops is None:
        return None
    by_row = x.layout is torch.sparse_csr
    return _gathered(hops, _runs(x.crow_indices()) if by_row else _real(x._indices()[0]))


PLACES = {"_indices", "indices", "crow_indices", "col_indices"}
RULES: dict[str, Rule] = {
    **dict.fromkeys(("alias", "detach", "expand", "_to_dense", "_coalesce", "bmm"), _same),
    **dict.fromkeys(("cat", "select", "split", "split_with_sizes", "squeeze"), _within(0)),
    "unbind": _within(0),
    **dict.fromkeys(("stack", "unsqueeze"), _within(1)),
    **dict.fromkeys(("sum", "mean", "prod", "amax", "amin", "var", "std", "logsumexp"), _over),
    **dict.fromkeys(
        ("linalg_vector_norm", "norm", "max", "min", "_softmax", "_log_softmax"), _over
    ),
    "native_layer_norm": _layer_norm,
    **dict.fromkeys(("native_batch_norm", "_native_batch_norm_legit"), _batch_norm),
    **dict.fromkeys(("view", "_unsafe_view", "_reshape_alias"), _view),
    **dict.fromkeys(("permute", "transpose"), _moved),
    **dict.fromkeys(("mm", "addmm", "_sparse_mm"), _product),
    "slice": _slice,
    **dict.fromkeys(("index", "index_select"), _index),
    **dict.fromkeys(("index_add", "scatter_add"), _index_add),
    **dict.fromkeys(("_embedding_bag", "_embedding_bag_forward_only"), _bag),
    **dict.fromkeys(("_values", "values"), _values),
}
