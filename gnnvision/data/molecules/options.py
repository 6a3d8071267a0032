"""The options of loading molecules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from gnnvision.data.molecules.featurizer import Featurizer
from gnnvision.data.options import LoadOptions
from gnnvision.errors import invalid

__all__ = ["MoleculeOptions"]


@dataclass(frozen=True, kw_only=True)
class MoleculeOptions(LoadOptions):
    """The options of `gnnvision.data.molecules.load`, besides those of every loader.

    Args:
        split: Also "stratified", "scaffold" (as MoleculeNet), "scaffold_balanced" (as Chemprop),
            "column" and "kfold". "public" is the one that the dataset's authors recommend, and
            a random one for a table of your own.
        on_invalid: "raise" an error for invalid SMILES or targets; "skip" or "keep" such rows,
            which keep their row numbers but are in no split; "molecules" skips invalid SMILES
            and raises an error for invalid targets. None means "raise", for published tables
            "skip".
        smiles: The column with the SMILES, or several, such as ("solute", "solvent"): the
            molecules of a row become one graph of several components, which has the column of
            each atom as a feature.
        targets: The columns to predict; a single one can be given as text. By default every
            column of numbers of a table of your own that has no other use; the row numbers
            are not.
        inputs: Further columns that the network receives, such as a temperature or a solvent's
            name: numbers are standardized, words one-hot encoded.
        id: The column with the names of the rows, all different.
        weight: The column with the weight of each row in the loss, 0 or more.
        bounds: Whether cells such as "<5" and ">=1000" are limits of the value of a regression
            target, which add to the loss where a prediction violates them.
        kind: The kind of target; "auto" infers it, with an error if ambiguous.
        missing: Further words, or one, for a missing target, in addition to "", "NA", "#N/A",
            "nan" and others. `*` matches any characters, so "<*" matches all upper limits.
        split_column: The column with "train", "val" or "test".
        folds: For split="kfold": the number of folds.
        descriptors: Also compute `graph_attr`, descriptors of the whole molecule.
        featurizer: The atom and bond features; None for `Featurizer()`.

    Raises:
        ValueError: An option has no effect with the others.
    """

    on_invalid: Literal["raise", "skip", "keep", "molecules"] | None = None
    smiles: str | tuple[str, ...] | None = None
    targets: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    id: str | None = None
    weight: str | None = None
    bounds: bool = False
    kind: Literal["auto", "regression", "multilabel", "classification"] = "auto"
    missing: tuple[str, ...] = ()
    split_column: str | None = None
    folds: int = 10
    descriptors: bool = False
    featurizer: Featurizer | None = None

    def __post_init__(self) -> None:
        if self.smiles is not None and not isinstance(self.smiles, str):
            object.__setattr__(self, "smiles", tuple(self.smiles))
        for name in ("targets", "inputs", "missing"):
            given: Any = getattr(self, name)
            object.__setattr__(self, name, (given,) if isinstance(given, str) else tuple(given))

    @property
    def smiles_columns(self) -> tuple[str, ...]:
        """The SMILES columns; () if they are not named."""
        return (self.smiles,) if isinstance(self.smiles, str) else self.smiles or ()

    def check(self, own_table: bool) -> None:
        """Raise ValueError for an option that has no effect with the others.

        Args:
            own_table: Whether the data are a table given by its path.
        """
        if self.folds != 10 and self.split != "kfold":
            condition = f"be left out for split={self.split!r}"
            raise invalid("folds", condition, self.folds, "Use split='kfold'.")
        by_column = self.split == "column" or (own_table and self.split == "public")
        if self.split_column is not None and not by_column:
            got, condition = repr(self.split_column), f"be left out for split={self.split!r}"
            raise invalid("split_column", condition, got, "Use split='column'.")
