"""Search for good settings over many trials, on one machine or many.

gnnvision sweep cora --vary lr=1e-4..1e-1 hidden=16,32,64 dropout=0..0.8 --trials 40 --seeds 3
gnnvision sweep PHOTOS --vary optimizer=adam,muon lr=1e-4..1e-2 --set weight_decay=0.01
gnnvision sweep molecules.csv --target solubility --vary model=molecule_gcn,bond_network

Type the same command in several terminals, or on several machines with a shared folder: they work
on the same trials, and none is trained twice. Stopped or killed, the same command continues. A
trial trains the network once for each seed; trials are compared by the mean validation score of
the kept epochs. The best settings are then trained again with other seeds, and only they are
tested. It writes trials.csv, trials.json and report.html to runs/sweep/NAME.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from gnnvision.cli.command_train import TrainFlags
from gnnvision.cli.door_flags import with_door_options
from gnnvision.errors import invalid

if TYPE_CHECKING:
    from gnnvision.cli.defaults import Setup
    from gnnvision.data import Task
    from gnnvision.training import Choices, Range, Sweep

__all__ = ["SweepFlags", "flags", "main"]

USUAL_SEEDS = 3  # of a trial, at most, if not given


@dataclass(frozen=True, kw_only=True)
class SweepFlags(TrainFlags):
    """The flags of `gnnvision sweep`: those of `gnnvision train`, and what varies.

    Args:
        vary: What varies: a range such as lr=1e-4..1e-1 or layers=2..4, or values such as
            hidden=16,32,64 or optimizer=adam,muon. The names are those of a recipe (lr,
            weight_decay, epochs, ...), of the arguments of the network (hidden, layers, dropout,
            ...), and model. Learning rates and weight decay are searched on a log scale; :linear
            or :log after a range says otherwise.
        trials: How many settings to try, by all processes together. If there are fewer
            combinations, each is tried once.
        seeds: Seeds of each trial, whose mean score counts. By default 3, and 1 for images.
        study: Name of the sweep, and of its folder in runs/sweep. By default that of the data.
    """

    vary: tuple[str, ...] = ()
    trials: int = 40
    study: str | None = None

    left_out: ClassVar[tuple[str, ...]] = ("resume", "compare", "log", "parallel")
    other_names: ClassVar[dict[tuple[str, str], str]] = TrainFlags.other_names | {
        ("training", "settings"): "vary",
    }
    needs: ClassVar[tuple[str, ...]] = ("sweep",)
    groups: ClassVar[dict[str, tuple[str, ...]]] = {
        "search": ("vary", "trials", "study"),
    }
    metavars: ClassVar[dict[str, str]] = {"vary": "NAME=VALUES", "study": "NAME"}


def flags() -> type[Any]:
    """The dataclass of the flags, with the options of the loaders."""
    return with_door_options(SweepFlags)


def main(config: SweepFlags) -> Sweep:
    """Say what was understood, train all trials and the best settings, and write the report."""
    import gnnvision as gv
    from gnnvision.cli.entry import print_warning
    from gnnvision.cli.experiment import fit_options
    from gnnvision.cli.folders import settings as all_settings
    from gnnvision.cli.settings import (
        check_given_once,
        load_task,
        network_of,
        setup_of,
        varied_settings,
    )
    from gnnvision.cli.sweep_output import fixed_flags, fixed_recipe, show_sweep

    name = _study_name(config)
    task = load_task(config)
    network = network_of(config, task)
    space = varied_settings(config.vary, network)
    check_given_once(config, space)
    setup = _usual(config, task, space)
    for note in setup.notes:
        print_warning(note)
    count = min(setup.seeds, USUAL_SEEDS) if config.seeds is None else config.seeds
    if count < 1:
        raise invalid("--seeds", "be at least 1", count, "Use for example 3.")

    def build(settings: Mapping[str, Any]) -> tuple[Any, gv.Recipe, gv.data.Task]:
        one = setup_of(config, task, settings)
        return one.model, config.adapt(one.recipe, one.task), one.task

    about = all_settings("sweep", config, dataset=task.name)
    about["fixed"] = fixed_flags(config, network)
    options = fit_options(config)
    del options["log"], options["parallel"]
    recipe = config.adapt(setup.recipe, setup.task)
    found = gv.training.sweep(
        build, setup.task, space, folder=config.out / "sweep" / name, trials=config.trials,
        seeds=range(config.first_seed, config.first_seed + count), metric=config.metric,
        config=about, facts=fixed_recipe(setup.model, recipe, space), **options,
    )  # fmt: skip
    show_sweep(config, found, setup.inputs)
    return found


def _usual(config: SweepFlags, task: Task, space: Mapping[str, Range | Choices]) -> Setup:
    """The network and the recipe without what varies, or with the first values if they need it."""
    from gnnvision.cli.settings import MODEL, setup_of

    first = {name: one.first for name, one in space.items()}
    try:
        return setup_of(config, task, {name: v for name, v in first.items() if name == MODEL})
    except ValueError:
        return setup_of(config, task, first)


def _study_name(config: SweepFlags) -> str:
    """The name of the sweep: a plain name of a folder."""
    name = Path(config.dataset).stem if config.study is None else config.study
    if not name or Path(name).name != name or name.startswith("."):
        raise invalid(
            "--study", "be the plain name of a folder", repr(name), "Use for example a1."
        )
    return name
