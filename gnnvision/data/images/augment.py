"""Random changes of training images that leave their class as it is."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import torch
from torch import Tensor

from gnnvision.data.images.color import cutout, jitter
from gnnvision.data.images.geometry import (
    PadMode,
    affine,
    crop,
    flip,
    pad,
    resized_crop,
    rows,
)
from gnnvision.domains.device import send

__all__ = ["Augment"]

_TRIES = 10  # as torchvision's RandomResizedCrop


@dataclass(frozen=True, kw_only=True)
class Augment:
    """How training images are varied, each by its own draw, a whole batch at a time.

    In this order: resized crop; shifted crop; rotation, shift and scale; flip; colors; cutout.
    Nothing is done unless asked for.

    Args:
        crop: Pad by this many pixels and crop back to the size at a random place.
        padding_mode: What lies outside an image: "reflect", itself mirrored, or "zeros", black.
        flip: Mirror left to right: "random", half of the images; "alternating", half of the
            images in the first epoch, and each image every other epoch.
        rotation: Turn by up to this angle either way, in degrees.
        shift: Move by up to this fraction of the width and height either way.
        scale: Shrink and grow by a factor between these two.
        brightness: A factor from 1 - brightness to 1 + brightness.
        contrast: Likewise.
        saturation: Likewise; of no effect on gray images.
        cutout: The side, in pixels, of a square somewhere in the image that becomes blank.
        resized_crop: Cut out a box with this fraction of the area, from the least to the
            largest, and bring it to `size`.
        ratio: The least and the largest width of that box divided by its height.
        size: Height and width of the result of `resized_crop`; None for those of the image.

    Raises:
        TypeError: A setting is of the wrong kind.
        ValueError: A setting is out of its range.

    References:
        Krizhevsky, Sutskever, Hinton (2012), section 4.1, for crops and flips.
        DeVries, Taylor (2017), https://arxiv.org/abs/1708.04552, for cutout. Differs from the
        paper: the square lies inside the image as a whole.
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
    cutout: int = 0
    resized_crop: tuple[float, float] | None = None
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for name in ("crop", "cutout"):
            _check_count(name, getattr(self, name), least=0)
        for name, limit in (("rotation", 180.0), ("shift", 1.0)):
            _check_between(name, getattr(self, name), limit)
        for name in ("brightness", "contrast", "saturation"):
            _check_between(name, getattr(self, name), 1.0)
        for name in ("scale", "ratio", "resized_crop"):
            pair = getattr(self, name)
            if pair is not None:
                object.__setattr__(self, name, _range(name, pair))
        if self.resized_crop is not None and self.resized_crop[1] > 1:
            raise ValueError(
                f"'resized_crop' must hold fractions of the area, at most 1, got "
                f"{self.resized_crop}. Give for example (0.1, 1.0)."
            )
        if self.size is not None:
            size = tuple(self.size) if isinstance(self.size, (tuple, list)) else (self.size,) * 2
            if len(size) != 2:
                raise ValueError(f"'size' must be (height, width), got {self.size!r}. Give two.")
            for side in size:
                _check_count("size", side, least=1)
            object.__setattr__(self, "size", size)
            if self.resized_crop is None:
                raise ValueError(
                    f"'size' must be left out without 'resized_crop', got {self.size}. "
                    "Give resized_crop=(1.0, 1.0), or load the data with image_size=."
                )
        if self.padding_mode not in ("reflect", "zeros"):
            raise ValueError(
                f"'padding_mode' must be 'reflect' or 'zeros', got {self.padding_mode!r}. "
                "Choose one."
            )
        if self.flip not in (None, "random", "alternating"):
            raise ValueError(
                f"'flip' must be 'random', 'alternating' or None, got {self.flip!r}. Choose one."
            )

    @property
    def _moves(self) -> bool:
        return self.rotation > 0 or self.shift > 0 or self.scale != (1.0, 1.0)

    @property
    def _colors(self) -> bool:
        return self.brightness > 0 or self.contrast > 0 or self.saturation > 0

    def __call__(
        self,
        images: Tensor,
        generator: torch.Generator,
        *,
        flip_state: Tensor | None = None,
        fill: tuple[float, ...] | None = None,
    ) -> Tensor:
        """The images, changed; the same ones for a generator in the same state.

        All that is drawn is drawn on the CPU, so a GPU gives the same changes.

        Args:
            images: uint8 images. Shape (B, C, H, W).
            generator: Where all random numbers come from; a CPU generator.
            flip_state: Which images are mirrored, bool (B,); None to draw them.
            fill: The color of blank squares, from 0 to 1 for each channel; None for black.

        Shapes:
            Output: uint8 (B, C, H, W) in channels-last memory, or of `size`.

        Raises:
            TypeError: The images are not uint8.
            ValueError: A crop or a square is larger than the images allow.
        """
        if images.dtype != torch.uint8:
            raise TypeError(
                f"'images' must be uint8, got {images.dtype}. Augment before normalizing."
            )
        self.check((images.shape[2], images.shape[3]))
        x = rows(images)
        if self.resized_crop is not None:
            x = self._resized(x, generator)
        if self.crop:
            x = self._shifted_crop(x, generator)
        if self._moves:
            x = self._moved(x, generator)
        if self.flip is not None:
            if flip_state is None:
                flip_state = torch.rand(len(x), generator=generator) < 0.5
            x = flip(x, flip_state)
        if self._colors:
            x = self._colored(x, generator)
        if self.cutout:
            x = self._cut_out(x, generator, fill)
        return x.permute(0, 3, 1, 2)

    def check(self, size: tuple[int, int]) -> None:
        """Raise ValueError unless images of this height and width can be varied so."""
        if self.size is not None and (self.size[0] > size[0] or self.size[1] > size[1]):
            raise ValueError(
                f"'size' must be at most that of the images, {size}, got {self.size}. "
                "Lower it, or load the data with a larger image_size=."
            )
        least = min(self.size or size)
        if self.crop and self.padding_mode == "reflect" and self.crop >= least:
            raise ValueError(
                f"'crop' must be below the size of the images, {least}, to mirror them, got "
                f"{self.crop}. Lower it, or use padding_mode='zeros'."
            )
        if self.cutout > least:
            raise ValueError(
                f"'cutout' must be at most the size of the images, {least}, got "
                f"{self.cutout}. Lower it."
            )

    def _resized(self, x: Tensor, generator: torch.Generator) -> Tensor:
        assert self.resized_crop is not None
        _, height, width, _ = x.shape
        box = _boxes(len(x), (height, width), self.resized_crop, self.ratio, generator)
        images = _floats(x)
        return _bytes(resized_crop(images, send(box, x.device), self.size or (height, width)))

    def _shifted_crop(self, x: Tensor, generator: torch.Generator) -> Tensor:
        offset = torch.randint(2 * self.crop + 1, (2, len(x)), generator=generator)
        offset = send(offset, x.device)
        padded = pad(x, self.crop, self.padding_mode)
        return crop(padded, offset[0], offset[1], (x.shape[1], x.shape[2]))

    def _moved(self, x: Tensor, generator: torch.Generator) -> Tensor:
        draw = send(torch.rand(4, len(x), generator=generator), x.device)
        angle = (2 * draw[0] - 1) * math.radians(self.rotation)
        shift = (2 * draw[1:3] - 1).T * self.shift
        low, high = self.scale
        scale = torch.exp(math.log(low) + draw[3] * math.log(high / low))
        images = _floats(x)
        return _bytes(affine(images, angle, shift, scale, self.padding_mode))

    def _colored(self, x: Tensor, generator: torch.Generator) -> Tensor:
        draw = 2 * torch.rand(3, len(x), generator=generator) - 1
        reach = torch.tensor([self.brightness, self.contrast, self.saturation])
        brightness, contrast, saturation = send(1 + draw * reach[:, None], x.device)
        return _bytes(jitter(_floats(x), brightness, contrast, saturation))

    def _cut_out(
        self, x: Tensor, generator: torch.Generator, fill: tuple[float, ...] | None
    ) -> Tensor:
        _, height, width, channels = x.shape
        places = (height - self.cutout + 1, width - self.cutout + 1)
        draws = [torch.randint(n, (len(x),), generator=generator) for n in places]
        top, left = send(torch.stack(draws), x.device)
        color = torch.tensor(fill or (0.0,) * channels)
        blank = (255 * color).round().clamp(0, 255).to(torch.uint8)
        return cutout(x, top, left, self.cutout, send(blank, x.device))

    def to_dict(self) -> dict[str, Any]:
        """The settings that differ from doing nothing, as plain JSON types."""
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
        for name in ("brightness", "contrast", "saturation", "cutout"):
            value = getattr(self, name)
            words += [f"{name} {value:g}"] if value else []
        return ", ".join(words) or "none"


