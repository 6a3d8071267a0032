"""Classify the documents of a citation graph with a graph convolutional network.

python experiments/gcn_cora.py                                 Kipf and Welling's GCN, 10 seeds
python experiments/gcn_cora.py --dataset citeseer --seeds 100
python experiments/gcn_cora.py --model classic --split random  a wider GCN with batch norm
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import gnnvision as gv
from gnnvision import cli

RECIPES = {
    "gcn": gv.Recipe(
        epochs=200,
        lr=0.01,
        weight_decay=5e-4,
        weight_decay_scope="first",
        checkpoint_selection="last",
    ),
    "classic": gv.Recipe(epochs=200, lr=0.01, weight_decay=5e-4, patience=60),
}


@dataclass(frozen=True, kw_only=True)
class Config(cli.Options):
    """The flags of this script.

    Args:
        dataset: cora, citeseer, pubmed, karate or stdlib; "auto" is Cora if it is available.
        model: "gcn" of Kipf and Welling (2017), or the wider "classic" of Luo et al. (2024).
    """

    model: Literal["gcn", "classic"] = "gcn"
    recipes = RECIPES


def main(config: Config) -> gv.Result:
    """Load the graph, build the network, train it, and write the report."""
    loaded = cli.load(config, "cora")
    task = cli.nodes(loaded)
    if config.model == "gcn":
        model = gv.models.gcn(task.in_channels, 16, task.num_classes, dropout=0.5)
    else:
        model = gv.models.classic_gcn(
            task.in_channels, 256, task.num_classes, num_layers=2, dropout=0.7
        )
    return cli.fit("gcn_cora", config, model, loaded, RECIPES[config.model])


def start(argv: Sequence[str] | None = None) -> None:
    """Run with the flags of the command line, or with `argv`."""
    cli.run(Config, main, argv)


if __name__ == "__main__":
    start()
