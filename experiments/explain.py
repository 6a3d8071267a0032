"""Explain the predictions of a trained network: which pixels, atoms or nodes they depend on.

python experiments/explain.py runs/cnn_cifar/STAMP photo.jpg
python experiments/explain.py runs/gcn_molecules/STAMP CCO "c1ccccc1C(=O)O"
python experiments/explain.py runs/gcn_cora/STAMP 1708           a node, by number from 0
python experiments/explain.py runs/gcn_molecules/MUTAG_STAMP 17  a graph, by number from 1
python experiments/explain.py torchvision:mobilenet_v2=FILE.safetensors photo.jpg --target tabby
python experiments/explain.py RUN photo.jpg --method gradient guided-gradient occlusion

The page shows several attribution methods side by side and tests each: whether the prediction
falls when the sites with the highest attribution are removed (deletion and insertion), and
whether the attribution depends on the learned weights (parameter-randomization test). The numbers
are in attributions.csv (test results) and attributions.npz (attributions).
"""

from dataclasses import dataclass
from functools import partial

from gnnvision import cli


@dataclass(frozen=True, kw_only=True)
class Config(cli.ExplainOptions):
    """The flags of this script."""


def main(config: Config) -> None:
    """Compute and test the attributions, and write the page to a run folder."""
    cli.explain(config, config.model)


start = partial(cli.run, Config, main)

if __name__ == "__main__":
    start()
