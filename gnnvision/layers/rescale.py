"""From numbers around 0 to the units of what is predicted."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gnnvision.layers.interface import FromTargets

__all__ = ["Rescale"]


class Rescale(nn.Module, FromTargets):
    """y = x σ + μ, with the mean and standard deviation of the training targets.

    They are not learned: `fit` sets them before training, and they are stored with the weights,
    so that a network's answers have the units of its targets wherever it is used.

    Args:
        num_outputs: how many targets.

    Shapes:
        Input and output (*, num_outputs).

    Example:
        >>> layer = Rescale(1)
        >>> layer.initialize_targets(torch.tensor([-3.0]), torch.tensor([2.0]))
        >>> layer(torch.tensor([[0.5]]))
        tensor([[-2.]])
    """

    mean: Tensor
    std: Tensor

    def __init__(self, num_outputs: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(num_outputs))
        self.register_buffer("std", torch.ones(num_outputs))

    def initialize_targets(self, mean: Tensor, std: Tensor) -> None:
        """Take over the moments of the training targets."""
        if mean.shape != self.mean.shape:
            raise ValueError(
                f"'num_outputs' must be the number of targets, {mean.numel()}, got "
                f"{self.mean.numel()}. Build the network with as many outputs."
            )
        self.mean.copy_(mean)
        self.std.copy_(std)

    def forward(self, x: Tensor) -> Tensor:
        """The answers in the units of the targets."""
        return torch.addcmul(self.mean, x.float(), self.std)

    def extra_repr(self) -> str:
        """How many targets."""
        return f"{self.mean.numel()}"
