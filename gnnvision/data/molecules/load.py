"""From a table of SMILES, by name or by path, to a task."""

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
from gnnvision.data.files import locate_any, read_checked
from gnnvision.data.molecules.describe import SCAFFOLDS
from gnnvision.data.molecules.encode import Encoded
from gnnvision.data.molecules.featurizer import Featurizer
from gnnvision.data.molecules.splits import column_split, scaffold_balanced_split, scaffold_split
from gnnvision.data.molecules.store import descriptors_of, encoded, scaffolds_of
from gnnvision.data.molecules.table import Table, parse_table, read_table
from gnnvision.data.molecules.targets import Targets, read_targets
from gnnvision.data.molecules.task import MoleculeTask, laid_out
from gnnvision.data.options import LoadOptions
from gnnvision.data.split import Split, fold_split, random_split, stratified_split

__all__ = ["SPLITS", "load_csv", "load_molecules", "load_table"]

SPLITS = ("random", "stratified", "scaffold", "scaffold_balanced", "column", "kfold")
SHOWN = 5  # rows that an error names


def load_molecules(card: Card, options: LoadOptions, requested: str) -> MoleculeTask:
    """A data set of molecules that has a card."""
    file = card.files[0]
    alternatives = ([file.path], [file.path.removesuffix(".gz")])
    folder, (name,) = locate_any(card, options.root, alternatives, download=options.download)
    # Of an unpacked file no checksum is known.
    published = name == file.path
    content = read_checked(file, folder) if published else (folder / name).read_bytes()
    return load_table(parse_table(content, name), card, options, requested)


def load_table(table: Table, card: Card, options: LoadOptions, requested: str) -> MoleculeTask:
    """As `load_molecules`, of a table that has been read; the card names its columns."""
    facts = card.facts
    listed = facts["targets"] or [name for name in table.columns if name != facts["smiles"]]
    asked = replace(
        options,
        smiles=options.smiles or facts["smiles"],
        targets=options.targets or tuple(listed),
        kind=facts.get("kind", "auto") if options.kind == "auto" else options.kind,
        split=facts["split"] if options.split == "public" else options.split,
    )
    return _task(table, card, asked, requested)


def load_csv(path: Path, options: LoadOptions, requested: str) -> MoleculeTask:
    """The molecules of a table; its name is the task's."""
    table = read_table(path)
    column = options.smiles or table.smiles_column()
    default = "column" if options.split_column else "random"
    asked = replace(
        options, smiles=column, split=default if options.split == "public" else options.split
    )
    card = Card(
        name=path.name.partition(".")[0],
        title=path.name,
        kind="molecule",
        description=f"The table {path.name}, with {len(table.rows)} rows.",
        source=path.name,
        license="Not known.",
        citation="",
    )
    return _task(table, card, asked, requested)


def _task(table: Table, card: Card, options: LoadOptions, requested: str) -> MoleculeTask:
    featurizer = options.featurizer or Featurizer()
    assert options.smiles is not None
    smiles = table.column(options.smiles, "smiles")
    if not options.targets:
        others = [name for name in table.columns if name != options.smiles]
        raise ValueError(
            f"'targets' must name at least one of the columns {', '.join(map(repr, others))}, "
            "got none. Name what is to be predicted."
        )
    _check(options, table)
    columns = {name: _sound(table, name) for name in options.targets}
    commas = table.delimiter != ","
    targets = read_targets(columns, options.kind, options.missing, decimal_commas=commas)
    rows = encoded(smiles, featurizer)
    reasons = {
        row: reason
        for row in range(len(smiles))
        if (reason := table.problems.get(row) or rows.reasons[row])
    }
    # What is wrong with a published table is known; with your own you may want to know first.
    on_invalid = options.on_invalid or ("skip" if card.files else "raise")
    if on_invalid == "molecules" and not card.files:
        _refuse_targets(targets.remarks)
    if on_invalid == "raise":
        _refuse(dict(sorted((dict(targets.remarks) | reasons).items())), smiles)
    extra = torch.from_numpy(descriptors_of(smiles, featurizer)) if options.descriptors else None
    graphs, x = laid_out(_without(rows, reasons), featurizer, extra)
    known = _known(targets)
    for row in np.flatnonzero(~known).tolist():
        reasons.setdefault(row, targets.remarks.get(row, "no target"))
    usable = np.array([row for row in range(len(smiles)) if row not in reasons], np.int64)
    if len(usable) < len(("train", "val", "test")):
        raise ValueError(
            f"'{options.smiles}' must hold molecules with targets, got {len(usable)} of "
            f"{len(smiles)} rows. {_examples(reasons, smiles)}"
        )
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


def _check(options: LoadOptions, table: Table) -> None:
    if options.on_invalid not in (None, "raise", "skip", "keep", "molecules"):
        raise ValueError(
            f"'on_invalid' must be 'raise', 'skip' or 'keep' for molecules, got "
            f"{options.on_invalid!r}. Choose one."
        )
    if not table.rows:
        raise ValueError("'csv' must hold rows, got a header alone. Add rows below it.")
    for taken in (options.smiles, options.split_column):
        if taken in options.targets:
            raise ValueError(
                f"'targets' must be other columns than the molecules and the split, got {taken!r}."
                " Name what is to be predicted."
            )


