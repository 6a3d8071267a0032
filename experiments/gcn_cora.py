"""Classify the papers of a citation graph with a graph convolutional network.

python experiments/gcn_cora.py                                  10 seeds of Kipf's GCN
python experiments/gcn_cora.py --dataset citeseer --seeds 100
python experiments/gcn_cora.py --model classic --split random
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import gnnvision as gv
from gnnvision import cli


@dataclass(frozen=True, kw_only=True)
class Config(cli.Options):
    """The flags of this script.

    Args:
        dataset: auto, cora, citeseer, pubmed, karate or stdlib; auto is Cora where it can be had.
        model: Kipf and Welling's "gcn", or the deeper and wider "classic" one of today.
    """

    model: Literal["gcn", "classic"] = "gcn"


def main(config: Config) -> gv.Result:
    """Load, build, train; what is left is in the run folder."""
    loaded = cli.load(config, "cora")
    task = cli.nodes(loaded)
    if config.model == "gcn":
        model = gv.models.gcn(task.in_channels, 16, task.num_classes, dropout=0.5)
        recipe = gv.Recipe(
            epochs=200,
            lr=0.01,
            weight_decay=5e-4,
            weight_decay_scope="first",
            checkpoint_selection="last",
        )
    else:
        model = gv.models.classic_gcn(
            task.in_channels, 256, task.num_classes, num_layers=2, dropout=0.7
        )
        recipe = gv.Recipe(epochs=200, lr=0.01, weight_decay=5e-4, patience=60)
    return cli.fit("gcn_cora", config, model, loaded, recipe)


def start(argv: Sequence[str] | None = None) -> None:
    """Run with the flags of the command line, or with `argv`."""
    cli.run(Config, main, argv)


if __name__ == "__main__":
    start()
