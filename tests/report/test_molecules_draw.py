from rdkit import Chem

from gnnvision.report.molecules_draw import draw_molecule, shorten_smiles


def test_a_drawing_has_ink_and_colors():
    mol = Chem.MolFromSmiles("CCO")
    plain = draw_molecule(mol, (300, 200)).astype(int)
    assert plain.shape == (200, 300, 3)
    assert plain.min() < 60 < 250 < plain.max()
    red = draw_molecule(mol, (300, 200), colors={2: (1.0, 0.0, 0.0)}).astype(int)
    assert (red[..., 0] > red[..., 1] + 100).any()
    assert not (plain[..., 0] > plain[..., 1] + 100).any()


def test_a_long_smiles_is_cut():
    assert shorten_smiles("CCO ") == "CCO"
    assert shorten_smiles("C" * 100, 10) == "C" * 9 + "…"
