"""The operators Sₖ of a convolution, and the sparse product behind them."""

from gnnvision.operators.base import Identity, Operator
from gnnvision.operators.chebyshev import Chebyshev, scaled_laplacian
from gnnvision.operators.segments import segment_reduce, segment_softmax
from gnnvision.operators.shift import Shift, shifts
from gnnvision.operators.signals import nodes_from_pixels, pixels_from_nodes
from gnnvision.operators.sparse import (
    Sparse,
    adjacency,
    arriving,
    laplacian,
    leaving,
    mean_adjacency,
    normalized_adjacency,
)

__all__ = [
    "Chebyshev",
    "Identity",
    "Operator",
    "Shift",
    "Sparse",
    "adjacency",
    "arriving",
    "laplacian",
    "leaving",
    "mean_adjacency",
    "nodes_from_pixels",
    "normalized_adjacency",
    "pixels_from_nodes",
    "scaled_laplacian",
    "segment_reduce",
    "segment_softmax",
    "shifts",
]
