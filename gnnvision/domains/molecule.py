"""SMILES and rdkit molecules as the arguments of `Graph`."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from gnnvision._extras import require_extra
from gnnvision.errors import invalid, wrong_type

if TYPE_CHECKING:
    from rdkit.Chem import Mol

Arguments = dict[str, Any]

BOND_TYPES = ("SINGLE", "DOUBLE", "TRIPLE", "AROMATIC", "OTHER")
MAX_LENGTH = 10_000  # characters of a SMILES; longer strings are errors
SHOWN = 3  # problems of a molecule that a reason names
_INVISIBLE = (
    "Cf",
    "Cc",
)  # categories of characters that are not seen: zero-width, byte-order mark
_QUOTES = "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb"
# Characters that look like those of a SMILES but are others, in addition to full-width ones.
_ALIKE = dict(
    zip(
        "\u0421\u0441\u041e\u043e\u041d\u0412\u0420\u0440\u0405\u0455\u0406\u0456\u039f\u03bf\u039d\u0392\u03a1\u0399"
        "\u2212\u2010\u2011\u2012\u2013\u2014\u2261\u2018\u2019\u201c\u201d",
        "CcOoHBPpSsIiOoNBPI------#''\"\"",
        strict=True,
    )
)
# The time of day and the kind of message; a reason is the same whenever it is asked for.
_CLOCK = re.compile(r"^\[\d\d:\d\d:\d\d\] |SMILES Parse Error: ")


def read_smiles(smiles: str) -> Mol:
    """The rdkit molecule of a SMILES; surrounding whitespace is ignored.

    Raises:
        ValueError: if rdkit cannot parse it, or would ignore part of it. The message is only the
            reason.
    """
    require_extra("molecules", "Reading SMILES")
    from rdkit import Chem, rdBase

    if len(smiles) > MAX_LENGTH:
        raise ValueError(f"longer than {MAX_LENGTH} characters")
    smiles = smiles.strip()
    if fault := text_fault(smiles):
        raise ValueError(fault)
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        raise ValueError(_reason(smiles))
    if not mol.GetNumAtoms():
        raise ValueError("empty: a SMILES has at least one atom")
    return mol


def text_fault(smiles: str) -> str:
    """Why the characters of a string are not those of a SMILES; "" if they are.

    rdkit silently ignores everything after the first space or invalid character, so that these are
    checked before. Positions start at 1.

    Args:
        smiles: the string, without surrounding whitespace.
    """
    if smiles[:1] and smiles[0] in _QUOTES and smiles[-1] in _QUOTES:
        return f"enclosed in quotes ({smiles[0]}): remove them"
    if not smiles.isascii() or not smiles.isprintable():
        place = next(n for n, c in enumerate(smiles) if not (c.isascii() and c.isprintable()))
        return _foreign(smiles[place], place + 1)
    if " " in smiles:
        before, _, after = smiles.partition(" ")
        if after.lstrip().startswith("|"):
            what = "a CXSMILES extension (|...|), which is not supported: remove it"
        else:
            what = f"{after.strip()[:20]!r}: if that is a name, move it to another column"
        return f"a space at position {len(before) + 1}, followed by {what}"
    if ">" in smiles and ">" in smiles.replace("->", ""):
        return "a reaction ('>'), not a molecule: use one of its molecules"
    if smiles.startswith("InChI="):
        return "an InChI, not a SMILES: convert it, for example with rdkit"
    return ""


def _foreign(character: str, position: int) -> str:
    """The name of an invalid character, and the probably intended one."""
    if character in "\n\r\v\f\u2028\u2029":
        return f"a line break at position {position}: put each molecule in a cell"
    if character == "\t":
        return f"a tab at position {position}: put each molecule in a cell"
    code = f"U+{ord(character):04X}"
    name = unicodedata.name(character, "a control character").lower()
    if unicodedata.category(character) in _INVISIBLE:
        return f"an invisible character at position {position}, {code} ({name}): delete it"
    if character.isspace():
        return f"a space at position {position}, {code} ({name}): delete it"
    meant = _ALIKE.get(character) or unicodedata.normalize("NFKC", character)
    advice = (
        f": use {meant!r} instead"
        if meant.isascii()
        else ", which is invalid in SMILES: replace it"
    )
    return f"the character {character!r} at position {position}, {code} ({name}){advice}"


def _reason(smiles: str) -> str:
    """Rdkit's error message for a string that it cannot parse."""
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
    return "; ".join(said[:1] + place[:1]) or "rdkit cannot parse it and gives no reason"


def from_smiles(smiles: str) -> Arguments:
    """The arguments of a graph from the heavy atoms and bonds of a SMILES."""
    if not isinstance(smiles, str):
        raise wrong_type("smiles", "be a string", smiles, "Use for example 'CCO'.")
    try:
        return from_mol(read_smiles(smiles))
    except ValueError as error:
        got = f"{smiles!r} ({error})"
        raise invalid("smiles", "be a valid SMILES", got, "Correct the string.") from None


def from_mol(mol: Mol) -> Arguments:
    """The arguments of a graph from an rdkit molecule, with its explicit hydrogens only."""
    if not hasattr(mol, "GetBonds"):
        advice = "Use Graph.from_smiles for a string."
        raise wrong_type("mol", "be an rdkit molecule", mol, advice)
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


def place_atoms(
    symbols: Sequence[Hashable], bonds: Iterable[tuple[int, int, int]]
) -> NDArray[np.float64] | None:
    """Where rdkit draws the atoms of a molecule, with bonds 1 long; shape (N, 2).

    Args:
        symbols: of the elements.
        bonds: two atoms and the index of the bond type.

    Returns:
        None if a symbol is not that of an element, or rdkit is not installed.
    """
    try:
        from rdkit import Chem
        from rdkit.Chem import rdDepictor
    except ImportError:
        return None
    known = {Chem.GetPeriodicTable().GetElementSymbol(number) for number in range(1, 119)}
    if not known.issuperset(symbols):
        return None
    mol = Chem.RWMol()
    for symbol in symbols:
        mol.AddAtom(Chem.Atom(str(symbol)))
    kinds = Chem.BondType.names
    for a, b, kind in bonds:
        mol.AddBond(a, b, kinds.get(BOND_TYPES[kind], Chem.BondType.SINGLE))
    mol.UpdatePropertyCache(strict=False)
    Chem.FastFindRings(mol)
    rdDepictor.Compute2DCoords(mol)
    places: NDArray[np.float64] = mol.GetConformer().GetPositions()[:, :2]
    return places / 1.5  # rdkit's bond length
