"""Classify images with a network that was trained before.

python experiments/predict.py runs/cnn_cifar/STAMP photo1.png photo2.jpg
python experiments/predict.py runs/cnn_cifar/STAMP FOLDER --out predictions.csv

The output is a table (CSV) with a row for each image, in the order given: the most probable
class, its probability, and the probability of every class. An image that cannot be read keeps its
row, with the reason. An overview of the input is printed first, on the standard error.
"""

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import gnnvision as gv
from gnnvision import cli


@dataclass(frozen=True, kw_only=True)
class Config:
    """The flags of this script.

    Args:
        checkpoint: A run folder, its checkpoints folder, or a file in it.
        images: Image files, or folders of them.
        out: File for the table. By default it is printed.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps"; "auto" takes a GPU if there is one.
    """

    checkpoint: Path
    images: tuple[Path, ...]
    out: Path | None = None
    device: str = "cpu"

    arguments = {"checkpoint": "RUN", "images": "IMAGE"}
    groups = {"input": ("checkpoint", "images"), "output": ("out", "device")}
    metavars = {"out": "FILE", "device": "DEVICE"}


def main(config: Config) -> None:
    """Load the network, read the images, and write a row for each."""
    run = gv.load_run(config.checkpoint, device=cli.usable_device(config.device))
    run.check_kind("image")
    cli.print_entries(run.describe(config.images), sys.stderr)
    with cli.open_output(config.out) as file:
        done = gv.runs.write_predictions(run.stream(config.images), file)
    if done.failed:
        print(
            f"{done.failed} of {done.rows} images could not be read; see column 'reason'.",
            file=sys.stderr,
        )


start = partial(cli.run, Config, main)

if __name__ == "__main__":
    start()
