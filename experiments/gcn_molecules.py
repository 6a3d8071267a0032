"""Predict a property of molecules with a graph convolutional network.

python experiments/gcn_molecules.py                                      solubility in water
python experiments/gcn_molecules.py --model lecture                      GCN layers, mean readout
python experiments/gcn_molecules.py --dataset hiv --split scaffold
python experiments/gcn_molecules.py --dataset mutag --seeds 10 --model baseline
python experiments/gcn_molecules.py --csv FILE --smiles COLUMN --target COLUMN
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

import gnnvision as gv
from gnnvision import cli
from gnnvision.training.presets import GRAPH_PRESETS

RECIPES = {name: preset.molecules for name, preset in GRAPH_PRESETS.items()}
ON_GRAPHS = {f"{name} on graphs": preset.graphs for name, preset in GRAPH_PRESETS.items()}


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

    recipes = RECIPES | ON_GRAPHS


def main(config: Config) -> gv.Result:
    """Load the molecules, build the network, train it, and write the report."""
    strong = config.model == "strong"
    if not (strong and config.has_molecules):
        which = f"with --model {config.model} --dataset {config.dataset}, without descriptors"
        cli.refuse_unused(config, {"descriptors": True}, which)
    described = strong and config.descriptors and config.has_molecules
    options = config.data_options() | {"descriptors": described}
    task = cli.molecules(gv.data.load(config.source("esol"), **options))
    preset = GRAPH_PRESETS[config.model]
    model = gv.models.build(
        preset.network,
        in_channels=task.in_channels,
        num_outputs=task.num_outputs,
        **preset.settings(task),
    )
    recipe = config.adapt(preset.recipe(task), task)
    with cli.training_run("gcn_molecules", config, task, model, recipe, ensemble=True) as run:
        result = gv.fit(model, task, recipe, config.seeds, **run.options)
        run.show(result)
        result.report(run.progress)
    return result


start = partial(cli.run, Config, main)

if __name__ == "__main__":
    start()
