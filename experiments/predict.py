"""Name what is on pictures, with a network that was trained before.

python experiments/predict.py runs/cnn_cifar/STAMP photo1.png photo2.jpg
python experiments/predict.py runs/cnn_cifar/STAMP FOLDER --out answers.csv

The answer is a table (CSV) with a row for each picture, in the order given: the most probable
class, its probability and that of every class. A picture that cannot be read keeps its row, with
the reason.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
from tyro.conf import Positional

from gnnvision import cli
from gnnvision.data.images import picture_files
from gnnvision.training import Predictor


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
    rows = [answer(predictor, path) for path in picture_files(config.images)]
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
        writer.writerows(rows)
    failed = sum(row["status"] == "failed" for row in rows)
    if failed:
        print(f"{failed} of {len(rows)} pictures could not be read; see 'reason'", file=sys.stderr)


def answer(predictor: Predictor, path: Path) -> dict[str, str]:
    """The row of one picture."""
    try:
        picture, changes = predictor.read(path)
    except (ValueError, OSError) as error:
        return {"file": str(path), "status": "failed", "reason": str(error)}
    chances = predictor(picture[None])[0]
    best = int(torch.argmax(chances))
    row = {
        "file": str(path),
        "label": predictor.class_names[best],
        "probability": f"{chances[best]:.4f}",
        "status": "changed" if changes else "ok",
        "reason": "; ".join(changes),
    }
    return row | {
        f"p_{name}": f"{chance:.4f}"
        for name, chance in zip(predictor.class_names, chances, strict=True)
    }


def start(argv: Sequence[str] | None = None) -> None:
    """Run with the flags of the command line, or with `argv`."""
    cli.run(Config, main, argv)


if __name__ == "__main__":
    start()
