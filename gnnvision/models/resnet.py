"""A small residual network for small images."""

from __future__ import annotations

from torch import Tensor, nn

from gnnvision.domains import Domain, Grid
from gnnvision.layers import Conv2d, Dropout, MaxPool2d, OnDomain, Readout, Rescale, Sequential
from gnnvision.models.parts import ImageSize, grid_after
from gnnvision.models.registry import register

__all__ = ["ResidualBlock", "small_resnet"]


@register
def small_resnet(
    in_channels: int = 1,
    num_classes: int = 10,
    image_size: ImageSize = 28,
    *,
    width: int = 24,
    depth: int = 1,
    stages: int = 3,
    dropout: float = 0.0,
    rescale: bool = False,
) -> Sequential:
    """A residual network that a laptop trains in minutes.

    A convolution, max pooling, `stages` stages of `depth` residual blocks, each stage with half
    the height and width and twice the channels of the one before, and global average pooling.
    With the defaults an image of 28 × 28 costs about 6 million multiplications.

    Args:
        in_channels: channels of an image.
        num_classes: classes; the outputs are logits.
        image_size: (H, W), or one number for a square; only checked.
        width: channels of the first stage.
        depth: residual blocks in a stage.
        stages: number of stages.
        dropout: the probability of zeroing a feature before the last layer, in training.
        rescale: for a regression: whether the outputs have the units of the targets.

    Returns:
        A network from (B, in_channels, H, W) to (B, num_classes).

    Raises:
        ValueError: if the images are too small.

    References:
        He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", 2016,
        https://arxiv.org/abs/1512.03385, section 4.2. Differs from the paper: wider and
        shallower, with pooling after the first convolution.

    Example:
        >>> import torch
        >>> small_resnet(3, 5, 32)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 5])
    """
    layers: list[nn.Module] = [
        Conv2d(in_channels, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        MaxPool2d(2),
    ]
    last = width
    for stage in range(stages):
        for block in range(depth):
            wide = width * 2**stage
            stride = 2 if stage and not block else 1
            layers.append(ResidualBlock(last, wide, stride))
            last = wide
    grid_after(layers, image_size)
    tail: list[nn.Module] = [Dropout(dropout)] if dropout else []
    tail += [nn.Linear(last, num_classes), *[Rescale(num_classes)] * rescale]
    return Sequential(*layers, Readout("mean"), *tail)


class ResidualBlock(nn.Module, OnDomain):
    """ReLU(norm(conv(ReLU(norm(conv(x))))) + skip(x)), skip being x itself where its shape fits.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        stride: of the first convolution.

    Shapes:
        Input (B, in_channels, H, W), output (B, out_channels, ceil(H / stride), ...).
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.skip: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.skip = nn.Sequential(
                Conv2d(in_channels, out_channels, 1, stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Tensor, domain: Domain | None = None) -> Tensor:
        """(B, in_channels, H, W) -> (B, out_channels, H', W')."""
        y = self.norm1(self.conv1(x, domain)).relu()
        y = self.norm2(self.conv2(y)) + self.skip(x)
        out: Tensor = y.relu()
        return out

    def out_domain(self, domain: Domain) -> Grid:
        """The grid of the output."""
        return self.conv1.out_domain(domain)
