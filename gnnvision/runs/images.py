"""Images for a network: files, folders of them, or tensors."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision.data.file_names import printable
from gnnvision.data.images import image_files, read_image
from gnnvision.data.images.image_file import ENDINGS, image_size
from gnnvision.data.images.views import average_predictions
from gnnvision.data.overview import join_names
from gnnvision.domains import Domain, Grid
from gnnvision.domains.molecule import read_smiles
from gnnvision.errors import invalid, wrong_dtype, wrong_type
from gnnvision.layers.calling import call
from gnnvision.runs.inputs import Block, Input, Reader, refuse_options

__all__ = ["ImageReader"]

_FILES, _TENSORS = 200, 500  # images of a block
Paths = Sequence[str | os.PathLike[str]]


class ImageReader(Reader):
    """Reads images in the size, the channels and with the normalization of a run."""

    kind = "image"
    id_name = "file"
    class_name = "label"

    def __init__(self, about: Mapping[str, Any], device: str) -> None:
        super().__init__(about, device)
        given = self.given
        self.channels: int = given["channels"]
        self.size: tuple[int, int] = tuple(given["size"])
        self.grid = Grid(self.size)
        self.reconstructs = about["kind"] == "regression" and (
            about.get("task", "ReconstructionTask") == "ReconstructionTask"
        )
        if self.reconstructs:
            self.output_names = ("reconstruction error",)
        self._mean = torch.tensor(given["mean"], device=device).view(-1, 1, 1)
        self._std = torch.tensor(given["std"], device=device).view(-1, 1, 1)

    def normalize(self, images: Tensor) -> Tensor:
        """What the network reads: uint8 (B, C, H, W) -> float32 (B, C, H, W)."""
        x = (images.to(self.device).float() / 255 - self._mean) / self._std
        return x.contiguous(memory_format=torch.channels_last)

    def blocks(self, inputs: Any, **options: Any) -> Iterator[Block]:  # noqa: ANN401
        """Images of files, folders and tensors; see `Run.predict`."""
        refuse_options(options, (), "image")
        if isinstance(inputs, Tensor):
            return self._of_tensor(inputs)
        return self._of_files(self.files(inputs))

    def _of_tensor(self, images: Tensor) -> Iterator[Block]:
        if images.dtype != torch.uint8:
            raise wrong_dtype("images", "be uint8", images.dtype, "Give pixels from 0 to 255.")
        expected = (self.channels, *self.size)
        if images.ndim != 4 or tuple(images.shape[1:]) != expected:
            condition = f"have shape (B, {', '.join(map(str, expected))}) as in training"
            raise invalid("images", condition, tuple(images.shape), "Convert and resize them.")
        for first in range(0, max(len(images), 1), _TENSORS):
            some = images[first : first + _TENSORS]
            names = [str(first + number) for number in range(len(some))]
            x = self.normalize(some) if len(some) else None
            yield Block(names, [""] * len(names), x, self.grid)

    def _of_files(self, files: Sequence[Path]) -> Iterator[Block]:
        for first in range(0, len(files), _FILES):
            names, reasons, changes, images = [], [], [], []
            for path in files[first : first + _FILES]:
                names.append(printable(str(path)))
                try:
                    image, notes = read_image(path, self.size, self.channels)
                except (ValueError, OSError) as error:
                    reasons.append(str(error) or type(error).__name__)
                    changes.append("")
                    continue
                images.append(image)
                reasons.append("")
                changes.append("; ".join(notes))
            x = self.normalize(torch.stack(images)) if images else None
            yield Block(names, reasons, x, self.grid, changes=changes)

    def files(self, inputs: Any) -> list[Path]:  # noqa: ANN401
        """The image files that paths name; a file of an image that does not exist is listed too.

        Raises:
            TypeError: if they are not paths.
            ValueError: if they name none, or what is neither a file nor called like an image.
        """
        return image_files(self._paths(inputs, ENDINGS))

    def _paths(self, inputs: Any, kept: Collection[str] = ()) -> list[str]:  # noqa: ANN401
        paths = [inputs] if isinstance(inputs, (str, os.PathLike)) else inputs
        if not isinstance(paths, Sequence) or not all(
            isinstance(path, (str, os.PathLike)) for path in paths
        ):
            condition = "be image files, folders of them, or a uint8 tensor"
            raise wrong_type("inputs", condition, inputs, "This run was trained on images.")
        texts = [os.fspath(path) for path in paths]
        for text in texts:
            if not Path(text).exists() and not text.lower().endswith(tuple(kept)):
                what = "a molecule" if _is_molecule(text) else "not a file"
                condition = f"be an image file for a network trained on {self.title}"
                advice = "Give an image file, such as a PNG or JPEG."
                raise invalid("input", condition, f"{text!r}, which is {what}", advice)
        return texts

    def read(self, names: Sequence[str]) -> Iterator[Input]:
        """One image for each file."""
        for path in image_files(self._paths(names)):
            try:
                image, changes = read_image(path, self.size, self.channels)
            except (ValueError, OSError) as error:
                given = f"{str(path)!r} ({error})"
                condition = "be an image that can be read"
                raise invalid("input", condition, given, "Leave it out.") from error
            before = image_size(path.read_bytes())
            if before != self.size:
                old, new = (" × ".join(map(str, size)) for size in (before, self.size))
                resized = f"{old} pixels; resized, then cropped to the center {new}"
                changes = (*changes, resized)
            name, x = printable(path.name), self.normalize(image[None])
            yield Input(name, x, self.grid, image=image, notes=tuple(changes))

    def describe(self, inputs: Any) -> dict[str, str]:  # noqa: ANN401
        """The images, how they are read, and which files are ignored."""
        height, width = self.size
        colors = {1: "grayscale", 3: "RGB"}.get(self.channels, f"{self.channels} channels")
        size = f"each resized to {height} x {width} pixels, {colors}"
        if isinstance(inputs, Tensor):
            return {"images": f"{len(inputs):,}, {height} x {width} pixels, {colors}"}
        paths, files = self._paths(inputs, ENDINGS), self.files(inputs)
        known = set(files)
        ignored = [
            str(path.relative_to(folder))
            for folder in map(Path, paths)
            if folder.is_dir()
            for path in sorted(folder.rglob("*"))
            if path not in known and path.is_file()
        ]
        endings = Counter(path.suffix.lower() or "no ending" for path in files)
        counts = join_names(f"{count:,} {ending}" for ending, count in endings.most_common())
        names = printable(join_names(ignored))
        return {
            "images": f"{len(files):,} ({counts}), {size}",
            "ignored": f"{len(ignored):,} (not images): {names}" if ignored else "",
        }

    def check(self, run: Callable[[Tensor, Domain], Tensor]) -> Tensor:
        """The output for one black image."""
        blank = torch.zeros(1, self.channels, *self.size, dtype=torch.uint8)
        return run(self.normalize(blank), self.grid)

    def output(self, network: nn.Module, x: Tensor, domain: Domain) -> Tensor:
        """The mean output over the views of the run.

        For a run that reconstructs images, the root mean squared error of each image instead, for
        pixels from 0 to 1. Shape (B, 1).
        """
        if self.reconstructs:
            pixels = x * self._std + self._mean
            error = call(network, x, domain).float().flatten(1) - pixels.flatten(1)
            return error.square().mean(1, keepdim=True).sqrt()
        return average_predictions(network, x, domain, self.given.get("test_views", "none"))


def _is_molecule(text: str) -> bool:
    try:
        read_smiles(text)
    except ValueError:
        return False
    return True
