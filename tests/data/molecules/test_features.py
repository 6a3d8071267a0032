import numpy as np
from rdkit import Chem
from rdkit.Chem import BondStereo, BondType, ChiralType, HybridizationType

from gnnvision.data.molecules import features
from gnnvision.data.molecules.features import ATOM_FEATURES, ELEMENTS, Feature, masses, one_hot


def test_columns_of_a_feature():
    feature = Feature("color", ("red", "blue"))
    assert feature.columns == ("color=red", "color=blue", "color=other")
    assert feature.num_columns == 3
    assert Feature("flag", ("no", "yes"), other=False).columns == ("flag=no", "flag=yes")


def test_one_hot_has_a_one_for_each_answer():
    asked = (Feature("a", ("x", "y")), Feature("b", ("u", "v"), other=False))
    codes = np.array([[0, 1], [2, 0], [1, 1]], np.uint8)
    np.testing.assert_array_equal(
        one_hot(codes, asked), [[1, 0, 0, 0, 1], [0, 0, 1, 1, 0], [0, 1, 0, 0, 1]]
    )
    assert one_hot(codes[:0], asked).shape == (0, 5)


def test_elements_are_elements_in_the_order_of_their_numbers():
    table = Chem.GetPeriodicTable()
    numbers = [table.GetAtomicNumber(symbol) for symbol in ELEMENTS]
    assert numbers == sorted(set(numbers))
    np.testing.assert_allclose(masses(np.array([[0], [2]], np.uint8)[:, 0]), [0.01008, 0.12011])
    assert masses(np.array([len(ELEMENTS)]))[0] == 0


def test_rdkit_knows_every_answer():
    kinds = {
        "HYBRIDIZATIONS": HybridizationType,
        "CHIRALITIES": ChiralType,
        "BOND_KINDS": BondType,
        "STEREOS": BondStereo,
    }
    for name, kind in kinds.items():
        assert all(answer in kind.names for answer in getattr(features, name))
    chirality = ATOM_FEATURES[-1]
    assert len(chirality.values) == len(features.CHIRALITIES)
