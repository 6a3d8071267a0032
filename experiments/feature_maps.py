"""Show the feature maps of a trained network for images, molecules, graphs or nodes.

python experiments/feature_maps.py runs/cnn_cifar/STAMP photo.jpg
python experiments/feature_maps.py runs/gcn_molecules/STAMP CCO "c1ccccc1C(=O)O"
python experiments/feature_maps.py runs/gcn_cora/STAMP 1708           a node, by number from 0
python experiments/feature_maps.py runs/gcn_molecules/MUTAG_STAMP 17  a graph, by number from 1
python experiments/feature_maps.py torchvision:resnet18 photo.jpg --list     list the layers
python experiments/feature_maps.py torchvision:mobilenet_v2=FILE.safetensors photo.jpg

The page shows the feature maps of a few layers from input to output, the receptive field of one
site in each, and the filters. The maps are also saved as images and as numbers (.npz).
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import gnnvision as gv
from gnnvision import cli


@dataclass(frozen=True, kw_only=True)
class Config(cli.InspectOptions):
    """The flags of this script.

    Args:
        layer: Layers to show, by name. By default a few from input to output.
        list: Print the layers with their shapes, and write no page.
    """

    layer: tuple[str, ...] = ()
    list: bool = False

    own_group = "layers"
    groups = {"layers": ("layer", "list")}
    metavars = {"layer": "LAYER"}


def main(config: Config) -> None:
    """Print the layers, or write the page to a run folder."""
    inspected = cli.load_inspected(config.model, config.inputs, cli.usable_device(config.device))
    first = inspected.inputs[0]
    if config.list:
        cli.refuse_unused(config, {"layer": (), "out": Path("runs")}, "with --list")
        cli.print_table(gv.explain.layers(inspected.model, first.x, first.domain))
        return
    for name in config.layer:  # an unknown one leaves no folder behind
        gv.explain.find_layer(inspected.model, first.x, first.domain, name)
    with cli.page("feature_maps", config) as page:
        with page.step("feature maps"):
            sections = cli.feature_map_sections(inspected, config.layer, page.figures)
        page.write(
            f"Feature maps of a network trained on {inspected.title}",
            "The features that each layer computes, and where they respond.",
            sections,
        )


start = partial(cli.run, Config, main)

if __name__ == "__main__":
    start()
