from rdkit import Chem

from gnnvision.report.molecules_draw import molecule_picture, short


def test_a_drawing_has_ink_and_colors():
    mol = Chem.MolFromSmiles("CCO")
    plain = molecule_picture(mol, (300, 200)).astype(int)
    assert plain.shape == (200, 300, 3)
    assert plain.min() < 60 < 250 < plain.max()
    red = molecule_picture(mol, (300, 200), colors={2: (1.0, 0.0, 0.0)}).astype(int)
    assert (red[..., 0] > red[..., 1] + 100).any()
    assert not (plain[..., 0] > plain[..., 1] + 100).any()


def test_a_long_smiles_is_cut():
    assert short("CCO ") == "CCO"
    assert short("C" * 100, 10) == "C" * 9 + "…"
