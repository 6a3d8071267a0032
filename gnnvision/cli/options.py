"""The flags of experiments, as dataclasses that scripts extend."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional

from gnnvision import data
from gnnvision.training import Recipe

__all__ = ["LookOptions", "MoleculeOptions", "Options", "PictureOptions"]

MoleculeSplit = Literal[
    "public", "random", "stratified", "scaffold", "scaffold_balanced", "column", "kfold"
]


@dataclass(frozen=True, kw_only=True)
class Options:
    """The flags of every experiment.

    Args:
        dataset: the data set; naming one is strict, "auto" takes what can be had.
        split: "public", or "random": another one for each seed.
        seeds: how many seeds; the table gives mean and standard deviation.
        epochs: instead of the recipe's.
        lr: learning rate, instead of the recipe's.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        precision: of the arithmetic; "auto" is float32 for graphs, bfloat16 for convolutions of
            pictures where the device is quick at it.
        compile: join the operations of a training step by torch's compiler, which takes its time
            before the first one.
        deterministic: the same bits on every run, also on a GPU; slower there.
        data_root: folder of data sets; else $GNNVISION_DATA, else the default one.
        out: folder of all runs.
        resume: folder of a stopped run, to go on with; its flags are taken over.
    """

    dataset: str = "auto"
    split: Literal["public", "random"] = "public"
    seeds: int = 10
    epochs: int | None = None
    lr: float | None = None
    device: str = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    compile: bool = False
    deterministic: bool = False
    data_root: Path | None = None
    out: Path = Path("runs")
    resume: Path | None = None

    def adapt(self, recipe: Recipe) -> Recipe:
        """The recipe with what the command line says of it."""
        flags = asdict(self)
        given = {name: flags.get(name) for name in ("epochs", "lr", "batch_size")}
        return replace(recipe, **{k: v for k, v in given.items() if v is not None})

    def source(self, preferred: str) -> str | Path:
        """What to load; `preferred` is what "auto" stands for."""
        return f"auto:{preferred}" if self.dataset == "auto" else self.dataset

    def data_options(self) -> dict[str, Any]:
        """What the command line says of the data, for `gnnvision.data.load`."""
        return {"root": self.data_root, "split": self.split}


@dataclass(frozen=True, kw_only=True)
class PictureOptions(Options):
    """The flags of every experiment on pictures.

    Args:
        split: "public" with a validation part held out of the training pictures; "full" without
            one; "random": another one for each seed.
        batch_size: pictures in a training step, instead of the recipe's.
        image_size: side of the pictures, in pixels; else their own.
        on_invalid: files that cannot be read: end with an error, skip them, or skip and list them
            in quarantine.csv.
    """

    split: Literal["public", "full", "random"] = "public"  # type: ignore[assignment]
    seeds: int = 1
    batch_size: int | None = None
    image_size: int | None = None
    on_invalid: Literal["raise", "skip", "quarantine"] = "raise"

    def data_options(self) -> dict[str, Any]:
        """What the command line says of the data, for `gnnvision.data.load`."""
        more = {"image_size": self.image_size, "on_invalid": self.on_invalid}
        return super().data_options() | more


@dataclass(frozen=True, kw_only=True)
class MoleculeOptions(Options):
    """The flags of every experiment on molecules.

    Args:
        csv: a table of your own instead of a data set.
        smiles: its column of molecules; "smiles" if there is one.
        target: its columns to predict.
        kind: what these hold: measured numbers, 0 and 1, or the names or numbers of classes;
            "auto" finds out, and ends with an error where it is doubtful.
        missing: words in these that mean that nothing is known, beside NA, #N/A, nan and the
            like; "<*" is every cell that begins with "<".
        split: "public" is what the data set's authors recommend, of a table "random"; "random",
            "stratified" and "kfold" are others for each seed; "scaffold" tests on scaffolds that
            were not trained on, as MoleculeNet does; "scaffold_balanced" likewise, another draw
            for each seed, as Chemprop does; "column" is as a column says.
        split_column: the column that says train, val or test.
        folds: of "kfold"; seed s tests on fold s.
        batch_size: molecules in a training step, instead of the recipe's.
        on_invalid: leave out rows that are no molecules, but end with an error where a target is
            not understood ("molecules"); end with an error for both ("raise"), or leave out both
            ("skip"). Every table that comes out has all rows.
        fragments: of salts and mixtures: keep all parts, or the largest.
        hydrogens: counted at their atom, or atoms of their own.
        unknown: an element that the features do not name is "other", or its row invalid.
        wildcards: likewise for the atom "*".
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

    @property
    def of_molecules(self) -> bool:
        """Whether the items are molecules, and no other graphs."""
        named = self.csv is None and self.dataset in data.dataset_names()
        return not named or data.describe(self.dataset).kind == "molecule"

    def source(self, preferred: str) -> str | Path:
        """The table if one is named, else the data set."""
        if self.csv is None:
            return super().source(preferred)
        if self.dataset != "auto":
            raise ValueError(
                f"'--csv' must not be given beside '--dataset', got {str(self.csv)!r} and "
                f"{self.dataset!r}. Leave one of them out."
            )
        return self.csv

    def data_options(self) -> dict[str, Any]:
        """What the command line says of the data, for `gnnvision.data.load`."""
        return super().data_options() | {
            "smiles": self.smiles,
            "targets": self.target,
            "kind": self.kind,
            "missing": self.missing,
            "split_column": self.split_column,
            "folds": self.folds,
            "on_invalid": self.on_invalid,
            "featurizer": data.Featurizer(
                fragments=self.fragments,
                hydrogens=self.hydrogens,
                unknown=self.unknown,
                wildcards=self.wildcards,
            ),
        }


@dataclass(frozen=True, kw_only=True)
class LookOptions:
    """The flags of every script that looks into a trained network.

    Args:
        model: a run folder, or torchvision:NAME, or torchvision:NAME=FILE of weights.
        inputs: pictures or folders of them, SMILES, nodes of a citation network by number from 0,
            or graphs of a set in TU's layout by number from 1.
        out: folder of all runs.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
    """

    model: Annotated[str, Positional]
    inputs: Annotated[tuple[str, ...], Positional]
    out: Path = Path("runs")
    device: str = "cpu"
