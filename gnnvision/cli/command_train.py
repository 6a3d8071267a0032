"""Train a network on data: a folder of images, a table of SMILES, a graph, or a dataset by name.

gnnvision train nodes.csv --edges edges.csv --label topic
gnnvision train PHOTOS --epochs 20
gnnvision train molecules.csv --target solubility
gnnvision train cora --seeds 10
gnnvision train --resume runs/train/STAMP

It prints what was understood, trains, prints the table of results, and writes a run folder with
the weights, all metrics and report.html. Network and training are those of the experiments of
gnnvision for this kind of data; `gnnvision check` prints more about the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from gnnvision.cli.door_flags import with_door_options
from gnnvision.cli.options import Options
from gnnvision.cli.own_data import OwnDataOptions

if TYPE_CHECKING:
    from gnnvision.training import Result
from gnnvision.errors import invalid

__all__ = ["TrainFlags", "flags", "main"]


@dataclass(frozen=True, kw_only=True)
class TrainFlags(OwnDataOptions, Options):
    """The flags of `gnnvision train`.

    Args:
        model: The network, by its name in gnnvision.models. By default a graph convolutional
            network for the nodes of a graph, a bond network for molecules and other small
            graphs, and a convolutional network for images.
        seeds: Number of seeds to train. By default 5 for the nodes of a graph, 3 for graphs and
            molecules, and 1 for images.
        first_seed: The first seed; the others count up from it. Several processes or machines
            share the seeds of a result by it.
        batch_size: Images, molecules or graphs in a training step; nodes, with --fanouts.
        fanouts: Neighbors that a node gets in each hop, drawn at random, for graphs that are too
            large to train on as a whole, first for the last layer. By default 15 10 for a graph
            on disk or one with over 5 million edges.
        clusters: Train on clusters of nodes in place of neighbors drawn at random: how many the
            graph is divided into, and how many are in a training step, such as 1500 20.
        metric: The metric that selects the epoch, such as accuracy, balanced_accuracy, rocauc,
            ap, f1_macro, rmse or mae. By default the usual one of the task.
        class_weights: Weight classes by their frequency, for classes of very different size.
        links: Predict which nodes of a graph are linked, in place of their labels.
        flip: Also train on mirrored images. Turn it off where a mirrored image means something
            else.
        set: Other settings: fields of the recipe, such as weight_decay=1e-3 or optimizer=adamw,
            and arguments of the network, such as hidden=32 or dropout=0.3.
    """

    model: str | None = None
    seeds: int | None = None  # type: ignore[assignment]
    first_seed: int = 0
    batch_size: int | None = None
    fanouts: tuple[int, ...] = ()
    clusters: tuple[int, ...] = ()
    metric: str | None = None
    class_weights: bool = False
    links: bool = False
    flip: bool = True
    set: tuple[str, ...] = ()

    groups: ClassVar[dict[str, tuple[str, ...]]] = {
        "data": ("links",),
        "training": (
            "first_seed", "batch_size", "fanouts", "clusters", "metric", "class_weights",
            "flip", "set",
        ),
    }  # fmt: skip
    metavars: ClassVar[dict[str, str]] = {
        "model": "NAME", "metric": "NAME", "set": "NAME=VALUE",
    }  # fmt: skip


def flags() -> type[Any]:
    """The dataclass of the flags, with the options of the loaders."""
    return with_door_options(TrainFlags)


def main(config: TrainFlags) -> Result:
    """Load the data, build the usual network, train it, and write the report."""
    import gnnvision as gv
    from gnnvision.cli.entry import print_warning
    from gnnvision.cli.experiment import training_run
    from gnnvision.cli.settings import load_task, setup_of

    setup = setup_of(config, load_task(config))
    for note in setup.notes:
        print_warning(note)
    recipe = config.adapt(setup.recipe, setup.task)
    count = setup.seeds if config.seeds is None else config.seeds
    if count < 1:
        raise invalid("--seeds", "be at least 1", count, "Use for example 5.")
    seeds = range(config.first_seed, config.first_seed + count)
    more: dict[str, Any] = {} if config.metric is None else {"metric": config.metric}
    with training_run(
        "train", config, setup.task, setup.model, recipe, ensemble=setup.ensemble
    ) as run:
        result = gv.fit(setup.model, setup.task, recipe, seeds, **run.options, **more)
        run.show(result)
        result.report(run.progress)
    print(f"predict: gnnvision predict {_shown(run.folder)} {setup.inputs}".rstrip())
    return result


def _shown(folder: Path) -> str:
    import shlex

    return shlex.quote(str(folder))
