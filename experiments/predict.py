"""Name what is on pictures, with a network that was trained before.

python experiments/predict.py runs/cnn_cifar/STAMP photo1.png photo2.jpg
python experiments/predict.py runs/cnn_cifar/STAMP FOLDER --out answers.csv

The answer is a table (CSV) with a row for each picture, in the order given: the most probable
class, its probability and that of every class. A picture that cannot be read keeps its row, with
the reason. What was understood is printed first, beside the output (on the standard error).
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
from torch import Tensor
from tyro.conf import Positional

from gnnvision import cli
from gnnvision.data.file_names import printable
from gnnvision.data.images import image_files
from gnnvision.data.overview import join_names
from gnnvision.training import Predictor

TOGETHER = 200  # pictures read before the network sees them


@dataclass(frozen=True, kw_only=True)
class Config:
    """The flags of this script.

    Args:
        checkpoint: a run folder, its checkpoints folder, or a file in it.
        images: picture files, or folders of them.
        out: the table; else it is printed.
        device: "cpu", "cuda", "cuda:1" or "mps".
    """

    checkpoint: Annotated[Path, Positional]
    images: Annotated[tuple[Path, ...], Positional]
    out: Path | None = None
    device: str = "cpu"


def main(config: Config) -> None:
    """Load the network, read the pictures, write a row for each."""
    predictor = Predictor.load(config.checkpoint, cli.usable_device(config.device))
    files = image_files(config.images)
    cli.print_entries(understood(predictor, config.images, files), sys.stderr)
    names = [
        "file",
        "label",
        "probability",
        *(f"p_{name}" for name in predictor.class_names),
        "status",
        "reason",
    ]
    with cli.output(config.out) as file:
        writer = csv.DictWriter(file, names, restval="", lineterminator="\n")
        writer.writeheader()
        failed = 0
        for row in answers(predictor, files):
            writer.writerow(row)
            failed += row["status"] == "failed"
    if failed:
        print(
            f"{failed} of {len(files)} pictures could not be read; see 'reason'", file=sys.stderr
        )


def understood(
    predictor: Predictor, named_paths: Sequence[Path], files: Sequence[Path]
) -> dict[str, str]:
    """What the network is of, which files it is asked about, and which are passed over."""
    taken = set(files)
    folders = [path for path in named_paths if path.is_dir()]
    other = [
        str(path.relative_to(folder))
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path not in taken and path.is_file()
    ]
    endings = Counter(path.suffix.lower() or "no ending" for path in files)
    counts = join_names(f"{count:,} {ending}" for ending, count in endings.most_common())
    height, width = predictor.size
    colors = {1: "gray", 3: "RGB"}.get(predictor.channels, f"{predictor.channels} channels")
    return {
        "network": f"of {predictor.about.get('title', 'an unnamed run')}, "
        f"{len(predictor.class_names):,} classes: {join_names(predictor.class_names)}",
        "images": f"{len(files):,} ({counts}), each made {height} x {width} pixels, {colors}",
        "passed over": f"{len(other):,}, no images: {printable(join_names(other))}"
        if other
        else "",
    }


def answers(predictor: Predictor, files: Sequence[Path]) -> Iterator[dict[str, str]]:
    """The row of each picture, in the order given."""
    for first in range(0, len(files), TOGETHER):
        rows, pictures = [], []
        for path in files[first : first + TOGETHER]:
            row = {"file": printable(str(path))}
            try:
                picture, changes = predictor.read(path)
            except (ValueError, OSError) as error:
                row |= {"status": "failed", "reason": str(error)}
            else:
                pictures.append(picture)
                row |= {"status": "changed" if changes else "ok", "reason": "; ".join(changes)}
            rows.append(row)
        chances = iter(predictor(torch.stack(pictures)) if pictures else ())
        for row in rows:
            yield row if row["status"] == "failed" else row | named(predictor, next(chances))


def named(predictor: Predictor, chances: Tensor) -> dict[str, str]:
    """The columns of one picture's probabilities."""
    best = int(torch.argmax(chances))
    row = {"label": predictor.class_names[best], "probability": f"{chances[best]:.4f}"}
    pairs = zip(predictor.class_names, chances, strict=True)
    return row | {f"p_{name}": f"{chance:.4f}" for name, chance in pairs}


def start(argv: Sequence[str] | None = None) -> None:
    """Run with the flags of the command line, or with `argv`."""
    cli.run(Config, main, argv)


if __name__ == "__main__":
    start()
