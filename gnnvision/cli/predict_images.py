"""Predictions for image files, as rows of a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from gnnvision.data.file_names import printable
from gnnvision.data.overview import join_names
from gnnvision.training import Predictor

__all__ = ["describe_images", "image_columns", "predict_images"]

_BATCH = 200  # images that are read before the network gets them


def describe_images(
    predictor: Predictor, paths: Sequence[Path], files: Sequence[Path]
) -> dict[str, str]:
    """Which network predicts, for which files, and which files are ignored, for an overview.

    Args:
        predictor: the network.
        paths: files and folders, as they were named.
        files: the image files among them.
    """
    known = set(files)
    ignored = [
        str(path.relative_to(folder))
        for folder in paths
        if folder.is_dir()
        for path in sorted(folder.rglob("*"))
        if path not in known and path.is_file()
    ]
    endings = Counter(path.suffix.lower() or "no ending" for path in files)
    counts = join_names(f"{count:,} {ending}" for ending, count in endings.most_common())
    height, width = predictor.size
    colors = {1: "grayscale", 3: "RGB"}.get(predictor.channels, f"{predictor.channels} channels")
    classes = f"{len(predictor.class_names):,} classes: {join_names(predictor.class_names)}"
    size = f"each resized to {height} x {width} pixels, {colors}"
    names = printable(join_names(ignored))
    return {
        "network": f"trained on {predictor.about.get('title', 'an unnamed run')}, {classes}",
        "images": f"{len(files):,} ({counts}), {size}",
        "ignored": f"{len(ignored):,} (not images): {names}" if ignored else "",
    }


def image_columns(predictor: Predictor) -> list[str]:
    """The header of the table."""
    probabilities = (f"p_{name}" for name in predictor.class_names)
    return ["file", "label", "probability", *probabilities, "status", "reason"]


def predict_images(predictor: Predictor, files: Sequence[Path]) -> Iterator[dict[str, str]]:
    """The row of each image, in the order given; of an unreadable one, the reason."""
    for first in range(0, len(files), _BATCH):
        rows, images = [], []
        for path in files[first : first + _BATCH]:
            row = {"file": printable(str(path))}
            try:
                image, changes = predictor.read(path)
            except (ValueError, OSError) as error:
                row |= {"status": "failed", "reason": str(error)}
            else:
                images.append(image)
                row |= {"status": "changed" if changes else "ok", "reason": "; ".join(changes)}
            rows.append(row)
        probabilities = iter(predictor(torch.stack(images)) if images else ())
        for row in rows:
            failed = row["status"] == "failed"
            yield row if failed else row | _cells(predictor, next(probabilities))


def _cells(predictor: Predictor, probabilities: Tensor) -> dict[str, str]:
    best = int(torch.argmax(probabilities))
    row = {"label": predictor.class_names[best], "probability": f"{probabilities[best]:.4f}"}
    pairs = zip(predictor.class_names, probabilities, strict=True)
    return row | {f"p_{name}": f"{probability:.4f}" for name, probability in pairs}
