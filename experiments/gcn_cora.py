"""Classify the documents of a citation graph with a graph convolutional network.

python experiments/gcn_cora.py                                 Kipf and Welling's GCN, 10 seeds
python experiments/gcn_cora.py --dataset citeseer --seeds 100
python experiments/gcn_cora.py --model classic --split random  a wider GCN with batch norm
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

import gnnvision as gv
from gnnvision import cli
from gnnvision.training.presets import NODE_RECIPES


@dataclass(frozen=True, kw_only=True)
class Config(cli.Options):
    """The flags of this script.

    Args:
        dataset: cora, citeseer, pubmed, karate or stdlib; "auto" is Cora if it is available.
        model: "gcn" of Kipf and Welling (2017), or the wider "classic" of Luo et al. (2024).
    """

    model: Literal["gcn", "classic"] = "gcn"
    recipes = NODE_RECIPES


def main(config: Config) -> gv.Result:
    """Load the graph, build the network, train it, and write the report."""
    task = cli.nodes(gv.data.load(config.source("cora"), **config.data_options()))
    if config.model == "gcn":
        model = gv.models.gcn(task.in_channels, 16, task.num_classes, dropout=0.5)
    else:
        model = gv.models.classic_gcn(
            task.in_channels, 256, task.num_classes, num_layers=2, dropout=0.7
        )
    recipe = config.adapt(NODE_RECIPES[config.model], task)
    with cli.training_run("gcn_cora", config, task, model, recipe) as run:
        result = gv.fit(model, task, recipe, config.seeds, **run.options)
        run.show(result)
        result.report(run.progress)
    return result


start = partial(cli.run, Config, main)

if __name__ == "__main__":
    start()
