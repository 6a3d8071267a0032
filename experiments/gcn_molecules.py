"""Predict a property of molecules with a graph convolutional network.

python experiments/gcn_molecules.py                                      solubility in water
python experiments/gcn_molecules.py --model lecture                      graph convolution, mean
python experiments/gcn_molecules.py --dataset hiv --split scaffold
python experiments/gcn_molecules.py --dataset mutag --seeds 10 --model baseline
python experiments/gcn_molecules.py --csv FILE --smiles COLUMN --target COLUMN
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import gnnvision as gv
from gnnvision import cli

RECIPES: dict[str, dict[str, Any]] = {
    "lecture": {"epochs": 100, "lr": 3e-3},
    "strong": {"epochs": 40, "lr": 3e-3, "ema_decay": 0.98},
    "baseline": {"epochs": 100, "lr": 1e-2},
}
GRAPH_RECIPES: dict[str, dict[str, Any]] = {  # of MUTAG and its like: few graphs, few features
    "lecture": {"epochs": 100, "lr": 3e-2, "batch_size": 32},
    "strong": {"epochs": 50, "lr": 1e-3, "batch_size": 32},
    "baseline": {"epochs": 200, "lr": 1e-2, "batch_size": 32},
}
MANY, FEWER_EPOCHS = 20_000, 12  # so many molecules are seen often enough in fewer epochs
NETWORKS = {"lecture": "molecule_gcn", "strong": "bond_network", "baseline": "graph_baseline"}


@dataclass(frozen=True, kw_only=True)
class Config(cli.MoleculeOptions):
    """The flags of this script.

    Args:
        dataset: auto, esol, freesolv, lipophilicity, tox21, hiv, bbbp, sider, clintox or
            bioactivity; auto is ESOL where it can be had. Or graphs: mutag, proteins, nci1.
        model: the lectures' graph convolutions with a mean, the strong one that follows bonds, or
            the baseline that sees no edges.
        descriptors: whether the strong network also reads descriptors of the whole molecule.
    """

    model: Literal["lecture", "strong", "baseline"] = "strong"
    descriptors: bool = True


def main(config: Config) -> gv.Result:
    """Load, build, train; what is left is in the run folder."""
    strong = config.model == "strong"
    if not (strong and config.of_molecules):
        which = f"with --model {config.model} --dataset {config.dataset}, which has none"
        cli.refuse_unused(config, {"descriptors": True}, which)
    described = strong and config.descriptors and config.of_molecules
    loaded = cli.load(config, "esol", descriptors=described)
    task = cli.molecules(loaded)
    graphs = task.card.kind == "graph"
    settings: dict[str, Any] = {}
    if strong:
        settings = {"bond_channels": task.num_edge_attr, "descriptors": task.num_graph_attr}
        settings |= {"hidden_channels": 100} if graphs else {"dropout": 0.1}
    model = gv.models.build(
        NETWORKS[config.model],
        in_channels=task.in_channels,
        num_outputs=task.num_outputs,
        **settings,
    )
    usual: dict[str, Any] = {"weight_decay": 1e-5, "warmup": 0.1, "batch_size": 64}
    asked = (GRAPH_RECIPES if graphs else RECIPES)[config.model]
    if len(task.split.train) > MANY:
        asked = asked | {"epochs": FEWER_EPOCHS}
    recipe = gv.Recipe(optimizer="adamw", schedule="one_cycle", **(usual | asked))
    return cli.fit("gcn_molecules", config, model, loaded, recipe, ensemble=True)


def start(argv: Sequence[str] | None = None) -> None:
    """Run with the flags of the command line, or with `argv`."""
    cli.run(Config, main, argv)


if __name__ == "__main__":
    start()
