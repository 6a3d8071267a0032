"""Load a table of SMILES, by name or by path, as a `MoleculeTask`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gnnvision.data.card import Card
from gnnvision.data.doors import Door
from gnnvision.data.files import locate_any, read_checked
from gnnvision.data.molecules.bioactivity import read_bioactivity
from gnnvision.data.molecules.build import build_task
from gnnvision.data.molecules.options import MoleculeOptions
from gnnvision.data.molecules.splitter import SPLITS
from gnnvision.data.molecules.task import MoleculeTask
from gnnvision.data.split import Split
from gnnvision.data.table import Table, parse_table, read_table
from gnnvision.data.text_table import to_text_table
from gnnvision.errors import invalid, wrong_type

__all__ = ["SPLITS", "from_smiles", "from_table", "load"]

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
    return build_task(table, card, options, requested)


def _own_table(path: Path, options: MoleculeOptions, requested: str) -> MoleculeTask:
    name, title = path.name.partition(".")[0], path.name
    return _own(read_table(path), options, None, name, title, requested)


def _own_parquet(path: Path, options: MoleculeOptions, requested: str) -> MoleculeTask:
    table = to_text_table(path, "name")
    return _own(table, options, None, path.name.partition(".")[0], path.name, requested)


def _own(
    table: Table,
    options: MoleculeOptions,
    split: Split | None,
    name: str,
    title: str,
    requested: str,
) -> MoleculeTask:
    options.check(own_table=True)
    columns = options.smiles or table.smiles_column()
    default = "column" if options.split_column else "random"
    options = replace(
        options, smiles=columns, split=default if options.split == "public" else options.split
    )
    card = Card(
        name=name,
        title=title,
        kind="molecule",
        description=f"The table {title}, with {len(table.rows)} rows.",
        source=title,
        license="Unknown.",
        citation="",
    )
    return build_task(table, card, options, requested, split)


def from_table(
    source: Any,  # noqa: ANN401 - a DataFrame, without importing pandas
    *,
    split: str | Split = "public",
    name: str = "molecules",
    **options: Any,  # noqa: ANN401 - the fields of MoleculeOptions
) -> MoleculeTask:
    """A task from a table in memory with a column of SMILES.

    Args:
        source: A pandas, polars or Arrow table, a dict of columns, a `Table`, or the path of a
            file that `gnnvision.data.read_columns` reads.
        split: The name of a split, as for `gnnvision.data.molecules.load`, or a `Split` of the
            rows.
        name: A name for the data.
        **options: The fields of `MoleculeOptions`: `smiles`, `targets`, `inputs`, ...

    Raises:
        TypeError: `source` is not a table.
        ValueError: An option or the content of a column is invalid.

    Example:
        >>> table = {"smiles": ["C" * n for n in range(1, 21)], "boils": range(20)}
        >>> from_table(table, targets="boils").split.sizes
        {'train': 16, 'val': 2, 'test': 2}
    """
    table = source if isinstance(source, Table) else to_text_table(source, "source")
    given = split if isinstance(split, Split) else None
    chosen = MoleculeOptions(split="public" if isinstance(split, Split) else split, **options)
    return _own(table, chosen, given, name, name, name)


def from_smiles(
    smiles: Sequence[str],
    y: Any,  # noqa: ANN401 - anything array-like
    *,
    weights: Sequence[float] | None = None,
    ids: Sequence[Any] | None = None,
    **options: Any,  # noqa: ANN401 - the arguments of from_table
) -> MoleculeTask:
    """A task from SMILES and targets in memory.

    Args:
        smiles: The SMILES of each molecule.
        y: The targets: a list, array or tensor of shape (G,) or (G, targets), or a dict of
            columns. None and NaN are missing; text is a class, or a limit with `bounds=True`.
        weights: How much each molecule counts in the loss.
        ids: A name for each molecule, all different.
        **options: `split`, `name` and the fields of `MoleculeOptions`, as for `from_table`.

    Raises:
        TypeError: `smiles` is not a sequence of text.
        ValueError: The lengths differ, or an option or a value is invalid.

    Example:
        >>> task = from_smiles(["C" * n for n in range(1, 21)], [n / 2 for n in range(20)])
        >>> task.kind, task.class_names, task.split.sizes
        ('regression', ('y',), {'train': 16, 'val': 2, 'test': 2})
    """
    texts = [smiles] if isinstance(smiles, str) else [*smiles]
    for row, text in enumerate(texts):
        if isinstance(smiles, str) or not isinstance(text, str):
            got = smiles if isinstance(smiles, str) else text
            raise wrong_type("smiles", "be a list of SMILES", got, f"See row {row}.")
    for taken in ("smiles", "targets", "weight", "id"):
        if taken in options:
            advice = "Use gnnvision.data.molecules.from_table for a table of columns."
            raise invalid(taken, "be left out for from_smiles", repr(options[taken]), advice)
    named = dict(y) if hasattr(y, "keys") else _target_columns(y)
    columns = {"smiles": texts, **named}
    for name, values in (("weight", weights), ("id", ids)):
        if values is not None:
            columns[name] = values
            options[name] = name
    for name, values in columns.items():
        if len(values) != len(texts):
            condition = f"have one value for each of the {len(texts)} molecules"
            argument = {"weight": "weights", "id": "ids"}.get(name, "y")
            raise invalid(argument, condition, f"{len(values)} in {name!r}")
    return from_table(columns, targets=tuple(named), smiles="smiles", **options)


def _target_columns(y: Any) -> dict[str, Any]:  # noqa: ANN401
    """The columns of targets without names."""
    held = y.detach().cpu() if hasattr(y, "detach") else y
    shape = getattr(held, "shape", None)
    if shape is None and len(held) and isinstance(held[0], (list, tuple)):
        return {f"y{n + 1}": list(column) for n, column in enumerate(zip(*held, strict=True))}
    if shape is not None and len(shape) == 2:
        return {f"y{n + 1}" if shape[1] > 1 else "y": held[:, n] for n in range(shape[1])}
    if shape is not None and len(shape) != 1:
        raise invalid("y", "have shape (G,) or (G, targets)", tuple(shape), "Reshape it.")
    return {"y": held}


def _bioactivity(card: Card, options: MoleculeOptions, requested: str) -> MoleculeTask:
    return _described(read_bioactivity(), card, options, requested)


def _is_text_table(path: Path) -> bool:
    return path.name.lower().removesuffix(".gz").endswith(_TABLES)


def _is_parquet(path: Path) -> bool:
    name = path.name.lower().removesuffix(".gz")
    if not name.endswith((".parquet", ".pq")) or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4).startswith((b"PAR1", b"\x1f\x8b"))


def _is_other_table(path: Path) -> bool:
    return path.name.lower().endswith(_OTHER_TABLES) and not path.is_dir()


def _other_table(path: Path, options: MoleculeOptions, requested: str) -> MoleculeTask:
    condition = "be a text table (.csv, .tsv, .txt, .smi, or one of these with .gz) or Parquet"
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
    (
        (_is_text_table, _own_table),
        (_is_parquet, _own_parquet),
        (_is_other_table, _other_table),
    ),
    _other_table,
    extra="molecules",
)
