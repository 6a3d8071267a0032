"""The layer as a matrix: what is joined to what, and which weights are the same.

Every linear layer is one large matrix. In a dense layer all its numbers are different; in a
convolution most are zero (each output sees only a window), and the rest repeat (all windows use
the same kernel). That matrix is Σₖ Sₖ Wₖ: the operators say where, the taps say what.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from gnnvision.domains import Domain, Grid, Window
from gnnvision.layers import Convolution
from gnnvision.operators import shifts

__all__ = ["LayerMatrix", "as_matrix", "layer_matrix", "shift_matrices"]

Kind = Literal["full", "local", "shared"]
KINDS: tuple[Kind, ...] = ("full", "local", "shared")


@dataclass(frozen=True)
class LayerMatrix:
    """Which weight joins which input to which output.

    Args:
        kind: "full", "local" or "shared".
        which: the number of the weight, from 0; -1 where there is none. Shape (n₂, n₁).
    """

    kind: Kind
    which: Tensor

    @property
    def num_edges(self) -> int:
        """How many pairs of an input and an output are joined."""
        return int((self.which >= 0).sum())

    @property
    def num_weights(self) -> int:
        """How many different weights there are to learn."""
        return int(self.which.max()) + 1

    def matrix(self, weights: Tensor) -> Tensor:
        """The matrix itself, zeros where nothing is joined.

        Args:
            weights: Shape (num_weights,).

        Returns:
            Shape (n₂, n₁).
        """
        return torch.where(self.which >= 0, weights[self.which], weights.new_zeros(()))


def layer_matrix(
    kind: Kind, size: int | Sequence[int], kernel_size: int, padding: int | str = "valid"
) -> LayerMatrix:
    """The matrix of a layer from n₁ inputs to n₂ outputs, with one channel.

    * full: every input to every output; n₁·n₂ edges, n₁·n₂ weights.
    * local: each output sees h inputs; h·n₂ edges, h·n₂ weights.
    * shared: so too, with the same h weights everywhere; h·n₂ edges, h weights.

    Padding with zeros takes away the edges that would come from outside: the counts of the
    second and third line then are upper bounds.

    Args:
        kind: one of the three.
        size: n₁ for a line of sites, or (H, W).
        kernel_size: along each axis; h is the number of sites in the window.
        padding: p, or a name.

    Raises:
        TypeError: if a size is no integer.
        ValueError: if `kind` is unknown or the window does not fit.

    Example:
        >>> layer_matrix("shared", 5, 3).which
        tensor([[ 0,  1,  2, -1, -1],
                [-1,  0,  1,  2, -1],
                [-1, -1,  0,  1,  2]])
        >>> [layer_matrix(kind, 5, 3).num_weights for kind in ("full", "local", "shared")]
        [15, 9, 3]
    """
    if kind not in KINDS:
        raise ValueError(
            f"'kind' must be 'full', 'local' or 'shared', got {kind!r}. Choose one of them."
        )
    steps = shift_matrices(size, kernel_size, padding)  # (K, n₂, n₁)
    which = torch.full(steps.shape[1:], -1)
    for k, step in enumerate(steps):
        which[step > 0] = k
    match kind:
        case "full":
            which = torch.arange(which.numel()).view_as(which)
        case "local":
            joined = which >= 0
            which[joined] = torch.arange(int(joined.sum()))
    return LayerMatrix(kind, which)


def shift_matrices(
    size: int | Sequence[int], kernel_size: int, padding: int | str = "same"
) -> Tensor:
    """The operators Sₖ of a grid, written out: Sₖ fetches every site's k-th neighbor.

    Args:
        size: n for a line of sites, or (H, W).
        kernel_size: along each axis.
        padding: p, or a name.

    Returns:
        Zeros and ones, kernel offsets row by row. Shape (K, M, N).

    Example:
        >>> shift_matrices(3, 3).long()[0]  # everyone looks at the neighbor on the left
        tensor([[0, 0, 0],
                [1, 0, 0],
                [0, 1, 0]])
    """
    grid = Grid((size,) if isinstance(size, int) else size)
    window = Window.make(grid.ndim, kernel_size, padding=padding)
    return torch.stack([step.to_dense() for step in shifts(grid, window)])


def as_matrix(layer: Convolution, domain: Domain) -> Tensor:
    """Σₖ Sₖ ⊗ Wₖᵀ, the one matrix of any convolution, on a grid or on a graph.

    Signals are laid out site after site, each with its channels. The bias is not in it, and
    neither is what GIN does after the sum.

    Args:
        layer: a convolution whose operators do not depend on the signal.
        domain: where it is applied.

    Returns:
        Shape (M·C_out, N·C_in).

    Example:
        >>> from gnnvision.layers import Conv1d
        >>> as_matrix(Conv1d(1, 1, 3), Grid((5,))).shape
        torch.Size([3, 5])
    """
    taps = layer.taps()
    pairs = zip(layer.operators(domain), taps, strict=True)
    terms = [torch.kron(S.to_dense(taps.dtype), W.T.contiguous()) for S, W in pairs]
    return torch.stack(terms).sum(0)
