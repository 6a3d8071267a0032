"""A convolutional autoencoder for images."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from gnnvision.errors import at_least, invalid
from gnnvision.layers import Conv2d, Sequential, Upsample
from gnnvision.models.parts import ImageSize, grid_of
from gnnvision.models.registry import register

__all__ = ["autoencoder"]

_WIDTHS = (32, 64, 128)


@register
def autoencoder(
    in_channels: int = 3,
    image_size: ImageSize = (100, 75),
    *,
    latent_channels: int = 10,
    out_channels: int | None = None,
    kernel_size: int = 1,
) -> Sequential:
    """A convolutional autoencoder with a 10-d latent code by default.

    The encoder has three convolutions with stride 2 and a dense layer. Each step of the decoder
    upsamples by 2; a convolution with a kernel of 1 or 2 along each axis, without padding, crops
    to the size that the encoder had there. For 100 × 75 these are the kernels of the lecture
    notes.

    With a kernel of 1 the decoder repeats pixels and never blends them: images whose sides are
    multiples of 8 consist of blocks of 8 × 8 equal pixels. `kernel_size=3` has kernels of 3 or 4
    with padding in place of 1 or 2, which draw single pixels.

    With errata corrected (lecture on autoencoders): the notes' last layer has one output channel
    for images with three, which cannot be compared; `out_channels=1` is their version.

    Args:
        in_channels: channels of an image.
        image_size: (H, W), or one number for a square.
        latent_channels: dimension of the latent code.
        out_channels: channels of the output; `in_channels` if None.
        kernel_size: the smaller kernel of the decoder's convolutions, odd: 1 as in the lecture
            notes, or 3.

    Returns:
        A network from (B, in_channels, H, W) to (B, out_channels, H, W), pixels from 0 to 1.
        `network.encoder` returns the latent code, `network.decoder` the image of a code.

    Raises:
        ValueError: if a size is not positive, or `kernel_size` is even.

    Example:
        >>> coder = autoencoder(out_channels=1)
        >>> [sum(p.numel() for p in m.parameters()) for m in coder.decoder if list(m.parameters())]
        [183040, 65664, 8256, 4128, 33]
    """
    at_least("latent_channels", latent_channels, 1)
    at_least("kernel_size", kernel_size, 1)
    if kernel_size % 2 == 0:
        raise invalid("kernel_size", "be odd", kernel_size, "Use 1 or 3.")
    encoder: list[nn.Module] = []
    sizes = [grid_of(image_size).shape]
    for narrow, wide in pairwise((in_channels, *_WIDTHS)):
        encoder += [Conv2d(narrow, wide, 3, stride=2, padding="same"), nn.ReLU()]
        sizes.append(tuple(-(-n // 2) for n in sizes[-1]))
    height, width = sizes[-1]
    deepest = _WIDTHS[-1]
    encoder += [nn.Flatten(), nn.Linear(deepest * height * width, latent_channels)]
    decoder: list[nn.Module] = [
        nn.Linear(latent_channels, deepest * height * width),
        nn.Unflatten(1, (deepest, height, width)),
    ]
    narrow = deepest
    for wide, small, large in zip(_WIDTHS[::-1], sizes[:0:-1], sizes[-2::-1], strict=True):
        kernel = tuple(2 * n - m + kernel_size for n, m in zip(small, large, strict=True))
        conv = Conv2d(narrow, wide, kernel, padding=kernel_size // 2)
        decoder += [Upsample(scale_factor=2), conv, nn.ReLU()]
        narrow = wide
    decoder += [Conv2d(narrow, out_channels or in_channels, 1), nn.Sigmoid()]
    network = Sequential()
    network.add_module("encoder", Sequential(*encoder))
    network.add_module("decoder", Sequential(*decoder))
    return network
