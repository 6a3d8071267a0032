"""A first convolution that whitens image patches, computed instead of learned."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gnnvision.domains.device import as_double
from gnnvision.errors import invalid
from gnnvision.layers.grid import Conv2d
from gnnvision.layers.interface import FromSignal

__all__ = ["Whitening"]

_SMALLEST_VARIANCE = 5e-4


class Whitening(Conv2d, FromSignal):
    """Conv2d whose filters are the principal components of image patches, scaled to whiten.

    y = ±Λ^(-1/2) Vᵀ patch, with the covariance V Λ Vᵀ of the patches: the outputs are uncorrelated
    and have the same variance. Each component is used with both signs, so that a ReLU loses no
    information. `initialize`, which `fit` calls, sets the filters; they are not trained.

    Args:
        in_channels: number of channels of the image.
        kernel_size: of the patch.
        patterns: the number of components, at most in_channels · kernel_size².

    Shapes:
        Input (B, in_channels, H, W), output (B, 2 patterns, H - kernel_size + 1, W - ...).

    Raises:
        ValueError: if `patterns` is out of range.

    References:
        Page, "How to train your ResNet 8: back to basics", 2019; Jordan, "94% on CIFAR-10 in 3.29
        seconds on a single GPU", 2024, https://arxiv.org/abs/2404.00498, section 3.2. Differs
        from it: no bias.

    Example:
        >>> layer = Whitening(3, kernel_size=3, patterns=12)
        >>> layer.initialize(torch.randn(100, 3, 8, 8))
        >>> layer(torch.randn(2, 3, 8, 8)).shape
        torch.Size([2, 24, 6, 6])
    """

    def __init__(self, in_channels: int, kernel_size: int = 3, patterns: int = 12) -> None:
        most = in_channels * kernel_size**2
        if not 1 <= patterns <= most:
            condition = f"be from 1 to in_channels · kernel_size² = {most}"
            raise invalid("patterns", condition, patterns, "Use fewer, or larger patches.")
        super().__init__(in_channels, 2 * patterns, kernel_size, bias=False)
        self.weight.requires_grad_(False)

    def initialize(self, x: Tensor) -> None:
        """Set the filters from images of shape (B, in_channels, H, W)."""
        patches = nn.functional.unfold(as_double(x), self.kernel_size)  # (B, C size², places)
        flat = patches.transpose(0, 1).flatten(1)  # (C size², B places)
        values, vectors = torch.linalg.eigh(flat @ flat.T / flat.shape[1])
        principal = (vectors / (values + _SMALLEST_VARIANCE).sqrt()).T.flip(0)
        filters = principal[: self.out_channels // 2]
        with torch.no_grad():
            self.weight.copy_(torch.cat([filters, -filters]).view_as(self.weight))
