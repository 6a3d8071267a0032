"""Molecules read by rdkit, and turned into the arguments of `Graph`."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from rdkit.Chem import Mol

Arguments = dict[str, Any]

BOND_TYPES = ("SINGLE", "DOUBLE", "TRIPLE", "AROMATIC", "OTHER")
MAX_LENGTH = 10_000  # characters of a SMILES; what is longer is no molecule but a mistake
SHOWN = 3  # problems of a molecule that a reason names
# The time of day and the kind of message; a reason is the same whenever it is asked for.
_CLOCK = re.compile(r"^\[\d\d:\d\d:\d\d\] |SMILES Parse Error: ")


def read_smiles(smiles: str) -> Mol:
    """The molecule of a SMILES.

    Raises:
        ValueError: if rdkit cannot read it; the text is rdkit's own reason, and nothing else.
    """
    from rdkit import Chem, rdBase

    if len(smiles) > MAX_LENGTH:
        raise ValueError(f"longer than {MAX_LENGTH} characters")
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        raise ValueError(_reason(smiles))
    if not mol.GetNumAtoms():
        raise ValueError("empty: not the SMILES of any atom")
    return mol


def _reason(smiles: str) -> str:
    """What rdkit has to say of a string that it cannot read."""
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        loose = Chem.MolFromSmiles(smiles, sanitize=False)
    if loose is not None:
        with rdBase.BlockLogs():
            problems = Chem.DetectChemistryProblems(loose)
        if problems:
            more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
            return "; ".join(problem.Message() for problem in problems[:SHOWN]) + more
    heard: list[str] = []
    listener = logging.Handler()
    listener.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("rdkit")
    spread, handlers = logger.propagate, logger.handlers
    # rdkit's own handler would print what is only to be heard here.
    logger.propagate, logger.handlers = False, [listener]
    rdBase.LogToPythonLogger()
    try:
        Chem.MolFromSmiles(smiles)
    finally:
        rdBase.LogToCppStreams()
        logger.propagate, logger.handlers = spread, handlers
    lines = [_CLOCK.sub("", line).strip() for text in heard for line in text.splitlines()]
    said = [line for line in lines if line and not set(line) <= set("~^ ")]
    place = [line.strip(":") for line in said[1:] if "around position" in line]
    return "; ".join(said[:1] + place[:1]) or "rdkit cannot read it and gives no reason"


def from_smiles(smiles: str) -> Arguments:
    """The heavy atoms and bonds of a molecule."""
    if not isinstance(smiles, str):
        raise TypeError(
            f"'smiles' must be a string, got {type(smiles).__name__}. Write for example 'CCO'."
        )
    try:
        return from_mol(read_smiles(smiles))
    except ValueError as error:
        raise ValueError(
            f"'smiles' must be a molecule that rdkit can read, got {smiles!r} ({error}). "
            "Correct the string."
        ) from None


def from_mol(mol: Mol) -> Arguments:
    """The atoms and bonds of an rdkit molecule as it is: hydrogens only where it has them."""
    if not hasattr(mol, "GetBonds"):
        raise TypeError(
            f"'mol' must be an rdkit molecule, got {type(mol).__name__}. "
            "Use Graph.from_smiles for a string."
        )
    ends, kinds = [], []
    for bond in mol.GetBonds():
        i, j, kind = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), str(bond.GetBondType())
        ends += [(i, j), (j, i)]
        kinds += [BOND_TYPES.index(kind if kind in BOND_TYPES else "OTHER")] * 2
    return {
        "edge_index": torch.tensor(ends, dtype=torch.int64).reshape(-1, 2).t(),
        "num_nodes": mol.GetNumAtoms(),
        "edge_type": torch.tensor(kinds, dtype=torch.int64),
        "num_relations": len(BOND_TYPES),
        "node_names": tuple(atom.GetSymbol() for atom in mol.GetAtoms()),
    }
