"""Load a table of SMILES, by name or by path, as a `MoleculeTask`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gnnvision.data.card import Card, SplitRule
from gnnvision.data.doors import Door
from gnnvision.data.files import locate_any, read_checked
from gnnvision.data.molecules.bioactivity import read_bioactivity
from gnnvision.data.molecules.describe import SCAFFOLDS
from gnnvision.data.molecules.encode import Encoded
from gnnvision.data.molecules.featurizer import Featurizer
from gnnvision.data.molecules.options import MoleculeOptions
from gnnvision.data.molecules.splits import column_split, scaffold_balanced_split, scaffold_split
from gnnvision.data.molecules.store import cached_descriptors, cached_scaffolds, encode_cached
from gnnvision.data.molecules.task import MoleculeTask, batch_molecules
from gnnvision.data.split import Split, fold_split, random_split, stratified_split
from gnnvision.data.table import Table, parse_table, read_table
from gnnvision.data.targets import Targets, read_targets
from gnnvision.errors import invalid, one_of

__all__ = ["SPLITS", "load"]

SPLITS = ("random", "stratified", "scaffold", "scaffold_balanced", "column", "kfold")
SHOWN = 5  # rows quoted in an error message
_TABLES = (".csv", ".tsv", ".txt", ".smi")
_OTHER_TABLES = (
    *(".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers", ".parquet", ".feather", ".json"),
    *(".jsonl", ".sdf", ".pkl", ".csv.zip", ".tsv.zip", ".txt.zip", ".smi.zip", ".csv.bz2"),
    *(".csv.xz", ".tsv.xz", ".csv.zst"),
)


def _published(card: Card, options: MoleculeOptions, requested: str) -> MoleculeTask:
    file = card.files[0]
    alternatives = ([file.path], [file.path.removesuffix(".gz")])
    folder, (name,) = locate_any(card, options.root, alternatives, download=options.download)
    # Unpacked files have no published checksum.
    published = name == file.path
    content = read_checked(file, folder) if published else (folder / name).read_bytes()
    return _described(parse_table(content, name), card, options, requested)


def _described(table: Table, card: Card, options: MoleculeOptions, requested: str) -> MoleculeTask:
    """A task of a table whose card names its columns."""
    options.check(own_table=False)
    facts = card.facts
    listed = facts["targets"] or [name for name in table.columns if name != facts["smiles"]]
    options = replace(
        options,
        smiles=options.smiles or facts["smiles"],
        targets=options.targets or tuple(listed),
        kind=facts.get("kind", "auto") if options.kind == "auto" else options.kind,
        split=facts["split"] if options.split == "public" else options.split,
    )
    return _task(table, card, options, requested)


def _own_table(path: Path, options: MoleculeOptions, requested: str) -> MoleculeTask:
    options.check(own_table=True)
    table = read_table(path)
    column = options.smiles or table.smiles_column()
    default = "column" if options.split_column else "random"
    options = replace(
        options, smiles=column, split=default if options.split == "public" else options.split
    )
    card = Card(
        name=path.name.partition(".")[0],
        title=path.name,
        kind="molecule",
        description=f"The table {path.name}, with {len(table.rows)} rows.",
        source=path.name,
        license="Unknown.",
        citation="",
    )
    return _task(table, card, options, requested)


def _task(table: Table, card: Card, options: MoleculeOptions, requested: str) -> MoleculeTask:
    featurizer = options.featurizer or Featurizer()
    assert options.smiles is not None
    smiles = table.column(options.smiles, "smiles")
    if not options.targets:
        others = [name for name in table.columns if name != options.smiles]
        condition = f"name at least one of the columns {', '.join(map(repr, others))}"
        raise invalid("targets", condition, "none", "Name the columns to predict.")
    _check(options, table)
    columns = {name: _well_formed(table, name) for name in options.targets}
    commas = table.delimiter != ","
    targets = read_targets(columns, options.kind, options.missing, decimal_commas=commas)
    rows = encode_cached(smiles, featurizer)
    reasons = {
        row: reason
        for row in range(len(smiles))
        if (reason := table.problems.get(row) or rows.reasons[row])
    }
    # The problems of a published table are known; users want to see those of their own first.
    on_invalid = options.on_invalid or ("skip" if card.files else "raise")
    if on_invalid == "molecules" and not card.files:
        _refuse_targets(targets.remarks)
    if on_invalid == "raise":
        _refuse(dict(sorted((dict(targets.remarks) | reasons).items())), smiles)
    extra = (
        torch.from_numpy(cached_descriptors(smiles, featurizer)) if options.descriptors else None
    )
    graphs, x = batch_molecules(_without(rows, reasons), featurizer, extra)
    for row in np.flatnonzero(~targets.known).tolist():
        reasons.setdefault(row, targets.remarks.get(row, "no target"))
    usable = np.array([row for row in range(len(smiles)) if row not in reasons], np.int64)
    if len(usable) < len(("train", "val", "test")):
        got = f"{len(usable)} usable rows of {len(smiles)}"
        condition = "contain valid SMILES with targets"
        raise invalid(options.smiles, condition, got, _examples(reasons, smiles))
    splitter = _splitter(usable, smiles, targets, table, options, featurizer)
    description = _DESCRIPTIONS[options.split].format(folds=options.folds)
    return MoleculeTask(
        name=card.name,
        requested=requested,
        kind=targets.kind,
        in_channels=featurizer.num_atom_columns,
        num_outputs=len(targets.names),
        class_names=targets.names,
        split=splitter(options.seed),
        splitter=splitter,
        card=replace(card, splits={options.split: SplitRule(description)}),
        data_hash=_hash(table, options, featurizer),
        seed=options.seed,
        graphs=graphs,
        x=x,
        y=targets.y,
        item_names=smiles,
        featurizer=featurizer,
        reasons=dict(sorted(reasons.items())),
        remarks=targets.remarks,
        table=table,
        smiles_column=options.smiles,
        targets=tuple(options.targets),
        notes=targets.notes,
        scaffolds=SCAFFOLDS if options.split in ("scaffold", "scaffold_balanced") else "",
    )


def _check(options: MoleculeOptions, table: Table) -> None:
    if options.on_invalid not in (None, "molecules"):
        one_of("on_invalid", options.on_invalid, ("raise", "skip", "keep"))
    if not table.rows:
        raise invalid("csv", "have rows", "only a header", "Add rows below it.")
    for taken in (options.smiles, options.split_column):
        if taken in options.targets:
            condition = "differ from the SMILES column and the split column"
            raise invalid("targets", condition, repr(taken), "Name the columns to predict.")


def _well_formed(table: Table, name: str) -> list[str]:
    """The cells of a target; empty in malformed rows, whose cells may belong to other columns."""
    cells = table.column(name, "targets")
    return ["" if row in table.problems else cell for row, cell in enumerate(cells)]


_DESCRIPTIONS = {
    "random": "Random for each seed: 80 % training, 10 % validation, 10 % test.",
    "stratified": "Random for each seed and stratified by class: 80 % training, 10 % validation, "
    "10 % test.",
    "scaffold": "MoleculeNet's scaffold split, deterministic, with the rarest scaffolds in the "
    f"test split: 80 % training, 10 % validation, 10 % test ({SCAFFOLDS}).",
    "scaffold_balanced": "Chemprop's balanced scaffold split, random for each seed, the largest "
    f"groups first: 80 % training, 10 % validation, 10 % test ({SCAFFOLDS}).",
    "column": "Defined by a column of the table.",
    "kfold": "For seed s, fold s of {folds} is the test split, the next fold the validation "
    "split, and the others the training split.",
}


def _splitter(
    usable: NDArray[np.int64],
    smiles: Sequence[str],
    targets: Targets,
    table: Table,
    options: MoleculeOptions,
    featurizer: Featurizer,
) -> Callable[[int], Split]:
    """A function that returns the split of a seed."""
    match one_of("split", options.split, SPLITS):
        case "random":
            return partial(random_split, usable)
        case "stratified":
            return partial(_stratified, usable, _class_labels(targets)[usable])
        case "kfold":
            many = targets.kind == "multilabel" and len(targets.names) > 1
            even = targets.kind != "regression" and not many
            labels = _class_labels(targets)[usable] if even else None
            return partial(fold_split, usable, folds=options.folds, labels=labels)
        case "scaffold" | "scaffold_balanced":
            every = cached_scaffolds(smiles, featurizer)
            found = [every[row] for row in usable.tolist()]
            if options.split == "scaffold_balanced":
                return partial(scaffold_balanced_split, usable, found)
            split = scaffold_split(usable, found)
        case _:  # "column"
            if not options.split_column:
                condition = "name the column with train, val and test for split='column'"
                raise invalid("split_column", condition, "none", "Name it.")
            cells = table.column(options.split_column, "split_column")
            split = column_split(usable, cells, options.split_column)
    return partial(_same_split, split)


def _same_split(split: Split, seed: int) -> Split:
    return split


def _stratified(usable: NDArray[np.int64], labels: NDArray[np.int64], seed: int) -> Split:
    tenth = max(1, round(len(usable) / 10))
    parts = stratified_split(labels, seed, tenth, tenth)
    return Split("stratified", *(usable[getattr(parts, p)] for p in ("train", "val", "test")))


def _class_labels(targets: Targets) -> NDArray[np.int64]:
    """The class of each row, for stratification; -100 if unlabeled."""
    if targets.kind == "regression" or (targets.kind == "multilabel" and len(targets.names) > 1):
        got = f"'stratified' for {len(targets.names)} targets of kind {targets.kind!r}"
        raise invalid("split", "fit the targets", got, "Use 'random'.")
    y = targets.y.numpy()
    if targets.kind == "multilabel":
        y = np.nan_to_num(y[:, 0], nan=0)
    labels: NDArray[np.int64] = y.astype(np.int64)
    return labels


def _refuse_targets(remarks: Mapping[int, str]) -> None:
    """Refuse other text in a numeric column: it may be a limit, and excluding it would bias."""
    if remarks:
        shown = "; ".join(f"row {row}: {text}" for row, text in list(remarks.items())[:SHOWN])
        more = f"; and {len(remarks) - SHOWN:,} more" if len(remarks) > SHOWN else ""
        raise invalid(
            "targets",
            "contain numbers",
            f"other text in {len(remarks):,} rows",
            f"{shown}{more}. Correct them, list the cells that are missing values with "
            "missing=... (--missing; '<*' matches every cell that starts with '<'), or exclude "
            "these rows with on_invalid='skip' (--on-invalid skip).",
        )


def _refuse(reasons: dict[int, str], smiles: Sequence[str]) -> None:
    if reasons:
        raise ValueError(
            f"'on_invalid' is 'raise', and {len(reasons)} of {len(smiles)} rows cannot be used. "
            f"{_examples(reasons, smiles)} Correct them, or exclude them with on_invalid='skip'."
        )


def _examples(reasons: dict[int, str], smiles: Sequence[str]) -> str:
    shown = [
        f"row {row}: {smiles[row][:40]!r} ({reason})"
        for row, reason in list(reasons.items())[:SHOWN]
    ]
    more = f"; and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
    return "; ".join(shown) + more + "."


def _without(rows: Encoded, reasons: dict[int, str]) -> Encoded:
    """Remove the molecules of malformed rows, whose SMILES cell may be valid by accident."""
    broken = [row for row in reasons if rows.num_atoms[row]]
    if not broken:
        return rows
    keep = np.ones(len(rows.num_atoms), bool)
    keep[broken] = False
    atoms, bonds = np.repeat(keep, rows.num_atoms), np.repeat(keep, rows.num_bonds)
    return Encoded(
        atoms=rows.atoms[atoms],
        bonds=rows.bonds[bonds],
        ends=rows.ends[bonds],
        num_atoms=rows.num_atoms * keep,
        num_bonds=rows.num_bonds * keep,
        reasons=rows.reasons,
    )


def _hash(table: Table, options: MoleculeOptions, featurizer: Featurizer) -> str:
    """SHA-256 of the SMILES, the targets and the featurizer."""
    digest = hashlib.sha256(f"{featurizer.hash} {options.descriptors}".encode())
    assert options.smiles is not None
    for name in (options.smiles, *options.targets):
        digest.update(json.dumps(table.column(name)).encode())
    return digest.hexdigest()


def _bioactivity(card: Card, options: MoleculeOptions, requested: str) -> MoleculeTask:
    return _described(read_bioactivity(), card, options, requested)


def _is_text_table(path: Path) -> bool:
    return path.name.lower().removesuffix(".gz").endswith(_TABLES)


def _is_other_table(path: Path) -> bool:
    return path.name.lower().endswith(_OTHER_TABLES) and not path.is_dir()


def _other_table(path: Path, options: MoleculeOptions, requested: str) -> MoleculeTask:
    condition = "be a text table (.csv, .tsv, .txt, .smi, or one of these with .gz)"
    advice = "Export it as 'CSV UTF-8', or unpack it."
    raise invalid("name", condition, repr(str(path)), advice)


load = Door(
    "molecules",
    MoleculeOptions,
    dict.fromkeys(
        ("esol", "tox21", "hiv", "freesolv", "lipophilicity", "bbbp", "sider", "clintox"),
        _published,
    )
    | {"bioactivity": _bioactivity},
    ((_is_text_table, _own_table), (_is_other_table, _other_table)),
    _other_table,
)
