"""The flags that scripts share, as dataclasses that each script extends.

Nothing here imports torch, so that `--help` and a mistyped flag take a fraction of a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from gnnvision.errors import invalid

if TYPE_CHECKING:
    from gnnvision.data import Task
    from gnnvision.training import Recipe

__all__ = [
    "ImageOptions",
    "MoleculeOptions",
    "Options",
    "RunOptions",
]

_OF_RECIPE = ("epochs", "lr", "batch_size", "fanouts", "clusters", "evaluate_every")
_FEATURES = ("fragments", "hydrogens", "unknown", "wildcards")
MoleculeSplit = Literal[
    "public", "random", "stratified", "scaffold", "scaffold_balanced", "column", "kfold"
]


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The flags of every script that leaves a run with a network.

    Args:
        dataset: The dataset. A named one must be available; "auto" falls back to a small
            embedded dataset, with a prominent warning.
        seeds: Number of seeds to train; the table shows mean and standard deviation.
        epochs: Passes over the training split.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps"; "auto" takes a GPU if there is one.
        jobs: Processes that train seeds at the same time on the CPU. "auto" is one for each core
            where a seed uses one thread.
        parallel: What the processes of torchrun share: the items of each batch ("data"), or the
            seeds ("seeds"). By default the batches, and the seeds for the nodes of one graph.
        data_root: Folder of datasets. By default $GNNVISION_DATA, or the checkout's datasets
            folder, or the user's cache.
        out: Folder of all runs.
        save_every: Seconds between checkpoints, from which a run that is killed can be resumed.
        resume: Continue the stopped run in this folder, with its flags.
    """

    dataset: str = "auto"
    seeds: int = 10
    epochs: int | None = None
    device: str = "auto"
    jobs: int | Literal["auto"] = "auto"
    parallel: Literal["data", "seeds"] | None = None
    data_root: Path | None = None
    out: Path = Path("runs")
    save_every: float = 30.0
    resume: Path | None = None

    trains: ClassVar[bool] = True
    recipes: ClassVar[dict[str, Any]] = {}
    own_group: ClassVar[str] = "model"
    groups: ClassVar[dict[str, tuple[str, ...]]] = {
        "data": ("dataset", "data_root"),
        "model": (),
        "training": ("seeds", "epochs", "device", "jobs", "parallel"),
        "output": ("out", "save_every", "resume"),
    }
    metavars: ClassVar[dict[str, str]] = {
        "dataset": "NAME", "device": "DEVICE", "jobs": "N|auto", "data_root": "FOLDER",
        "out": "FOLDER", "save_every": "SECONDS", "resume": "RUN",
    }  # fmt: skip
    # Room of the package and its argument -> the flag, where the names differ.
    other_names: ClassVar[dict[tuple[str, str], str]] = {
        ("data", "name"): "dataset",
        ("data", "path"): "dataset",
        ("data", "root"): "data_root",
        ("data", "targets"): "target",
    }

    def flag_of(self, argument: str, room: str) -> str | None:
        """The flag that an argument of a function of the package comes from, as it is written.

        Args:
            argument: its name.
            room: the room of the package, such as "data".

        Returns:
            None if it comes from no flag.
        """
        flag = self.other_names.get((room, argument), argument)
        arguments = getattr(self, "arguments", {})
        known = flag in {field.name for field in fields(self)}
        return arguments.get(flag) or (f"--{flag.replace('_', '-')}" if known else None)

    def source(self, preferred: str) -> str | Path:
        """The dataset to load; one of another kind is refused before it is downloaded.

        Args:
            preferred: the dataset that "auto" tries first.

        Raises:
            ValueError: if it is of another kind, or the data root does not exist.
        """
        from gnnvision.cli.datasets import refuse_other_kind
        from gnnvision.data import data_root

        object.__setattr__(self, "_started", time.perf_counter())
        if self.data_root is not None:
            data_root(self.data_root)  # a folder that is named must exist, needed or not
        named = self._source(preferred)
        refuse_other_kind(named, preferred)
        return named

    def _source(self, preferred: str) -> str | Path:
        return f"auto:{preferred}" if self.dataset == "auto" else self.dataset

    def adapt(self, recipe: Recipe, task: Task | None = None) -> Recipe:
        """The recipe with the values that were given on the command line.

        Args:
            recipe: of the script.
            task: if it has no validation split to select by, the last epoch is kept.
        """
        flags = asdict(self)
        given = {name: flags.get(name) for name in _OF_RECIPE}
        if given["clusters"]:  # in place of what the recipe draws
            recipe = replace(recipe, fanouts=None, batch_size=None)
        recipe = replace(recipe, **{k: v for k, v in given.items() if v not in (None, ())})
        if task is None:
            return recipe
        from gnnvision.training.checks import can_choose, without_validation

        return recipe if can_choose(task) else without_validation(recipe)

    def seconds(self) -> float:
        """How long ago `source` was called: the time to load the data."""
        now = time.perf_counter()
        return now - float(getattr(self, "_started", now))


