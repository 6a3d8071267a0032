"""A SMILES is read whole, or refused with the character that rdkit would have stopped at."""

import contextlib

import pytest

import gnnvision as gv
from gnnvision.data.molecules.encode import encode
from gnnvision.data.molecules.featurizer import Featurizer
from gnnvision.domains.molecule import read_smiles, text_fault

FAULTS = {
    "CC\uff2f": r"the character 'Ｏ' at position 3, U\+FF2F .*: use 'O' instead",
    "\uff23CO": r"at position 1, U\+FF23 .*: use 'C' instead",
    "CC\u041e": r"at position 3, U\+041E \(cyrillic capital letter o\): use 'O' instead",
    "\u2212CCCl": r"at position 1, U\+2212 \(minus sign\): use '-' instead",
    "C\u2261N": r"at position 2, U\+2261 .*: use '#' instead",
    "CC(=O)Oé": "'é' at position 8, .*, which is invalid in SMILES: replace it",
    "CC\u200bO": r"an invisible character at position 3, U\+200B",
    "\ufeffCCO": r"an invisible character at position 1, U\+FEFF",
    "C\0C": r"an invisible character at position 2, U\+0000",
    "CC\u00a0O": r"a space at position 3, U\+00A0 .*: delete it",
    "CC\u3000O": r"a space at position 3, U\+3000",
    "CCOC(=O) c1ccccc1": "a space at position 9, followed by 'c1ccccc1'",
    "CCO ethanol": "a space at position 4, followed by 'ethanol': if that is a name, move it",
    "CC(F)Cl |o1:1|": "a space at position 8, followed by a CXSMILES extension",
    "CCO\nCCN": "a line break at position 4: put each molecule in a cell",
    "CCO\r\nCCN": "a line break at position 4",
    "CCO\tethanol": "a tab at position 4",
    "'CCO'": "enclosed in quotes .'.: remove them",
    "\u201cCCO\u201d": "enclosed in quotes",
    "CC>>CO": r"a reaction .'>'., not a molecule",
    "CC>O>CO": "a reaction",
    "InChI=1S/CH4/h1H4": "an InChI, not a SMILES",
}


@pytest.mark.parametrize("smiles", FAULTS)
def test_what_rdkit_would_cut_is_refused_everywhere(smiles):
    with pytest.raises(ValueError, match=FAULTS[smiles]) as caught:
        read_smiles(smiles)
    rows = encode(["CCO", smiles], Featurizer())
    assert rows.num_atoms.tolist() == [3, 0]
    assert rows.reasons == ("", str(caught.value))
    with pytest.raises(ValueError, match=f"'smiles' must be a valid SMILES.*{FAULTS[smiles]}"):
        gv.Graph.from_smiles(smiles)


@pytest.mark.parametrize(
    ("smiles", "atoms"),
    [(" CCO\n", 3), ("\u00a0CCO", 3), ("[NH3]->[Pt](Cl)(Cl)<-[NH3]", 5), ("F/C=C\\F", 4),
     ("C[C@@H](N)C(=O)[O-].[Na+]", 7), ("C%12CC%12", 3), ("CC~O", 3)],
)  # fmt: skip
def test_what_is_read_whole(smiles, atoms):
    assert text_fault(smiles.strip()) == ""
    assert read_smiles(smiles).GetNumAtoms() == atoms
    assert gv.Graph.from_smiles(smiles).num_nodes == atoms


def test_every_printable_character_is_read_or_refused():
    """rdkit itself stops at none of ASCII's but the blank: no molecule is shorter than written."""
    for mark in map(chr, range(33, 127)):
        for text in (f"CC{mark}O", f"CCO{mark}", f"{mark}CCO"):
            with contextlib.suppress(ValueError):
                assert read_smiles(text).GetNumAtoms() >= 3, text
