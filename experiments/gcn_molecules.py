"""Predict a property of molecules with a graph convolutional network.

python experiments/gcn_molecules.py                                      solubility in water
python experiments/gcn_molecules.py --model lecture                      GCN layers, mean readout
python experiments/gcn_molecules.py --dataset hiv --split scaffold
python experiments/gcn_molecules.py --dataset mutag --seeds 10 --model baseline
python experiments/gcn_molecules.py --csv FILE --smiles COLUMN --target COLUMN
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import gnnvision as gv
from gnnvision import cli
from gnnvision.training import recipes

COMMON = gv.Recipe(optimizer="adamw", schedule="one_cycle", weight_decay=1e-5, warmup=0.1)
RECIPES = {
    "lecture": replace(COMMON, epochs=100, lr=3e-3, batch_size=64),
    "strong": recipes.BOND_NETWORK,
    "baseline": replace(COMMON, epochs=100, lr=1e-2, batch_size=64),
}
GRAPH_RECIPES = {  # for datasets like MUTAG, with few graphs and few features
    "lecture": replace(COMMON, epochs=100, lr=3e-2, batch_size=32),
    "strong": replace(COMMON, epochs=50, lr=1e-3, batch_size=32),
    "baseline": replace(COMMON, epochs=200, lr=1e-2, batch_size=32),
}
MANY, FEWER_EPOCHS = 20_000, 12  # training molecules from which on fewer epochs are enough
NETWORKS = {"lecture": "molecule_gcn", "strong": "bond_network", "baseline": "graph_baseline"}


@dataclass(frozen=True, kw_only=True)
class Config(cli.MoleculeOptions):
    """The flags of this script.

    Args:
        dataset: esol, freesolv, lipophilicity, tox21, hiv, bbbp, sider, clintox or bioactivity,
            or graphs: mutag, proteins, nci1; "auto" is ESOL if it is available.
        epochs: Passes over the training split; fewer on more than 20,000 molecules.
        model: GCN layers with a mean readout ("lecture"), messages along directed bonds
            ("strong"), or a structure-agnostic baseline that ignores edges.
        descriptors: Also give the strong network descriptors of the whole molecule.
    """

    model: Literal["lecture", "strong", "baseline"] = "strong"
    descriptors: bool = True

    recipes = RECIPES | {f"{name} on graphs": r for name, r in GRAPH_RECIPES.items()}


def main(config: Config) -> gv.Result:
    """Load the molecules, build the network, train it, and write the report."""
    strong = config.model == "strong"
    if not (strong and config.has_molecules):
        which = f"with --model {config.model} --dataset {config.dataset}, without descriptors"
        cli.refuse_unused(config, {"descriptors": True}, which)
    described = strong and config.descriptors and config.has_molecules
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
    recipe = (GRAPH_RECIPES if graphs else RECIPES)[config.model]
    if len(task.split.train) > MANY:
        recipe = replace(recipe, epochs=FEWER_EPOCHS)
    return cli.fit("gcn_molecules", config, model, loaded, recipe, ensemble=True)


def start(argv: Sequence[str] | None = None) -> None:
    """Run with the flags of the command line, or with `argv`."""
    cli.run(Config, main, argv)


if __name__ == "__main__":
    start()
