"""Transfer to molecules of which few are measured, from many that are.

python experiments/transfer_molecules.py                          Tox21 first, then ESOL
python experiments/transfer_molecules.py --weights runs/gcn_molecules/STAMP
python experiments/transfer_molecules.py --csv FILE --target COLUMN --labels 20 40 80

A network of bonds is trained on a large set, or taken from a run. Then, with few labels of
another set, it is trained on: the whole network, or its head alone; and beside that one of the
same kind from scratch. Nothing is chosen by the test part: no epoch, and the learning rates were
chosen on the validation part of ESOL's seeds 100 to 102.
"""

from __future__ import annotations

import copy
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

import gnnvision as gv
from gnnvision import cli, transfer
from gnnvision.report.label_curve import Scores, label_section
from gnnvision.report.page import write_page
from gnnvision.training import recipes
from gnnvision.training.folder import read_json, write_json
from gnnvision.training.record import BEST, LAST
from gnnvision.training.result import shown

SCORES = "scores.json"
FEW = replace(
    recipes.BOND_NETWORK, epochs=150, batch_size=32, ema_decay=0.95, checkpoint_selection="last"
)
WAYS = {"from scratch": 1e-2, "whole network": 1e-3, "head alone": 3e-3}  # with learning rates


@dataclass(frozen=True, kw_only=True)
class Config(cli.MoleculeOptions):
    """The flags of this script.

    Args:
        dataset: the small set: auto, esol, freesolv, lipophilicity or another one; auto is ESOL
            where it can be had.
        pretrain: the large set.
        weights: a run of gcn_molecules.py with --no-descriptors instead of training on the large
            set.
        epochs: of every training here, instead of the recipes': the one on the large set and each
            one with few labels. To train only these otherwise, give the first as --weights.
        lr: learning rate of every training here, on the large set and with few labels in all
            ways; else that of the large set's recipe, and one for each way.
        batch_size: molecules in a training step, of every training here, instead of the recipes'.
        labels: how many molecules to train on, one number after the other.
        seeds: how many draws of these molecules.
    """

    pretrain: str = "tox21"
    weights: Path | None = None
    labels: tuple[int, ...] = (50, 100, 200)
    seeds: int = 5


def main(config: Config) -> None:
    """Train on much, then on little in three ways; leave a table, a curve and a page."""
    if config.weights is not None:
        cli.refuse_unused(config, {"pretrain": Config.pretrain}, "with --weights")
    if config.deterministic:
        cli.use_deterministic()
    loaded = cli.load(config, "esol")
    task = loaded.task
    if not isinstance(task, gv.data.MoleculeTask) or task.kind != "regression":
        raise ValueError(
            f"'--dataset' must be molecules with measured numbers, got {task.name!r}. Choose "
            "esol, freesolv or lipophilicity, or give a table with --csv."
        )
    few = {count: transfer.with_few_labels(task, count) for count in config.labels}
    device = cli.usable_device(config.device)
    command = shlex.join(["python", *sys.argv])
    name = "transfer_molecules"
    flags = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(config).items()}
    settings = {"experiment": name, "command": command, "dataset": task.name, "flags": flags}
    with (
        cli.run_folder(config.out, name, settings, config.resume) as folder,
        cli.resumable(folder),
    ):
        cli.print_overview(task)
        backbone = pretrained(config, task, folder, device)
        scores = compared(config, task, few, backbone, folder, device)
        page = leave(config, folder, task, backbone.name, scores, command)
    print(f"report: {page}")


def compared(
    config: Config,
    task: gv.data.MoleculeTask,
    few: dict[int, gv.data.GraphTask],
    backbone: transfer.Backbone,
    folder: Path,
    device: str,
) -> Scores:
    """The scores of each way with each number of labels."""
    assert backbone.preprocessing is not None
    backbone.preprocessing.prepare(task)  # the same features of atoms and bonds
    scores = scores_so_far(folder, task)
    place = folder / "training"  # of one way, until it is done
    for count, small in few.items():
        for way, recipe in recipes_of(config).items():
            if count in scores[way]:
                continue
            model = start_of(way, backbone, small.num_outputs)
            how = training_options(config, place, device)
            result = gv.fit(model, small, recipe, config.seeds, **how)
            scores[way][count] = result.values("test", "rmse")
            write_json(folder / SCORES, {"data": task.data_hash, "scores": scores})
            shutil.rmtree(place)
            figures = shown("rmse", result.metrics()["test"]["rmse"], len(result.outcomes))
            print(f"{count:5} labels, {way:14} {figures}")
    return scores


