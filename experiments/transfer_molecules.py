"""Low-data transfer: pretrain on many molecules, then train on few measured ones.

python experiments/transfer_molecules.py                          Tox21 first, then ESOL
python experiments/transfer_molecules.py --weights runs/gcn_molecules/STAMP
python experiments/transfer_molecules.py --csv FILE --target COLUMN --labels 20 40 80

A bond network is trained on a large dataset, or loaded from a run. With few labels of another
dataset, the whole network or only its head is trained further, and compared with a network of the
same kind trained from scratch. No epoch is chosen on the test split; the learning rates were
chosen on the validation split of ESOL's seeds 100 to 102.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gnnvision as gv
from gnnvision import cli
from gnnvision.errors import invalid
from gnnvision.training import recipes

if TYPE_CHECKING:
    from torch import nn

FEW = replace(
    recipes.BOND_NETWORK, epochs=150, batch_size=32, ema_decay=0.95, checkpoint_selection="last"
)
LEARNING_RATES = {"from scratch": 1e-2, "whole network": 1e-3, "head alone": 3e-3}
RECIPES = {method: replace(FEW, lr=lr) for method, lr in LEARNING_RATES.items()}
Scores = dict[str, dict[int, list[float]]]  # method -> number of labels -> a score for each seed


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
        lr: Learning rate, in pretraining and with few labels.
        batch_size: Molecules in a training step, in pretraining and with few labels.
        labels: Numbers of molecules to train on.
        seeds: Number of random draws of these molecules.
    """

    pretrain: str = "tox21"
    weights: Path | None = None
    labels: tuple[int, ...] = (50, 100, 200)
    seeds: int = 5

    recipes = {"pretraining": recipes.BOND_NETWORK} | RECIPES
    groups = {"data": ("pretrain", "labels")}
    metavars = {"pretrain": "NAME", "weights": "RUN"}


def main(config: Config) -> None:
    """Pretrain, train on few labels with three methods, and write the table and the page."""
    if config.weights is not None:
        cli.refuse_unused(config, {"pretrain": Config.pretrain}, "with --weights")
    if config.deterministic:
        cli.use_deterministic()
    task = cli.load(config, "esol").task
    if not isinstance(task, gv.data.MoleculeTask) or task.kind != "regression":
        raise invalid(
            "--dataset", "be molecules with measured numbers", repr(task.name),
            "Choose esol, freesolv or lipophilicity, or give a table with --csv.",
        )  # fmt: skip
    few = {count: gv.transfer.with_few_labels(task, count) for count in config.labels}
    options = {
        "device": cli.usable_device(config.device),
        "precision": config.precision,
        "compiled": config.compile,
    }
    with (
        cli.page("transfer_molecules", config, dataset=task.name) as page,
        cli.resumable(page.folder),
    ):
        cli.print_overview(task)
        backbone = load_backbone(config, task, page.folder, options)
        scores = train_all(config, task, few, backbone, page.folder, options)
        write_page(config, page, task, backbone.name, scores)


def load_backbone(
    config: Config, task: gv.data.MoleculeTask, folder: Path, options: dict[str, Any]
) -> gv.transfer.Backbone:
    """The pretrained network of --weights, or one trained on the large dataset."""
    if config.weights is not None:
        return gv.transfer.load_backbone(config.weights)

    def build() -> tuple[gv.Sequential, gv.data.Task]:
        large = gv.data.load(
            config.pretrain,
            root=config.data_root,
            on_invalid="skip",
            featurizer=task.featurizer,  # the same features of atoms and bonds
        )
        if not isinstance(large, gv.data.MoleculeTask):
            advice = "Choose tox21, hiv or another one."
            raise invalid("--pretrain", "be a dataset of molecules", repr(config.pretrain), advice)
        print("Pretraining on the large dataset:")
        cli.print_overview(large)
        bonds = large.num_edge_attr
        model = gv.models.bond_network(
            large.in_channels, large.num_outputs, bond_channels=bonds, dropout=0.1
        )
        return model, large

    return cli.pretrained_backbone(folder, build, config.adapt(recipes.BOND_NETWORK), **options)


def train_all(
    config: Config,
    task: gv.data.MoleculeTask,
    few: dict[int, gv.data.GraphTask],
    backbone: gv.transfer.Backbone,
    folder: Path,
    options: dict[str, Any],
) -> Scores:
    """The test RMSE of each method with each number of labels; those of a stopped run are kept."""
    assert backbone.preprocessing is not None
    backbone.preprocessing.prepare(task)  # the same features of atoms and bonds
    scores = cli.read_scores(folder, task, RECIPES)
    place = folder / "training"  # of one method, until it is done
    for count, small in few.items():
        for method, recipe in RECIPES.items():
            if count in scores[method]:
                continue
            model = initial_model(method, backbone, small.num_outputs)
            more = cli.resume_options(place)
            result = gv.fit(model, small, config.adapt(recipe), config.seeds, **options, **more)
            scores[method][count] = result.values("test", "rmse")
            cli.write_scores(folder, task, scores)
            shutil.rmtree(place)
            rmse = gv.training.measures.format_stats(
                "rmse", result.metrics()["test"]["rmse"], len(result.outcomes)
            )
            print(f"{count:5} labels, {method:14} {rmse}")
    return scores


def initial_model(method: str, backbone: gv.transfer.Backbone, num_outputs: int) -> nn.Module:
    """The network that a method begins with: the backbone with a new head, or an untrained one."""
    model = copy.deepcopy(backbone)
    model.reset_head(num_outputs)
    if method == "from scratch":
        assert model.spec is not None
        return gv.models.build(model.spec["name"], **model.spec["arguments"])
    if method == "head alone":
        gv.transfer.freeze(*(module for block in model.blocks for module in block.modules))
    return model


def write_page(
    config: Config, page: cli.Page, task: gv.data.MoleculeTask, backbone: str, scores: Scores
) -> None:
    """Write the scores, their curve and the page."""
    from gnnvision.report.label_curve import label_section
    from gnnvision.training.folder import write_json

    y = {split: task.y[getattr(task.split, split).tolist()] for split in ("train", "test")}
    constant = float((y["test"] - y["train"].nanmean()).square().nanmean().sqrt())
    unit = task.card.facts.get("unit", "")
    metric = f"RMSE in {unit}" if unit else "RMSE"
    write_json(page.folder / "result.json", {"dataset": task.name, "test_rmse": scores})
    recipes_used = {method: config.adapt(recipe) for method, recipe in RECIPES.items()}
    rates = ", ".join(f"{method} {recipe.lr:g}" for method, recipe in recipes_used.items())
    pretraining = f"that of the run {config.weights}"
    if config.weights is None:
        pretraining = str(config.adapt(recipes.BOND_NETWORK))
    note = (
        f"{config.seeds} seeds; each draws its own test split and its own training molecules. The "
        "last epoch is kept, and no validation split is held out of the few labels. Recipe with "
        f"few labels: {next(iter(recipes_used.values()))}; learning rates: {rates}. Recipe of the "
        f"pretraining: {pretraining}."
    )
    path = page.figures / "labels.svg"
    section = label_section(path, scores, metric, constant, note)
    about = f"{backbone}, fine-tuned on {task.card.title} with few labels."
    page.write("Low-data transfer", about, [section])


def start(argv: Sequence[str] | None = None) -> None:
    """Run with the flags of the command line, or with `argv`."""
    cli.run(Config, main, argv)


if __name__ == "__main__":
    start()
