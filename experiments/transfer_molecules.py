"""Low-data transfer: pretrain on many molecules, then train on few measured ones.

python experiments/transfer_molecules.py                          Tox21 first, then ESOL
python experiments/transfer_molecules.py --weights runs/gcn_molecules/STAMP
python experiments/transfer_molecules.py --csv FILE --target COLUMN --labels 20 40 80

A bond network is trained on a large dataset, or loaded from a run. With few labels of another
dataset, the whole network or only its head is trained further, and compared with one trained from
scratch. Learning rates were chosen on the validation split of ESOL's seeds 100 to 102.
"""

from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import gnnvision as gv
from gnnvision import cli
from gnnvision.training.presets import FEW_LABELS
from gnnvision.training.recipes import BOND_NETWORK


@dataclass(frozen=True, kw_only=True)
class Config(cli.MoleculeOptions):
    """The flags of this script.

    Args:
        dataset: The small dataset: esol, freesolv, lipophilicity or another one; "auto" is ESOL
            if it is available.
        pretrain: The large dataset.
        weights: A run of gcn_molecules.py with --no-descriptors, instead of pretraining.
        epochs: Passes over the training split, in pretraining and with few labels. To change only
            the latter, give the pretrained network as --weights.
        labels: Numbers of molecules to train on.
        seeds: Number of random draws of these molecules.
    """

    pretrain: str = "tox21"
    weights: Path | None = None
    labels: tuple[int, ...] = (50, 100, 200)
    seeds: int = 5

    needs = ("molecules", "report")
    recipes = {"pretraining": BOND_NETWORK} | FEW_LABELS
    groups = {"data": ("pretrain", "labels")}
    metavars = {"pretrain": "NAME", "weights": "RUN"}


def main(config: Config) -> None:
    """Pretrain, train on few labels with three methods, and write the table and the page."""
    from gnnvision.report.label_curve import low_data_page

    if config.weights is not None:
        cli.refuse_unused(config, {"pretrain": "tox21"}, "with --weights")
    task = cli.regression(gv.data.load(config.source("esol"), **config.data_options()))
    few = {count: gv.transfer.with_few_labels(task, count) for count in config.labels}
    options, before = cli.fit_options(config), config.weights or config.adapt(BOND_NETWORK)
    with cli.page("transfer_molecules", config) as page, cli.resumable(page.folder):
        cli.print_overview(task)
        backbone = gv.transfer.molecule_backbone(
            config.pretrain, config.weights, page.folder / "pretrained", task,
            root=config.data_root, recipe=config.adapt(BOND_NETWORK), **options,
        )  # fmt: skip
        scores = gv.transfer.LowDataScores(page.folder, task, FEW_LABELS)
        for count, method in product(few, FEW_LABELS):
            if count not in scores.values[method]:
                model = gv.transfer.initial_model(method, backbone, task.num_outputs)
                recipe = config.adapt(FEW_LABELS[method])
                now = options | scores.options | {"progress": False}
                with page.step("training"):
                    result = gv.fit(model, few[count], recipe, config.seeds, **now)
                print(scores.add(method, count, result))
        used = {method: config.adapt(recipe) for method, recipe in FEW_LABELS.items()}
        page.write(*low_data_page(page.figures, task, backbone.name, scores.values, used, before))


start = partial(cli.run, Config, main)

if __name__ == "__main__":
    start()
