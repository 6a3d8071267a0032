"""A layer as a matrix: local connectivity and weight sharing.

Every linear layer is multiplication by one matrix. In a dense layer all entries are independent;
in a convolution most are zero (each output depends only on its window), and the others repeat (all
windows share one kernel). The matrix is Σₖ Sₖ Wₖ: shift operators times weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from gnnvision.domains import Domain, Grid, Window
from gnnvision.errors import one_of
from gnnvision.layers import Convolution
from gnnvision.operators import shifts

__all__ = ["LayerMatrix", "as_matrix", "layer_matrix", "shift_matrices"]

Kind = Literal["full", "local", "shared"]
KINDS: tuple[Kind, ...] = ("full", "local", "shared")


@dataclass(frozen=True)
class LayerMatrix:
    """Which weight connects each input to each output.

    Args:
        kind: "full", "local" or "shared".
        which: the index of the weight, from 0; -1 without a connection. Shape (n₂, n₁).
    """

    kind: Kind
    which: Tensor

    @property
    def num_edges(self) -> int:
        """The number of connections between inputs and outputs."""
        return int((self.which >= 0).sum())

    @property
    def num_weights(self) -> int:
        """The number of independent weights."""
        return int(self.which.max()) + 1

    def matrix(self, weights: Tensor) -> Tensor:
        """The matrix of the layer, zero where there is no connection.

        Args:
            weights: the independent weights. Shape (num_weights,).

        Returns:
            The matrix. Shape (n₂, n₁).
        """
        return torch.where(self.which >= 0, weights[self.which], weights.new_zeros(()))


def layer_matrix(
    kind: Kind, size: int | Sequence[int], kernel_size: int, padding: int | str = "valid"
) -> LayerMatrix:
    """The connections of a layer with one channel, from n₁ inputs to n₂ outputs.

    * full: every input to every output; n₁·n₂ connections, n₁·n₂ weights.
    * local: h inputs to each output; h·n₂ connections, h·n₂ weights.
    * shared: the same with one shared kernel, a convolution; h·n₂ connections, h weights.

    With zero padding, windows at the border have fewer connections, so that the last two counts
    are upper bounds.

    Args:
        kind: "full", "local" or "shared".
        size: n₁ of a 1-D input, or (H, W).
        kernel_size: along each axis; h is the number of positions in the window.
        padding: p, or "valid", "same" or "full".

    Returns:
        The index of the weight of every connection.

    Raises:
        TypeError: if a size is not an integer.
        ValueError: if `kind` is unknown or the window does not fit.

    Example:
        >>> layer_matrix("shared", 5, 3).which
        tensor([[ 0,  1,  2, -1, -1],
                [-1,  0,  1,  2, -1],
                [-1, -1,  0,  1,  2]])
        >>> [layer_matrix(kind, 5, 3).num_weights for kind in ("full", "local", "shared")]
        [15, 9, 3]
    """
    one_of("kind", kind, KINDS)
    steps = shift_matrices(size, kernel_size, padding)  # (K, n₂, n₁)
    which = torch.full(steps.shape[1:], -1)
    for k, step in enumerate(steps):
        which[step > 0] = k
    match kind:
        case "full":
            which = torch.arange(which.numel()).view_as(which)
        case "local":
            connected = which >= 0
            which[connected] = torch.arange(int(connected.sum()))
    return LayerMatrix(kind, which)


def shift_matrices(
    size: int | Sequence[int], kernel_size: int, padding: int | str = "same"
) -> Tensor:
    """The shift operators Sₖ of a grid as dense matrices: Sₖ selects each site's k-th neighbor.

    Args:
        size: n of a 1-D input, or (H, W).
        kernel_size: along each axis.
        padding: p, or "valid", "same" or "full".

    Returns:
        Matrices of zeros and ones, in row-major order of the kernel offsets. Shape (K, M, N).

    Example:
        >>> shift_matrices(3, 3).long()[0]  # S₁ selects the left neighbor
        tensor([[0, 0, 0],
                [1, 0, 0],
                [0, 1, 0]])
    """
    grid = Grid((size,) if isinstance(size, int) else size)
    window = Window.make(grid.ndim, kernel_size, padding=padding)
    return torch.stack([step.to_dense() for step in shifts(grid, window)])


def as_matrix(layer: Convolution, domain: Domain) -> Tensor:
    """The matrix Σₖ Sₖ ⊗ Wₖᵀ of a convolution on a grid or a graph.

    It acts on the flattened signal of shape (N, C_in). It contains neither the bias nor the MLP
    that GIN applies after the sum.

    Args:
        layer: a convolution whose operators do not depend on the signal.
        domain: the grid or graph.

    Returns:
        The matrix. Shape (M·C_out, N·C_in).

    Example:
        >>> from gnnvision.layers import Conv1d
        >>> as_matrix(Conv1d(1, 1, 3), Grid((5,))).shape
        torch.Size([3, 5])
    """
    taps = layer.taps()
    pairs = zip(layer.operators(domain), taps, strict=True)
    terms = [torch.kron(S.to_dense(taps.dtype), W.T.contiguous()) for S, W in pairs]
    return torch.stack(terms).sum(0)