@dataclass(frozen=True, kw_only=True)
class Options(RunOptions):
    """The flags of every script that trains a network from scratch.

    Args:
        split: The public split, or a random one that differs from seed to seed.
        lr: Learning rate.
        group: Seeds that are trained side by side, in one program. "auto" is 5 to 10 (16 on a
            GPU) for the nodes of a small graph with one split; 1 trains each seed by itself.
        precision: Number format of the arithmetic. "auto" is bfloat16 for convolutional networks
            on images where the device is faster with it, and float32 otherwise.
        compile: Compile the training step with torch.compile. The first step takes longer.
        deterministic: Use deterministic algorithms, also on a GPU, where they are slower.
        compare: Train once for each value of the flag of this name, and show the runs side by
            side on a page: "augment" trains with and without augmentation.
        log: Follow the training elsewhere: "csv" writes metrics.csv after each epoch;
            "tensorboard", "trackio" and "wandb" need that library.
    """

    split: Literal["public", "random"] = "public"
    lr: float | None = None
    group: int | Literal["auto"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    compile: bool = False
    deterministic: bool = False
    compare: str | None = None
    log: Literal["csv", "tensorboard", "trackio", "wandb"] | None = None

    groups: ClassVar[dict[str, tuple[str, ...]]] = {
        "data": ("split",),
        "training": ("lr", "group", "precision", "compile", "deterministic", "compare"),
        "output": ("log",),
    }
    metavars: ClassVar[dict[str, str]] = {"lr": "RATE", "group": "N|auto", "compare": "FLAG"}

    def start(self, main: Callable[[Any], object]) -> None:
        """Run a script with these flags; with `--compare` once for each value of that flag.

        Args:
            main: the script.

        Raises:
            ValueError: if `--compare` names no flag, or one that has a single value.
        """
        if self.compare is None:
            main(self)
            return
        from gnnvision.cli.comparing import compare, variants

        compare(self, main, variants(self, self.compare))

    def data_options(self) -> dict[str, Any]:
        """The flags that `gnnvision.data.load` takes."""
        return {"root": self.data_root, "split": self.split}


@dataclass(frozen=True, kw_only=True)
class ImageOptions(Options):
    """The flags of every script that trains on images.

    Args:
        split: "public" takes a validation split from the training images, "full" trains on all
            of them, "random" draws another split for each seed.
        batch_size: Images in a training step.
        evaluate_every: Measure the test split after this many training steps, or after each
            "epoch", for the curves. They are only drawn: nothing is selected by them.
        keep_epochs: Also keep the weights after each epoch, in checkpoints/epochs.
        image_size: Side length in pixels to which images are resized; by default their own.
        on_invalid: What to do with files that cannot be read: stop with an error, skip them, or
            skip them and list them in quarantine.csv.
    """

    split: Literal["public", "full", "random"] = "public"  # type: ignore[assignment]
    seeds: int = 1
    batch_size: int | None = None
    evaluate_every: int | Literal["epoch"] | None = None
    keep_epochs: bool = False
    image_size: int | None = None
    on_invalid: Literal["raise", "skip", "quarantine"] = "raise"

    groups: ClassVar[dict[str, tuple[str, ...]]] = {
        "data": ("image_size", "on_invalid"),
        "training": ("batch_size", "evaluate_every"),
        "output": ("keep_epochs",),
    }
    metavars: ClassVar[dict[str, str]] = {"image_size": "PIXELS", "evaluate_every": "STEPS"}

    def data_options(self) -> dict[str, Any]:
        """The flags that `gnnvision.data.load` takes."""
        more = {"image_size": self.image_size, "on_invalid": self.on_invalid}
        return super().data_options() | more


@dataclass(frozen=True, kw_only=True)
class MoleculeOptions(Options):
    """The flags of every script that trains on molecules.

    Args:
        csv: Your own table of molecules instead of a dataset.
        smiles: Its column of SMILES; by default the one named "smiles".
        target: Its columns to predict.
        kind: Kind of task: measured numbers, labels of 0 and 1, or class names. "auto" infers it
            from the columns, and stops with an error where they are ambiguous.
        missing: Further cell values that mean "unknown", in addition to NA, #N/A, nan and others.
            "<*" stands for every cell that begins with "<".
        split: "public" is the split recommended by the dataset's authors, and a random one for a
            table. "random", "stratified" and "kfold" differ from seed to seed. "scaffold" tests
            on scaffolds that are not in the training split, as MoleculeNet does;
            "scaffold_balanced" also varies with the seed, as in Chemprop. "column" reads the
            split from --split-column.
        split_column: Column that says train, val or test.
        folds: Number of folds of --split kfold; seed s tests on fold s.
        batch_size: Molecules in a training step.
        on_invalid: "molecules" leaves out rows with invalid SMILES and stops with an error at an
            unreadable target; "raise" stops at both; "skip" leaves out both; "keep" also counts
            them, but puts them in no split. Tables of predictions keep all rows.
        fragments: Keep all fragments of salts and mixtures, or the largest.
        hydrogens: Count hydrogens at their heavy atom, or make them atoms.
        unknown: Treat an element without a feature as "other", or its row as invalid.
        wildcards: Treat the wildcard atom "*" as "other", or its row as invalid.
    """

    csv: Path | None = None
    smiles: str | None = None
    target: tuple[str, ...] = ()
    kind: Literal["auto", "regression", "multilabel", "classification"] = "auto"
    missing: tuple[str, ...] = ()
    split: MoleculeSplit = "public"  # type: ignore[assignment]
    split_column: str | None = None
    folds: int = 10
    seeds: int = 3
    batch_size: int | None = None
    on_invalid: Literal["molecules", "raise", "skip", "keep"] = "molecules"
    fragments: Literal["keep", "largest"] = "keep"
    hydrogens: Literal["implicit", "explicit"] = "implicit"
    unknown: Literal["other", "invalid"] = "other"
    wildcards: Literal["other", "invalid"] = "invalid"

    groups: ClassVar[dict[str, tuple[str, ...]]] = {
        "data": (
            "csv", "smiles", "target", "kind", "missing", "split_column", "folds", "on_invalid",
            "fragments", "hydrogens", "unknown", "wildcards",
        ),
        "training": ("batch_size",),
    }  # fmt: skip
    metavars: ClassVar[dict[str, str]] = {
        "csv": "FILE", "smiles": "COLUMN", "target": "COLUMN", "split_column": "COLUMN",
        "missing": "TEXT",
    }  # fmt: skip

    @property
    def has_molecules(self) -> bool:
        """Whether the items are molecules, not other graphs."""
        from gnnvision import data

        named = self.csv is None and self.dataset in data.dataset_names()
        return not named or data.describe(self.dataset).kind == "molecule"

    def flag_of(self, argument: str, room: str) -> str | None:
        """As for all scripts; the name of the data is that of the table if one is named."""
        flag = super().flag_of(argument, room)
        return "--csv" if flag == "--dataset" and self.csv is not None else flag

    def _source(self, preferred: str) -> str | Path:
        if self.csv is None:
            return super()._source(preferred)
        if self.dataset != "auto":
            both = f"{str(self.csv)!r} and {self.dataset!r}"
            raise invalid("--csv", "be given without '--dataset'", both, "Leave one of them out.")
        return self.csv

    def data_options(self) -> dict[str, Any]:
        """The flags that `gnnvision.data.load` takes."""
        from gnnvision import data

        options: dict[str, Any] = {
            "smiles": self.smiles,
            "targets": self.target,
            "kind": self.kind,
            "missing": self.missing,
            "split_column": self.split_column,
            "folds": self.folds,
            "on_invalid": self.on_invalid,
        }
        features = {name: getattr(self, name) for name in _FEATURES}
        if self.has_molecules:
            return super().data_options() | options | {"featurizer": data.Featurizer(**features)}
        usual = MoleculeOptions()  # of other graphs: `load` refuses the flags of molecules
        flags = {name: "target" if name == "targets" else name for name in options}
        given: dict[str, Any] = {
            n: options[n] for n, flag in flags.items() if options[n] != getattr(usual, flag)
        }
        if any(value != getattr(usual, name) for name, value in features.items()):
            given["featurizer"] = data.Featurizer(**features)
        return super().data_options() | given