def _boxes(
    count: int,
    size: tuple[int, int],
    area: tuple[float, float],
    ratio: tuple[float, float],
    generator: torch.Generator,
) -> Tensor:
    """Top, left, height and width of boxes inside an image: (count, 4), whole pixels.

    Each is the first of ten draws that fits; failing these, the largest centered box of an
    allowed ratio.
    """
    height, width = size
    draw = torch.rand(4, count, _TRIES, generator=generator, dtype=torch.float64)
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
    return box.float()  # whole pixels, and not every device has float64


def _floats(x: Tensor) -> Tensor:
    """uint8 rows (B, H, W, C) as float images (B, C, H, W), each channel in one piece."""
    return x.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)


def _bytes(images: Tensor) -> Tensor:
    """Float images (B, C, H, W) as uint8 rows (B, H, W, C)."""
    return rows(images.round_().clamp_(0, 255).to(torch.uint8))


def _check_count(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"'{name}' must be a whole number of pixels, got {value!r}. Round it.")
    if value < least:
        raise ValueError(f"'{name}' must be at least {least}, got {value}. Raise it.")


def _check_between(name: str, value: object, limit: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"'{name}' must be a number, got {value!r}. Give one, 0 for none.")
    if not 0 <= value <= limit:
        raise ValueError(f"'{name}' must be from 0 to {limit:g}, got {value:g}. Change it.")


def _range(name: str, pair: object) -> tuple[float, float]:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise TypeError(f"'{name}' must be a pair (least, largest), got {pair!r}. Give two.")
    low, high = (float(value) for value in pair)
    if not 0 < low <= high < math.inf:
        raise ValueError(
            f"'{name}' must be a pair (least, largest) above 0, got {tuple(pair)}. Order them."
        )
    return low, high
