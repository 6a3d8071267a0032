"""Node features from a tensor or an array, and features of nodes without any."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from gnnvision.errors import invalid, wrong_dtype

__all__ = ["constant_features", "identity_features", "to_features"]

MAX_DENSE = 1000  # nodes up to which an identity matrix is stored densely


def to_features(x: Any, num_nodes: int, name: str = "x") -> Tensor:  # noqa: ANN401
    """Features as floating point, dense or sparse COO.

    Args:
        x: A tensor, an array, or a scipy sparse matrix. Shape (N,) or (N, C).
        num_nodes: The number of nodes N.
        name: The argument, for messages.

    Returns:
        The features in torch's default dtype. Shape (N, C).

    Raises:
        TypeError: They are not numbers.
        ValueError: The shape does not fit, or a feature is NaN or infinite.
    """
    if hasattr(x, "tocoo"):
        coo = x.tocoo()
        places = torch.from_numpy(np.stack([coo.row, coo.col]).astype(np.int64))
        values = torch.from_numpy(np.ascontiguousarray(coo.data))
        with torch.sparse.check_sparse_tensor_invariants(True):
            x = torch.sparse_coo_tensor(places, values, coo.shape).coalesce()
    elif hasattr(x, "to_torch_sparse_coo_tensor"):  # of torch_sparse
        x = x.to_torch_sparse_coo_tensor().coalesce()
    elif not isinstance(x, Tensor):
        array = np.asarray(x)
        if array.dtype.kind not in "biuf":
            advice = "Read columns of text with gnnvision.data.from_tables."
            raise wrong_dtype(name, "be numbers", array.dtype, advice)
        x = torch.from_numpy(np.ascontiguousarray(array))
    features: Tensor = x.detach().cpu()
    if features.is_complex():
        raise wrong_dtype(name, "be real numbers", features.dtype, "Use its absolute value.")
    if features.layout not in (torch.strided, torch.sparse_coo):
        features = features.to_sparse_coo()
    if features.layout is torch.sparse_coo:
        features = features.coalesce()
    elif features.ndim == 1:
        features = features.unsqueeze(1)
    if features.ndim != 2 or len(features) != num_nodes:
        advice = "Pass one row for each node."
        raise invalid(name, f"have shape (N={num_nodes}, C)", tuple(features.shape), advice)
    values = features.values() if features.layout is torch.sparse_coo else features
    if not bool(values.isfinite().all()):
        rows = features.indices()[0] if features.layout is torch.sparse_coo else None
        at = int((~values.isfinite()).nonzero()[0, 0])
        node = at if rows is None else int(rows[at])
        advice = "Remove or fill in missing values."
        raise invalid(name, "be finite", f"NaN or infinity for node {node}", advice)
    return features.to(torch.get_default_dtype())


def identity_features(num_nodes: int) -> Tensor:
    """One feature for each node, for one graph without features. Shape (N, N).

    Sparse COO if there are more than 1000 nodes.
    """
    if num_nodes <= MAX_DENSE:
        return torch.eye(num_nodes)
    places = torch.arange(num_nodes).expand(2, -1)
    ones = torch.ones(num_nodes)
    return torch.sparse_coo_tensor(places, ones, (num_nodes, num_nodes), is_coalesced=True)


def constant_features(num_nodes: int) -> Tensor:
    """The feature 1 for every node, for many graphs without features. Shape (N, 1)."""
    return torch.ones(num_nodes, 1)
