"""The bioactivity dataset that ships with rdkit and needs no download."""

from __future__ import annotations

from pathlib import Path

from gnnvision._extras import require_extra
from gnnvision.data.errors import DataNotFound
from gnnvision.data.table import Table, parse_table

__all__ = ["read_bioactivity"]

FILES = ("CHEMBL2321810.smi", "CHEMBL2321810_act.csv")
COLUMNS = ("smiles", "name", "pActivity")


def read_bioactivity(folder: Path | None = None) -> Table:
    """Join the two files by molecule name, in the order of the SMILES file.

    Args:
        folder: contains both files; None for the folder inside the rdkit installation.

    Raises:
        DataNotFound: if this installation of rdkit lacks the files.
        ValueError: if the two files list different molecules.
    """
    if folder is None:
        require_extra("molecules", "The bioactivity dataset")
        from rdkit import RDConfig

        folder = Path(RDConfig.RDContribDir) / "FreeWilson" / "data"
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise DataNotFound(
            "The bioactivities come with rdkit, but this installation lacks its Contrib folder. "
            "Install the rdkit wheel, which includes it.",
            missing,
            folder,
        )
    smi, csv = ((folder / name).read_bytes() for name in FILES)
    listed = [line.split() for line in smi.decode("ascii").splitlines() if line.strip()]
    table = parse_table(csv, FILES[1])
    activity = dict(zip(table.column("Name"), table.column("Act"), strict=True))
    names = [cells[-1] for cells in listed]
    if any(len(cells) != 2 for cells in listed) or sorted(names) != sorted(table.column("Name")):
        raise ValueError(
            f"{FILES[0]} must have one SMILES and one name per line, for the molecules in "
            f"{FILES[1]}, but the files in {str(folder)!r} differ. Reinstall rdkit."
        )
    return Table(COLUMNS, tuple((text, name, activity[name]) for text, name in listed))