def _sound(table: Table, name: str) -> list[str]:
    """The cells of a target; nothing in rows whose form is broken, whose cells may be others'."""
    cells = table.column(name, "targets")
    return ["" if row in table.problems else cell for row, cell in enumerate(cells)]


_DESCRIPTIONS = {
    "random": "Drawn anew for each seed: 80 % train, 10 % validate, 10 % test.",
    "stratified": "Drawn anew for each seed, with the classes in proportion: 80, 10 and 10 %.",
    "scaffold": f"By scaffold as MoleculeNet does: the rarest test, without chance: 80, 10, 10 % "
    f"({SCAFFOLDS}).",
    "scaffold_balanced": "By scaffold as Chemprop does: drawn anew for each seed, the largest "
    f"groups first: 80, 10, 10 % ({SCAFFOLDS}).",
    "column": "As a column of the table says.",
    "kfold": "Fold s of {folds} tests for seed s, the next one validates, the others train.",
}


def _splitter(
    usable: NDArray[np.int64],
    smiles: Sequence[str],
    targets: Targets,
    table: Table,
    options: LoadOptions,
    featurizer: Featurizer,
) -> Callable[[int], Split]:
    """The split of a seed."""
    match options.split:
        case "random":
            return partial(random_split, usable)
        case "stratified":
            return partial(_stratified, usable, _single(targets)[usable])
        case "kfold":
            many = targets.kind == "multilabel" and len(targets.names) > 1
            even = targets.kind != "regression" and not many
            labels = _single(targets)[usable] if even else None
            return partial(fold_split, usable, folds=options.folds, labels=labels)
        case "scaffold" | "scaffold_balanced":
            every = scaffolds_of(smiles, featurizer)
            found = [every[row] for row in usable.tolist()]
            if options.split == "scaffold_balanced":
                return partial(scaffold_balanced_split, usable, found)
            split = scaffold_split(usable, found)
        case "column":
            if not options.split_column:
                raise ValueError(
                    "'split_column' must name the column with train, val and test for "
                    "split='column', got none. Name it."
                )
            cells = table.column(options.split_column, "split_column")
            split = column_split(usable, cells, options.split_column)
        case other:
            raise ValueError(
                f"'split' must be one of {', '.join(map(repr, SPLITS))} for molecules, got "
                f"{other!r}. Choose one."
            )
    return partial(_whatever_seed, split)


def _whatever_seed(split: Split, seed: int) -> Split:
    return split


def _stratified(usable: NDArray[np.int64], labels: NDArray[np.int64], seed: int) -> Split:
    tenth = max(1, round(len(usable) / 10))
    parts = stratified_split(labels, seed, tenth, tenth)
    return Split("stratified", *(usable[getattr(parts, p)] for p in ("train", "val", "test")))


def _single(targets: Targets) -> NDArray[np.int64]:
    """The one column of classes by which rows can be dealt out evenly; -100 is none."""
    if targets.kind == "regression" or (targets.kind == "multilabel" and len(targets.names) > 1):
        raise ValueError(
            f"'split' must not be 'stratified' for {len(targets.names)} targets of kind "
            f"{targets.kind!r}, got it. Use 'random'."
        )
    y = targets.y.numpy()
    if targets.kind == "multilabel":
        y = np.nan_to_num(y[:, 0], nan=0)
    labels: NDArray[np.int64] = y.astype(np.int64)
    return labels


def _known(targets: Targets) -> NDArray[np.bool_]:
    y = targets.y
    return (y >= 0).numpy() if targets.kind == "classification" else (~y.isnan().all(1)).numpy()


def _refuse_targets(remarks: Mapping[int, str]) -> None:
    """What is no number among numbers may be a limit, and is not left out unasked."""
    if remarks:
        shown = "; ".join(f"row {row}: {text}" for row, text in list(remarks.items())[:SHOWN])
        more = f"; and {len(remarks) - SHOWN:,} more" if len(remarks) > SHOWN else ""
        raise ValueError(
            f"'targets' must hold numbers, got others in {len(remarks):,} rows. {shown}{more}. "
            "Correct them, name what means nothing with missing=... (--missing; '<*' is every "
            "cell that begins with '<'), or leave these rows out with on_invalid='skip' "
            "(--on-invalid skip)."
        )


def _refuse(reasons: dict[int, str], smiles: Sequence[str]) -> None:
    if reasons:
        raise ValueError(
            f"'on_invalid' is 'raise', and {len(reasons)} of {len(smiles)} rows cannot be used. "
            f"{_examples(reasons, smiles)} Correct them, or use on_invalid='skip'."
        )


def _examples(reasons: dict[int, str], smiles: Sequence[str]) -> str:
    shown = [
        f"row {row}: {smiles[row][:40]!r} ({reason})"
        for row, reason in list(reasons.items())[:SHOWN]
    ]
    more = f"; and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
    return "; ".join(shown) + more + "."


def _without(rows: Encoded, reasons: dict[int, str]) -> Encoded:
    """The molecules without those of rows whose form is broken, which may be read by accident."""
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


def _hash(table: Table, options: LoadOptions, featurizer: Featurizer) -> str:
    """SHA-256 over what the task is made of."""
    digest = hashlib.sha256(f"{featurizer.hash} {options.descriptors}".encode())
    assert options.smiles is not None
    for name in (options.smiles, *options.targets):
        digest.update(json.dumps(table.column(name)).encode())
    return digest.hexdigest()
