"""Look into a trained network: what its layers find in pictures, molecules or papers.

python experiments/feature_maps.py runs/cnn_cifar/STAMP photo.jpg
python experiments/feature_maps.py runs/gcn_molecules/STAMP CCO "c1ccccc1C(=O)O"
python experiments/feature_maps.py runs/gcn_cora/STAMP 1708                   a node, by number
python experiments/feature_maps.py runs/gcn_molecules/MUTAG_STAMP 17   a graph of the set, from 1
python experiments/feature_maps.py torchvision:resnet18 photo.jpg --list      the layers
python experiments/feature_maps.py torchvision:mobilenet_v2=FILE.safetensors photo.jpg

It leaves a page with the maps of a few layers from local to global, what one of their sites sees
of the input, and the filters; beside it are the pictures and the maps' numbers (.npz).
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from gnnvision import cli
from gnnvision.cli.asked import answer, canvas
from gnnvision.cli.subjects import load_subjects
from gnnvision.explain import find_layer, layers
from gnnvision.report.layer_page import Looked, look_into
from gnnvision.report.page import write_page


@dataclass(frozen=True, kw_only=True)
class Config(cli.LookOptions):
    """The flags of this script.

    Args:
        layer: which layers to look at, by name; else a few from local to global.
        list: print the layers with their shapes, and make no page.
    """

    layer: tuple[str, ...] = ()
    list: bool = False


def main(config: Config) -> None:
    """Print the layers, or make the page in a run folder."""
    subjects = load_subjects(config.model, config.inputs, cli.usable_device(config.device))
    first = subjects.items[0]
    if config.list:
        cli.refuse_unused(config, {"layer": (), "out": Path("runs")}, "with --list")
        Console(soft_wrap=True).print(layers(subjects.model, first.x, first.domain))
        return
    for name in config.layer:  # a wrong one leaves no folder behind
        find_layer(subjects.model, first.x, first.domain, name)
    looked = [
        Looked(s.name, s.x, s.domain, canvas(subjects, s), answer(subjects, s), s.notes)
        for s in subjects.items
    ]
    command = shlex.join(["python", *sys.argv])
    flags = {"model": config.model, "inputs": list(config.inputs), "layer": list(config.layer)}
    settings = {"experiment": "feature_maps", "command": command, "flags": flags}
    title = f"What the layers see: a network for {subjects.title}"
    about = "Feature maps: what each layer of a network finds, and where."
    with cli.run_folder(config.out, "feature_maps", settings) as folder:
        figures = folder / "figures"
        figures.mkdir()
        names = subjects.feature_names
        sections = look_into(subjects.model, looked, config.layer, figures, names)
        page = write_page(folder, title, about, sections, command)
    print(f"report: {page}")


def start(argv: Sequence[str] | None = None) -> None:
    """Run with the flags of the command line, or with `argv`."""
    cli.run(Config, main, argv)


if __name__ == "__main__":
    start()
