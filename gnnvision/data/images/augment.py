"""Random augmentation of training images."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import torch
from torch import Tensor

from gnnvision.data.images.color import color_jitter, cutout, shift_hue
from gnnvision.data.images.geometry import (
    PadMode,
    affine,
    crop,
    flip,
    pad,
    resized_crop,
    to_channels_last,
)
from gnnvision.domains.device import send
from gnnvision.errors import in_range, integer, invalid, one_of, wrong_dtype

__all__ = ["Augment"]

_TRIES = 10  # as torchvision's RandomResizedCrop


@dataclass(frozen=True, kw_only=True)
class Augment:
    """Random augmentation of a batch of images, with separate random numbers for each image.

    The order is: resized crop; random crop; rotation, shift and scale; flip; colors; cutout.
    By default, nothing is changed.

    Args:
        crop: Pad by this many pixels, then crop to the original size at a random position.
        padding_mode: The pixels outside of an image: "reflect" (mirrored) or "zeros" (black).
        flip: Horizontal flip: "random" flips half of the images; "alternating" flips half of
            the images in the first epoch, and each image every other epoch.
        rotation: The largest rotation in either direction, in degrees.
        shift: The largest shift in either direction, as a fraction of width and height.
        scale: The smallest and the largest scale factor.
        brightness: Brightness is multiplied by a factor from 1 - brightness to 1 + brightness.
        contrast: Contrast is multiplied by a factor from 1 - contrast to 1 + contrast.
        saturation: Saturation is multiplied by a factor from 1 - saturation to 1 + saturation;
            without effect on grayscale.
        hue: The hue is turned by a fraction of the color circle from -hue to hue, at most 0.5;
            without effect on grayscale.
        cutout: The side of a random square that is erased, in pixels.
        resized_crop: The smallest and the largest area of a random crop, as a fraction of the
            image; the crop is resized to `size`.
        ratio: The smallest and the largest aspect ratio of that crop, width / height.
        size: Height and width of the result of `resized_crop`; by default those of the image.

    Raises:
        TypeError: A setting has the wrong type.
        ValueError: A setting is out of range.

    References:
        Krizhevsky, Sutskever, Hinton (2012), section 4.1, for crops and flips.
        DeVries, Taylor (2017), https://arxiv.org/abs/1708.04552, for cutout. Differs from the
        paper: the square is always fully inside the image.
        Jordan (2024), https://arxiv.org/abs/2404.00498, section 3.6, for alternating flips.
        Szegedy et al. (2015), https://arxiv.org/abs/1409.4842, section 6, for resized crops.

    Example:
        >>> augment = Augment(crop=2, flip="alternating")
        >>> images = torch.zeros(8, 3, 32, 32, dtype=torch.uint8)
        >>> augment(images, torch.Generator().manual_seed(0)).shape
        torch.Size([8, 3, 32, 32])
        >>> print(augment)
        crop 2 (reflect), flip alternating
    """

    crop: int = 0
    padding_mode: PadMode = "reflect"
    flip: Literal["random", "alternating"] | None = None
    rotation: float = 0.0
    shift: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    cutout: int = 0
    resized_crop: tuple[float, float] | None = None
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for name in ("crop", "cutout"):
            integer(name, getattr(self, name), 0)
        for name, limit in (("rotation", 180), ("shift", 1)):
            _check_number(name, getattr(self, name), limit)
        for name in ("brightness", "contrast", "saturation"):
            _check_number(name, getattr(self, name), 1)
        _check_number("hue", self.hue, 0.5)
        for name in ("scale", "ratio", "resized_crop"):
            pair = getattr(self, name)
            if pair is not None:
                object.__setattr__(self, name, _check_pair(name, pair))
        if self.resized_crop is not None and self.resized_crop[1] > 1:
            condition = "be fractions of the area, at most 1"
            raise invalid("resized_crop", condition, self.resized_crop, "Pass e.g. (0.1, 1.0).")
        if self.size is not None:
            size = tuple(self.size) if isinstance(self.size, (tuple, list)) else (self.size,) * 2
            if len(size) != 2:
                raise invalid("size", "be (height, width)", repr(self.size), "Pass two integers.")
            for side in size:
                integer("size", side, 1)
            object.__setattr__(self, "size", size)
            if self.resized_crop is None:
                advice = "Pass resized_crop=(1.0, 1.0), or load the data with image_size=."
                raise invalid("size", "be left out without 'resized_crop'", self.size, advice)
        one_of("padding_mode", self.padding_mode, ("reflect", "zeros"))
        one_of("flip", self.flip, ("random", "alternating", None))

    @property
    def _has_affine(self) -> bool:
        return self.rotation > 0 or self.shift > 0 or self.scale != (1.0, 1.0)

    @property
    def _has_color_jitter(self) -> bool:
        return self.brightness > 0 or self.contrast > 0 or self.saturation > 0

    def __call__(
        self,
        images: Tensor,
        generator: torch.Generator,
        *,
        flip_state: Tensor | None = None,
        fill: tuple[float, ...] | None = None,
        part: tuple[slice, int] | None = None,
    ) -> Tensor:
        """Augment a batch of images; deterministic for a given state of the generator.

        All random numbers are drawn on the CPU, so the result does not depend on the device.

        Args:
            images: uint8 images. Shape (B, C, H, W).
            generator: The source of all random numbers; a CPU generator.
            flip_state: Which images to flip, bool (B,); None to choose them at random.
            fill: The color of erased squares, from 0 to 1 for each channel; None for black.
            part: The place of these images in a larger batch, and its size, if other processes
                have the rest of it: the random numbers are those of all its images.

        Shapes:
            Output: uint8 (B, C, H, W) in channels-last memory, or of `size`.

        Raises:
            TypeError: The images are not uint8.
            ValueError: A crop or a cutout is larger than the images allow.
        """
        if images.dtype != torch.uint8:
            raise wrong_dtype("images", "be uint8", images.dtype, "Augment before normalizing.")
        self.check((images.shape[2], images.shape[3]))
        x = to_channels_last(images)
        numbers = _Numbers(generator, *(part or (slice(None), len(x))))
        if self.resized_crop is not None:
            x = self._random_resized_crop(x, numbers)
        if self.crop:
            x = self._random_crop(x, numbers)
        if self._has_affine:
            x = self._random_affine(x, numbers)
        if self.flip is not None:
            if flip_state is None:
                flip_state = numbers.rand() < 0.5
            x = flip(x, flip_state)
        if self._has_color_jitter:
            x = self._color_jitter(x, numbers)
        if self.hue:
            turn = self.hue * (2 * numbers.rand() - 1)
            x = _to_uint8(shift_hue(_to_float(x), send(turn, x.device)))
        if self.cutout:
            x = self._random_cutout(x, numbers, fill)
        return x.permute(0, 3, 1, 2)

    def check(self, size: tuple[int, int]) -> None:
        """Raise ValueError unless images of this height and width can be augmented."""
        if self.size is not None and (self.size[0] > size[0] or self.size[1] > size[1]):
            advice = "Reduce it, or load the data with a larger image_size=."
            raise invalid("size", f"be at most the image size {size}", self.size, advice)
        least = min(self.size or size)
        if self.crop and self.padding_mode == "reflect" and self.crop >= least:
            condition = f"be below the image size {least} for padding_mode='reflect'"
            raise invalid("crop", condition, self.crop, "Reduce it, or use padding_mode='zeros'.")
        if self.cutout > least:
            condition = f"be at most the image size {least}"
            raise invalid("cutout", condition, self.cutout, "Choose a smaller value.")

    def _random_resized_crop(self, x: Tensor, numbers: _Numbers) -> Tensor:
        assert self.resized_crop is not None
        _, height, width, _ = x.shape
        box = _boxes((height, width), self.resized_crop, self.ratio, numbers)
        images = _to_float(x)
        return _to_uint8(resized_crop(images, send(box, x.device), self.size or (height, width)))

    def _random_crop(self, x: Tensor, numbers: _Numbers) -> Tensor:
        offset = send(numbers.randint(2 * self.crop + 1, 2), x.device)
        padded = pad(x, self.crop, self.padding_mode)
        return crop(padded, offset[0], offset[1], (x.shape[1], x.shape[2]))

    def _random_affine(self, x: Tensor, numbers: _Numbers) -> Tensor:
        draw = send(numbers.rand(4), x.device)
        angle = (2 * draw[0] - 1) * math.radians(self.rotation)
        shift = (2 * draw[1:3] - 1).T * self.shift
        low, high = self.scale
        scale = torch.exp(math.log(low) + draw[3] * math.log(high / low))
        images = _to_float(x)
        return _to_uint8(affine(images, angle, shift, scale, self.padding_mode))

    def _color_jitter(self, x: Tensor, numbers: _Numbers) -> Tensor:
        draw = 2 * numbers.rand(3) - 1
        reach = torch.tensor([self.brightness, self.contrast, self.saturation])
        brightness, contrast, saturation = send(1 + draw * reach[:, None], x.device)
        return _to_uint8(color_jitter(_to_float(x), brightness, contrast, saturation))

    def _random_cutout(
        self, x: Tensor, numbers: _Numbers, fill: tuple[float, ...] | None
    ) -> Tensor:
        _, height, width, channels = x.shape
        places = (height - self.cutout + 1, width - self.cutout + 1)
        draws = [numbers.randint(n) for n in places]
        top, left = send(torch.stack(draws), x.device)
        color = torch.tensor(fill or (0.0,) * channels)
        blank = (255 * color).round().clamp(0, 255).to(torch.uint8)
        return cutout(x, top, left, self.cutout, send(blank, x.device))

    def to_dict(self) -> dict[str, Any]:
        """The settings that differ from their defaults, as JSON types."""
        values = asdict(self)
        return {
            item.name: list(value) if isinstance(value, tuple) else value
            for item in fields(self)
            if (value := values[item.name]) != item.default
        }

    def __str__(self) -> str:
        words = []
        if self.resized_crop is not None:
            size = "" if self.size is None else f" to {self.size[0]}x{self.size[1]}"
            words.append("resized crop of {:g}-{:g} of the area".format(*self.resized_crop) + size)
        if self.crop:
            words.append(f"crop {self.crop} ({self.padding_mode})")
        words += [f"rotation {self.rotation:g}°"] if self.rotation else []
        words += [f"shift {self.shift:g}"] if self.shift else []
        words += ["scale {:g}-{:g}".format(*self.scale)] if self.scale != (1.0, 1.0) else []
        words += [f"flip {self.flip}"] if self.flip else []
        for name in ("brightness", "contrast", "saturation", "hue", "cutout"):
            value = getattr(self, name)
            words += [f"{name} {value:g}"] if value else []
        return ", ".join(words) or "none"


class _Numbers:
    """Random numbers for some images of a batch, drawn for all of them.

    Args:
        generator: Their source.
        own: The images in the batch.
        count: The size of the batch.
    """

    def __init__(self, generator: torch.Generator, own: slice, count: int) -> None:
        self._generator, self._own, self._count = generator, own, count

    def rand(self, *shape: int) -> Tensor:
        """Numbers from 0 to 1. Shape (*shape, images)."""
        every = torch.rand(*shape, self._count, generator=self._generator)
        return every[..., self._own]

    def tries(self, kinds: int) -> Tensor:
        """Numbers from 0 to 1 for several tries. Shape (kinds, images, _TRIES)."""
        shape = (kinds, self._count, _TRIES)
        return torch.rand(shape, generator=self._generator, dtype=torch.float64)[:, self._own]

    def randint(self, high: int, *shape: int) -> Tensor:
        """Integers from 0 to high - 1. Shape (*shape, images)."""
        every = torch.randint(high, (*shape, self._count), generator=self._generator)
        return every[..., self._own]


def _boxes(
    size: tuple[int, int], area: tuple[float, float], ratio: tuple[float, float], numbers: _Numbers
) -> Tensor:
    """Random boxes inside an image as (top, left, height, width), in pixels: (images, 4).

    Each is the first of ten random boxes that fits, or else the largest centered box with an
    allowed ratio.
    """
    height, width = size
    draw = numbers.tries(4)
    pixels = height * width * (area[0] + draw[0] * (area[1] - area[0]))
    form = torch.exp(math.log(ratio[0]) + draw[1] * math.log(ratio[1] / ratio[0]))
    wide, tall = (pixels * form).sqrt().round(), (pixels / form).sqrt().round()
    fits = (wide >= 1) & (wide <= width) & (tall >= 1) & (tall <= height)
    first = fits.int().argmax(1, keepdim=True)
    wide, tall = wide.gather(1, first).squeeze(1), tall.gather(1, first).squeeze(1)
    top = (draw[2].gather(1, first).squeeze(1) * (height - tall + 1)).floor()
    left = (draw[3].gather(1, first).squeeze(1) * (width - wide + 1)).floor()
    box = torch.stack([top, left, tall, wide], 1)
    whole_tall = min(height, round(width / ratio[0]))
    whole_wide = min(width, round(height * ratio[1]))
    rest = [(height - whole_tall) // 2, (width - whole_wide) // 2, whole_tall, whole_wide]
    box = torch.where(fits.any(1, keepdim=True), box, torch.tensor(rest, dtype=box.dtype))
    return box.float()  # the values are integers, and not every device has float64


def _to_float(x: Tensor) -> Tensor:
    """uint8 images (B, H, W, C) as contiguous float images (B, C, H, W)."""
    return x.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)


def _to_uint8(images: Tensor) -> Tensor:
    """Float images (B, C, H, W) as uint8 images (B, H, W, C)."""
    return to_channels_last(images.round_().clamp_(0, 255).to(torch.uint8))


def _check_number(name: str, value: object, limit: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong_dtype(name, "be a number", repr(value), "Pass 0 for none.")
    in_range(name, value, 0, limit)


def _check_pair(name: str, pair: object) -> tuple[float, float]:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise wrong_dtype(name, "be a pair (smallest, largest)", repr(pair), "Pass two numbers.")
    low, high = (float(value) for value in pair)
    if not 0 < low <= high < math.inf:
        condition = "be positive numbers (smallest, largest)"
        raise invalid(name, condition, tuple(pair), "Put the smaller one first.")
    return low, high