def recipes_of(config: Config) -> dict[str, gv.Recipe]:
    """How each way is trained with few labels, as the flags say."""
    return {way: config.adapt(replace(FEW, lr=lr)) for way, lr in WAYS.items()}


def training_options(config: Config, folder: Path, device: str) -> dict[str, Any]:
    """What the flags say of every training, which goes on if it was stopped."""
    return {
        "device": device,
        "precision": config.precision,
        "compiled": config.compile,
        "folder": folder,
        "resume": (folder / LAST).is_file(),
    }


def scores_so_far(folder: Path, task: gv.data.MoleculeTask) -> Scores:
    """The scores of what was done before the run was stopped."""
    if not (folder / SCORES).is_file():
        return {way: {} for way in WAYS}
    held = read_json(folder / SCORES)
    if held["data"] != task.data_hash:
        raise ValueError(
            f"'--resume' must name a run on the same molecules, got {str(folder)!r}, whose data "
            "were others. Start a new run."
        )
    return {way: {int(n): v for n, v in held["scores"][way].items()} for way in WAYS}


def pretrained(
    config: Config, task: gv.data.MoleculeTask, folder: Path, device: str
) -> transfer.Backbone:
    """The backbone of a run, or of one on the large set."""
    if config.weights is not None:
        return transfer.load_backbone(config.weights)
    place = folder / "pretrained"
    if (place / BEST).is_file():
        return transfer.load_backbone(place)
    large = gv.data.load(
        config.pretrain,
        root=config.data_root,
        on_invalid="skip",
        featurizer=task.featurizer,  # the same features of atoms and bonds
    )
    if not isinstance(large, gv.data.MoleculeTask):
        raise ValueError(
            f"'--pretrain' must be a set of molecules, got {config.pretrain!r}. Choose tox21, hiv "
            "or another one of them."
        )
    print("first, on the large set:")
    cli.print_overview(large)
    model = gv.models.bond_network(
        large.in_channels, large.num_outputs, bond_channels=large.num_edge_attr, dropout=0.1
    )
    recipe = config.adapt(recipes.BOND_NETWORK)
    done = gv.fit(model, large, recipe, **training_options(config, place, device))
    print(done.summary())
    return transfer.load_backbone(place)


def start_of(way: str, backbone: transfer.Backbone, num_outputs: int) -> nn.Module:
    """What a way begins with: a copy of the backbone with another head, or its like without."""
    model = copy.deepcopy(backbone)
    model.reset_head(num_outputs)
    if way == "from scratch":
        assert model.spec is not None
        return gv.models.build(model.spec["name"], **model.spec["arguments"])
    if way == "head alone":
        transfer.freeze(*(module for block in model.blocks for module in block.modules))
    return model


def leave(
    config: Config,
    folder: Path,
    task: gv.data.MoleculeTask,
    backbone: str,
    scores: Scores,
    command: str,
) -> Path:
    """Write the numbers, the curve and the page."""
    measured = {part: task.y[getattr(task.split, part).tolist()] for part in ("train", "test")}
    off = measured["test"] - measured["train"].nanmean()
    constant = float(off.square().nanmean().sqrt())
    unit = task.card.facts.get("unit", "")
    metric = f"RMSE in {unit}" if unit else "RMSE"
    write_json(folder / "result.json", {"dataset": task.name, "test_rmse": scores})
    ways = recipes_of(config)
    few = repr(next(iter(ways.values())))
    rates = ", ".join(f"{way} {recipe.lr:g}" for way, recipe in ways.items())
    first = f"that of the run {config.weights}"
    if config.weights is None:
        first = repr(config.adapt(recipes.BOND_NETWORK))
    note = (
        f"{config.seeds} seeds; each draws its own test split and its own training molecules. The "
        "last epoch is kept, and no validation split is held out of the few. Recipe with few "
        f"labels: {few}; learning rates: {rates}. Recipe of the training before: {first}."
    )
    section = label_section(folder / "figures" / "labels.png", scores, metric, constant, note)
    about = f"{backbone}, used on {task.card.title}, of which few molecules are measured."
    return write_page(folder, "Transfer to few molecules", about, [section], command)


def start(argv: Sequence[str] | None = None) -> None:
    """Run with the flags of the command line, or with `argv`."""
    cli.run(Config, main, argv)


if __name__ == "__main__":
    start()
