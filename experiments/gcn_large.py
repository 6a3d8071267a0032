"""Classify the nodes of a graph of any size: training sees some neighbors of each node.

python experiments/gcn_large.py                           a generated graph of 100,000 nodes
python experiments/gcn_large.py --nodes 10_000_000        one of 10 million, written to disk once
python experiments/gcn_large.py --dataset ogbn-arxiv      a node set of the Open Graph Benchmark
python experiments/gcn_large.py --dataset OUT             what `gnnvision graph build` wrote to OUT
torchrun --nproc-per-node 4 experiments/gcn_large.py      the batches shared by four processes

Epochs are compared on a fixed draw of the validation nodes; the final metrics are exact: they use
all neighbors, layer by layer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import gnnvision as gv
from gnnvision import cli
from gnnvision.errors import invalid
from gnnvision.training.presets import SAMPLED_RECIPE

RECIPE = replace(SAMPLED_RECIPE, lr=0.01, batch_size=128)  # 1 % of the nodes have a label


@dataclass(frozen=True, kw_only=True)
class Config(cli.Options):
    """The flags of this script.

    Args:
        dataset: power-law, which is generated, ogbn-arxiv, ogbn-products, or a folder that
            `gnnvision graph build` wrote.
        nodes: Number of nodes of the generated graph; 100,000 if not given.
        model: The GCN of Kipf and Welling, or GraphSAGE with the mean of the neighbors.
        hidden: Width of the hidden layers.
        fanouts: How many neighbors a node gets in each hop, one number for each layer, that of
            the last layer first; -1 takes all. By default 15 10.
        clusters: In place of neighbors, into how many clusters the nodes are divided, and how
            many of them are a training step.
        batch_size: Nodes in a training step, besides their neighbors.
    """

    dataset: str = "power-law"
    nodes: int | None = None
    model: Literal["gcn", "graphsage"] = "gcn"
    hidden: int = 64
    fanouts: tuple[int, ...] = ()
    clusters: tuple[int, ...] = ()
    batch_size: int | None = None
    seeds: int = 1
    recipes = {"gcn": RECIPE}
    other_names = cli.Options.other_names | {("data", "num_nodes"): "nodes"}


def main(config: Config) -> gv.Result:
    """Load or generate the graph, build the network, train it, and write the report."""
    options = config.data_options()
    if config.nodes is not None:
        if config.dataset != "power-law":
            advice = "Only the generated graph has a size to choose."
            raise invalid("--nodes", "be left out for other data", config.nodes, advice)
        options["num_nodes"] = config.nodes
    task = cli.nodes(gv.data.load(config.source("power-law"), **options))
    model = gv.models.build(
        config.model, in_channels=task.in_channels, hidden_channels=config.hidden,
        num_classes=task.num_classes, num_layers=len(config.fanouts) or 2,
    )  # fmt: skip
    recipe = config.adapt(RECIPE, task)
    with cli.training_run("gcn_large", config, task, model, recipe) as run:
        result = gv.fit(model, task, recipe, config.seeds, **run.options)
        run.show(result)
        result.report(run.progress)
    return result


start = partial(cli.run, Config, main)

if __name__ == "__main__":
    start()
