"""Conversion of standardized outputs to the units of the targets."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gnnvision.errors import invalid
from gnnvision.layers.interface import FromTargets

__all__ = ["Rescale"]


class Rescale(nn.Module, FromTargets):
    """y = x σ + μ, with the mean and standard deviation of the training targets.

    They are not learned: `fit` sets them before training, and they are stored with the weights,
    so that the predictions of a network always have the units of its targets.

    Args:
        num_outputs: the number of targets.

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
        """Set the mean and standard deviation of the training targets."""
        if mean.shape != self.mean.shape:
            condition = f"be the number of targets, {mean.numel()}"
            advice = "Build the network with this number of outputs."
            raise invalid("num_outputs", condition, self.mean.numel(), advice)
        self.mean.copy_(mean)
        self.std.copy_(std)

    def forward(self, x: Tensor) -> Tensor:
        """The outputs in the units of the targets."""
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        return torch.addcmul(self.mean, wide, self.std)

    def extra_repr(self) -> str:
        """The number of targets, for `repr`."""
        return f"{self.mean.numel()}"
