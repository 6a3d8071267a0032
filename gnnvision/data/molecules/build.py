"""A task from a table with SMILES: its molecules, targets, further inputs, weights and split."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from gnnvision._extras import require_extra
from gnnvision.data.card import Card, SplitRule
from gnnvision.data.cells import parse_number
from gnnvision.data.column_sources import Columns
from gnnvision.data.columns import ColumnEncoder
from gnnvision.data.molecules.describe import SCAFFOLDS
from gnnvision.data.molecules.featurizer import Featurizer
from gnnvision.data.molecules.inputs import MoleculeInputs
from gnnvision.data.molecules.options import MoleculeOptions
from gnnvision.data.molecules.splitter import describe_rule, find_splitter, same_split
from gnnvision.data.molecules.task import MoleculeTask
from gnnvision.data.overview import join_names
from gnnvision.data.split import Split
from gnnvision.data.table import Table
from gnnvision.data.targets import Targets, advice_on_limits, numeric_columns, read_targets
from gnnvision.errors import invalid, one_of

__all__ = ["build_task"]

SHOWN = 5  # rows quoted in an error message


def build_task(
    table: Table,
    card: Card,
    options: MoleculeOptions,
    requested: str,
    split: Split | None = None,
) -> MoleculeTask:
    """The task of a table.

    Args:
        table: has the columns that the options name.
        card: of the dataset; it has files if the dataset is published.
        options: name the SMILES columns and the split.
        requested: what was asked for.
        split: of the rows, in place of the one that the options name.

    Raises:
        ValueError: an option does not fit the table, or the content of a column is invalid.
    """
    require_extra("molecules", "Reading molecules")
    featurizer = options.featurizer or Featurizer()
    inputs = MoleculeInputs(featurizer, options.smiles_columns, options.descriptors)
    for name in inputs.smiles:
        table.column(name, "smiles")  # refused here if it is missing
    commas = table.delimiter != ","
    details = {}
    if not options.targets:
        options = replace(options, targets=_numeric_targets(table, options))
        details["targets taken"] = (
            f"{join_names(map(repr, options.targets))}: every column of numbers, since none was "
            "named; name them with targets=... (--target)"
        )
    _check(options, table)
    targets = read_targets(
        {name: _well_formed(table, name, "targets") for name in options.targets},
        options.kind,
        options.missing,
        decimal_commas=commas,
        bounds=options.bounds,
    )
    weights = _read_weights(table, options.weight)
    ids = _read_ids(table, options.id)
    rows = inputs.encode(table, cached=True)
    reasons = {row: reason for row, reason in enumerate(rows.reasons) if reason}
    # The problems of a published table are known; users want to see those of their own first.
    on_invalid = options.on_invalid or ("skip" if card.files else "raise")
    if on_invalid == "molecules" and not card.files:
        _refuse_targets(targets, options.targets, table)
    if on_invalid == "raise":
        found = dict(sorted((dict(targets.remarks) | reasons).items()))
        _refuse(found, rows.smiles, _limits_advice(targets, options.targets, table))
    for row in np.flatnonzero(~targets.known).tolist():
        reasons.setdefault(row, targets.remarks.get(row, "no target"))
    usable = np.array([row for row in range(len(table.rows)) if row not in reasons], np.int64)
    if len(usable) < len(("train", "val", "test")):
        got = f"{len(usable)} usable rows of {len(table.rows)}"
        condition = "contain valid SMILES with targets"
        raise invalid(inputs.smiles[0], condition, got, _examples(reasons, rows.smiles))
    splitter: Callable[[int], Split]
    if split is None:
        splitter = find_splitter(usable, rows.smiles, targets, table, options, featurizer)
        card = replace(card, splits={options.split: SplitRule(describe_rule(options))})
    else:
        split.check(len(table.rows))
        unusable = np.array(sorted(reasons), np.int64)
        names = ("train", "val", "test")
        kept = (np.setdiff1d(getattr(split, name), unusable) for name in names)
        splitter = partial(same_split, Split(split.name, *kept))
    first = splitter(options.seed)
    graphs = rows.graphs
    if options.inputs:
        encoder, features = _encode_columns(table, options.inputs, first)
        inputs = replace(inputs, encoder=encoder)
        given = [] if graphs.graph_attr is None else [graphs.graph_attr]
        graphs = replace(graphs, graph_attr=torch.cat([*given, features], 1))
    return MoleculeTask(
        name=card.name,
        requested=requested,
        kind=targets.kind,
        in_channels=rows.x.shape[1],
        num_outputs=len(targets.names),
        class_names=targets.names,
        split=first,
        splitter=splitter,
        card=card,
        data_hash=_hash(table, options, featurizer),
        seed=options.seed,
        details=details,
        graphs=graphs,
        x=rows.x,
        y=targets.y,
        item_names=rows.smiles,
        featurizer=featurizer,
        reasons=dict(sorted(reasons.items())),
        remarks=targets.remarks,
        table=table,
        smiles_column=inputs.smiles[0],
        targets=tuple(options.targets),
        notes=targets.notes,
        scaffolds=SCAFFOLDS if options.split in ("scaffold", "scaffold_balanced") else "",
        inputs=inputs,
        ids=ids,
        roles=_roles(options),
        weights=weights,
        limits=targets.limits,
        sides=targets.sides,
    )


def _roles(options: MoleculeOptions) -> dict[str, str]:
    """Column -> what it is used for, besides SMILES and targets."""
    roles = dict.fromkeys(options.inputs, "inputs")
    for name, role in (
        (options.id, "names in"),
        (options.weight, "weights in"),
        (options.split_column, "split in"),
    ):
        if name is not None:
            roles[name] = role
    return roles


def _numeric_targets(table: Table, options: MoleculeOptions) -> tuple[str, ...]:
    """Every column of numbers without another use."""
    taken = (*options.smiles_columns, *_roles(options))
    others = [name for name in dict.fromkeys(table.columns) if name and name not in taken]
    found: tuple[str, ...] = ()
    if options.kind != "classification" and table.rows:
        cells = {name: _well_formed(table, name, "targets") for name in others}
        commas = table.delimiter != ","
        found = numeric_columns(
            cells, options.missing, decimal_commas=commas, bounds=options.bounds
        )
    if not found:
        condition = f"name at least one of the columns {', '.join(map(repr, others))}"
        raise invalid("targets", condition, "none", "Name the columns to predict.")
    return found


def _check(options: MoleculeOptions, table: Table) -> None:
    if options.on_invalid not in (None, "molecules"):
        one_of("on_invalid", options.on_invalid, ("raise", "skip", "keep"))
    if not table.rows:
        raise invalid("csv", "have rows", "only a header", "Add rows below it.")
    for taken in (*options.smiles_columns, options.split_column):
        if taken in options.targets:
            condition = "differ from the SMILES column and the split column"
            raise invalid("targets", condition, repr(taken), "Name the columns to predict.")
    columns = (*options.smiles_columns, *options.targets)
    for name, chosen in (("inputs", options.inputs), ("id", (options.id,)),
                         ("weight", (options.weight,))):  # fmt: skip
        for column in chosen:
            if column is not None and column in columns:
                condition = "differ from the SMILES columns and the targets"
                raise invalid(name, condition, repr(column), "Name another column.")


def _well_formed(table: Table, name: str, argument: str) -> list[str]:
    """The cells of a column; empty in malformed rows, whose cells may belong to other columns."""
    cells = table.column(name, argument)
    return ["" if row in table.problems else cell for row, cell in enumerate(cells)]


def _read_weights(table: Table, name: str | None) -> Tensor | None:
    """The weight of each row; 0 in malformed rows."""
    if name is None:
        return None
    out = torch.zeros(len(table.rows))
    for row, cell in enumerate(table.column(name, "weight")):
        value = parse_number(cell)
        if row in table.problems:
            continue
        if value is None or value < 0:
            got = f"{cell!r} in row {row} of {name!r}"
            advice = "A weight of 0 leaves a row out of the loss."
            raise invalid("weight", "have a number of at least 0 in every row", got, advice)
        out[row] = value
    if not out.any():
        raise invalid("weight", "have positive numbers", f"only 0 in {name!r}")
    return out


def _read_ids(table: Table, name: str | None) -> tuple[str, ...]:
    """The names of the rows."""
    if name is None:
        return ()
    cells = table.column(name, "id")
    seen: dict[str, int] = {}
    for row, cell in enumerate(cells):
        if row not in table.problems and (first := seen.setdefault(cell, row)) != row:
            got = f"{cell!r} in rows {first} and {row} of {name!r}"
            raise invalid("id", "have another value in each row", got, "Correct it, or omit it.")
    return tuple(cells)


def _encode_columns(
    table: Table, names: Sequence[str], split: Split
) -> tuple[ColumnEncoder, Tensor]:
    """Further input columns as features, with the statistics of the training rows."""
    cells = {name: _well_formed(table, name, "inputs") for name in names}
    columns = Columns(cells, "the table", len(table.rows), table.delimiter != ",")
    encoder = ColumnEncoder.fit(columns, split.train)
    for column in encoder.columns:
        if column.kind == "unused":
            got = f"{column.name!r}: {column.note}"
            raise invalid("inputs", "have different values in the training rows", got)
    return encoder, encoder.encode(columns)[0]


def _limits_advice(targets: Targets, names: Sequence[str], table: Table) -> str:
    cells = (table.column(name)[row] for name in names for row in targets.remarks)
    return advice_on_limits([*cells])


def _refuse_targets(targets: Targets, names: Sequence[str], table: Table) -> None:
    """Refuse other text in a numeric column: it may be a limit, and excluding it would bias."""
    remarks = targets.remarks
    if remarks:
        shown = "; ".join(f"row {row}: {text}" for row, text in list(remarks.items())[:SHOWN])
        more = f"; and {len(remarks) - SHOWN:,} more" if len(remarks) > SHOWN else ""
        raise invalid(
            "targets",
            "contain numbers",
            f"other text in {len(remarks):,} rows",
            f"{shown}{more}. {_limits_advice(targets, names, table)}Correct them, list the cells "
            "that are missing values with missing=... (--missing; '<*' matches every cell that "
            "starts with '<'), or exclude these rows with on_invalid='skip' (--on-invalid skip).",
        )


def _refuse(reasons: Mapping[int, str], smiles: Sequence[str], advice: str) -> None:
    if reasons:
        raise ValueError(
            f"'on_invalid' is 'raise', and {len(reasons)} of {len(smiles)} rows cannot be used. "
            f"{advice}{_examples(reasons, smiles)} Correct them, or exclude them with "
            "on_invalid='skip'."
        )


def _examples(reasons: Mapping[int, str], smiles: Sequence[str]) -> str:
    shown = [
        f"row {row}: {smiles[row][:40]!r} ({reason})"
        for row, reason in list(reasons.items())[:SHOWN]
    ]
    more = f"; and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
    return "; ".join(shown) + more + "."


def _hash(table: Table, options: MoleculeOptions, featurizer: Featurizer) -> str:
    """SHA-256 of the SMILES, the targets, the featurizer and, if any, inputs and weights."""
    digest = hashlib.sha256(f"{featurizer.hash} {options.descriptors}".encode())
    weight = () if options.weight is None else (options.weight,)
    for name in (*options.smiles_columns, *options.targets, *options.inputs, *weight):
        digest.update(json.dumps(table.column(name)).encode())
    if options.bounds:
        digest.update(b"bounds")
    return digest.hexdigest()
