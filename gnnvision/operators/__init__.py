"""The operators Sₖ of a convolution, their algebra, and the sparse product behind them."""

from gnnvision.operators.base import Identity, Operator, Product, Shift, Sum, apply_each
from gnnvision.operators.families import Family, I, shifts
from gnnvision.operators.segments import segment_reduce, segment_softmax
from gnnvision.operators.signals import nodes_from_pixels, pixels_from_nodes
from gnnvision.operators.sparse import (
    Sparse,
    adjacency,
    arriving,
    laplacian,
    leaving,
    mean_adjacency,
    normalized_adjacency,
    scaled_laplacian,
)

__all__ = [
    "Family",
    "I",
    "Identity",
    "Operator",
    "Product",
    "Shift",
    "Sparse",
    "Sum",
    "adjacency",
    "apply_each",
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
