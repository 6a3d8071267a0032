import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import Crippen, rdMolDescriptors

from gnnvision.data import Featurizer
from gnnvision.data.molecules.describe import (
    LARGEST,
    canonical_smiles,
    descriptor_names,
    descriptors,
    scaffolds,
)

DEFAULT = Featurizer()


def test_a_molecule_has_one_canonical_smiles():
    assert canonical_smiles("OCC", DEFAULT) == canonical_smiles("C(O)C", DEFAULT) == "CCO"
    assert canonical_smiles("C1=CC=CC=C1", DEFAULT) == "c1ccccc1"
    assert canonical_smiles("C1CC", DEFAULT) == canonical_smiles("*C", DEFAULT) == ""
    assert canonical_smiles("CCO.[Na+]", Featurizer(fragments="largest")) == "CCO"
    assert canonical_smiles("C[C@H](N)O", DEFAULT) != canonical_smiles("C[C@@H](N)O", DEFAULT)


@pytest.mark.parametrize(
    ("smiles", "expected"),
    [
        ("CCO", ""),
        ("Cc1ccccc1", "c1ccccc1"),
        ("CC(=O)Oc1ccccc1C(=O)O", "c1ccccc1"),
        ("c1ccccc1CCC1CCCCC1Cl", "c1ccc(CCC2CCCCC2)cc1"),
        ("C[C@H]1CC[C@@H](O)N1", "C1CCNC1"),
    ],
)
def test_scaffolds(smiles, expected):
    assert scaffolds([smiles, "C1CC"], DEFAULT) == [expected, ""]
    if expected:
        (explicit,) = scaffolds([smiles], Featurizer(hydrogens="explicit"))
        assert canonical_smiles(explicit, DEFAULT) == expected


def test_descriptors_are_those_of_rdkit():
    smiles = ["CC(=O)Oc1ccccc1C(=O)O", "C1CC", "CCO"]
    found = descriptors(smiles, DEFAULT)
    names = descriptor_names()
    assert found.shape == (3, len(names))
    assert len(set(names)) == len(names)
    assert not found[1].any()
    for row in (0, 2):
        mol = Chem.MolFromSmiles(smiles[row])
        known = {
            "tpsa": rdMolDescriptors.CalcTPSA(mol),
            "CrippenClogP": Crippen.MolLogP(mol),
            "NumRings": rdMolDescriptors.CalcNumRings(mol),
            "SlogP_VSA2": rdMolDescriptors.SlogP_VSA_(mol)[1],
            "PEOE_VSA14": rdMolDescriptors.PEOE_VSA_(mol)[13],
        }
        for name, value in known.items():
            np.testing.assert_allclose(found[row, names.index(name)], value, rtol=1e-5)


def test_descriptors_are_finite_whatever_the_molecule():
    odd = ["[U]", "[Pt](Cl)(Cl)[NH3]", "[Na+].[Cl-]", "[H][H]", "C" * 300, "[Fe+3]", "F[W](F)F"]
    found = descriptors(odd, DEFAULT)
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= LARGEST
    assert descriptors([], DEFAULT).shape == (0, len(descriptor_names()))
