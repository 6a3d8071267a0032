import dataclasses

import numpy as np
import pytest

from gnnvision.data import Featurizer
from gnnvision.data.molecules.encode import encode
from gnnvision.data.molecules.features import ATOM_FEATURES, BOND_FEATURES, ELEMENTS

DEFAULT = Featurizer()
CHOICES = {
    "fragments": "largest",
    "hydrogens": "explicit",
    "unknown": "invalid",
    "wildcards": "other",
    "max_atoms": 999,
}


def described(smiles, featurizer=DEFAULT):
    """The names of the columns that are 1: of each atom, and of each bond."""
    rows = encode([smiles], featurizer)
    assert rows.reasons == ("",)
    atoms, bonds = featurizer.atom_rows(rows.atoms), featurizer.bond_rows(rows.bonds)
    assert set(np.unique(atoms[:, :-1])) <= {0, 1}
    atom_names = np.array(featurizer.atom_columns[:-1])
    return (
        [set(atom_names[row[:-1] == 1]) for row in atoms],
        [set(np.array(featurizer.bond_columns)[row == 1]) for row in bonds],
    )


def atom(element, bonds, hydrogens, hybridization="SP3", *, charge=0, chirality="none", **flags):
    yes = {True: "yes", False: "no"}
    return {
        f"element={element}",
        f"bonds={bonds}",
        f"charge={charge}",
        f"hydrogens={hydrogens}",
        f"hybridization={hybridization}",
        f"aromatic={yes[flags.get('aromatic', False)]}",
        f"in a ring={yes[flags.get('ring', False)]}",
        f"chirality={chirality}",
    }


def bond(kind, stereo="none", *, conjugated=False, ring=False):
    yes = {True: "yes", False: "no"}
    return {
        f"kind={kind}",
        f"conjugated={yes[conjugated]}",
        f"in a ring={yes[ring]}",
        f"stereo={stereo}",
    }


def reason(smiles, featurizer=DEFAULT):
    (said,) = encode([smiles], featurizer).reasons
    return said


# --- what it is -------------------------------------------------------------------------------


def test_a_column_for_each_answer_and_one_for_the_mass():
    atoms, bonds = DEFAULT.atom_columns, DEFAULT.bond_columns
    assert (len(atoms), len(bonds)) == (DEFAULT.num_atom_columns, DEFAULT.num_bond_columns)
    assert len(set(atoms)) == len(atoms)
    assert len(set(bonds)) == len(bonds)
    assert atoms[: len(ELEMENTS) + 1] == (*(f"element={e}" for e in ELEMENTS), "element=other")
    assert atoms[-1] == "mass / 100 Da"
    assert bonds[:5] == (
        "kind=single",
        "kind=double",
        "kind=triple",
        "kind=aromatic",
        "kind=other",
    )
    assert bonds[-7:] == tuple(
        f"stereo={s}" for s in ("none", "any", "Z", "E", "cis", "trans", "other")
    )


def test_the_hash_is_pinned_and_another_for_every_choice():
    # Models of before hold this one: whoever changes it raises VERSION too.
    assert DEFAULT.hash == "f8e176ba426c212f0f53b4b50fa5ab13b75b86d01a6075d518d0c678984ee55e"
    others = [Featurizer(**{name: value}).hash for name, value in CHOICES.items()]
    assert len({DEFAULT.hash, *others}) == len(others) + 1
    named = {item.name for item in dataclasses.fields(Featurizer)}
    assert set(CHOICES) == named - {"version"}


def test_to_a_dict_and_back():
    for featurizer in (DEFAULT, Featurizer(**CHOICES)):
        assert Featurizer.from_dict(featurizer.to_dict()) == featurizer
    with pytest.raises(
        ValueError, match=r"'stored' must contain only options .* got \['isotopes'\]. Another"
    ):
        Featurizer.from_dict(DEFAULT.to_dict() | {"isotopes": True})


@pytest.mark.parametrize(
    ("choices", "fault"),
    [
        (
            {"fragments": "first"},
            "'fragments' must be one of 'keep', 'largest', got 'first'. Did you mean",
        ),
        ({"hydrogens": "none"}, "'hydrogens' must be one of 'implicit', 'explicit', got 'none'"),
        ({"unknown": "keep"}, "'unknown' must be one of 'other', 'invalid', got 'keep'"),
        ({"wildcards": ""}, "'wildcards' must be one of 'other', 'invalid', got ''"),
        ({"max_atoms": 0}, "'max_atoms' must be at least 1, got 0"),
        ({"version": 2}, "'version' must be 1, got 2. Another release of gnnvision made"),
    ],
)
def test_choices_that_there_are_not(choices, fault):
    with pytest.raises(ValueError, match=fault):
        Featurizer(**choices)


def test_printed_it_shows_every_column():
    lines = str(Featurizer(hydrogens="explicit")).splitlines()
    assert "hydrogens='explicit'" in lines[0]
    shown = lines[2 : 2 + len(ATOM_FEATURES)] + lines[-len(BOND_FEATURES) :]
    for line, feature in zip(shown, (*ATOM_FEATURES, *BOND_FEATURES), strict=True):
        name, count, answers = line[2:16].strip(), line[16:19].strip(), line[19:].split()
        assert (name, int(count)) == (feature.name, feature.num_columns)
        assert [f"{name}={answer}" for answer in answers] == list(feature.columns)


# --- molecules by hand ------------------------------------------------------------------------


def test_ethanol():
    atoms, bonds = described("CCO")
    assert atoms == [atom("C", 1, 3), atom("C", 2, 2), atom("O", 1, 1)]
    assert bonds == [bond("single"), bond("single")]


def test_benzene():
    atoms, bonds = described("c1ccccc1")
    assert atoms == [atom("C", 2, 1, "SP2", aromatic=True, ring=True)] * 6
    assert bonds == [bond("aromatic", conjugated=True, ring=True)] * 6
    assert described("C1=CC=CC=C1") == (atoms, bonds)  # whichever way it is written


def test_aniline():
    atoms, bonds = described("Nc1ccccc1")
    ring = {"aromatic": True, "ring": True}
    assert atoms[0] == atom("N", 1, 2, "SP2")  # its electrons belong to the ring's
    assert atoms[1:] == [atom("C", 3, 0, "SP2", **ring)] + [atom("C", 2, 1, "SP2", **ring)] * 5
    assert bonds[0] == bond("single", conjugated=True)


def test_sodium_acetate():
    atoms, bonds = described("CC(=O)[O-].[Na+]")
    assert atoms == [
        atom("C", 1, 3),
        atom("C", 3, 0, "SP2"),
        atom("O", 1, 0, "SP2"),
        atom("O", 1, 0, "SP2", charge=-1),
        atom("Na", 0, 0, "S", charge=1),
    ]
    assert bonds == [
        bond("single"),
        bond("double", conjugated=True),
        bond("single", conjugated=True),
    ]
    kept, _ = described("[Na+].CC(=O)[O-]", Featurizer(fragments="largest"))
    assert kept == atoms[:4]


def test_alanine_left_and_right():
    left, _ = described("C[C@H](N)C(=O)O")
    right, _ = described("C[C@@H](N)C(=O)O")
    plain, _ = described("CC(N)C(=O)O")
    assert left[1] == atom("C", 3, 1, chirality="counterclockwise")
    assert right[1] == atom("C", 3, 1, chirality="clockwise")
    assert plain[1] == atom("C", 3, 1)
    assert left[0] == right[0] == plain[0]


def test_butene_either_way():
    stereos = {"C/C=C/C": "E", "C/C=C\\C": "Z", "CC=CC": "none"}
    for smiles, stereo in stereos.items():
        _, bonds = described(smiles)
        assert bonds[1] == bond("double", stereo), smiles


def test_a_metal_complex():
    atoms, bonds = described("[NH3]->[Pt](Cl)(Cl)<-[NH3]")
    assert {"element=Pt", "bonds=4", "charge=0"} <= atoms[1]
    assert [bonds[0], bonds[1]] == [bond("other"), bond("single")]


def test_masses_are_in_hundreds_of_daltons():
    rows = encode(["ClBr.[U]"], DEFAULT)
    mass = DEFAULT.atom_rows(rows.atoms)[:, -1]
    np.testing.assert_allclose(mass, [0.3545, 0.7990, 0], atol=1e-4)


def test_what_is_beyond_the_columns_is_other():
    assert "charge=other" in described("[Fe+3]")[0][0]
    assert "charge=2" in described("[Fe+2]")[0][0]
    assert "element=other" in described("[U]")[0][0]
    assert "kind=other" in described("C$C")[1][0]
    assert "bonds=other" in described("F[W](F)(F)(F)(F)(F)F")[0][1]
    assert described("[13CH4]") == described("C")  # isotopes are not told apart


# --- choices ----------------------------------------------------------------------------------


def test_the_largest_fragment_is_the_one_with_most_heavy_atoms():
    largest = Featurizer(fragments="largest")
    assert described("CCO.c1ccccc1.CCC", largest) == described("c1ccccc1")
    assert described("CCO.CCN", largest) == described("CCO")  # of equals the first
    assert described("C1.O1", largest) == described("CO")  # joined by a ring bond: one part
    assert len(described("CCO.CCN")[0]) == 6


def test_explicit_hydrogens_are_atoms():
    atoms, bonds = described("O", Featurizer(hydrogens="explicit"))
    hydrogen = atom("H", 1, 0, "other")  # rdkit gives added ones none
    assert atoms == [atom("O", 2, 0), hydrogen, hydrogen]
    assert bonds == [bond("single")] * 2


def test_unknown_elements():
    strict = Featurizer(unknown="invalid")
    assert reason("[U]") == ""
    assert reason("C[U]", strict) == "the element U, which is not in the featurizer's list"
    assert reason("C[Hg]C", strict) == ""


@pytest.mark.parametrize("smiles", ["*CC", "[*:1]CC", "[#0]C", "C[2*]"])
def test_wildcards(smiles):
    assert reason(smiles) == "a wildcard atom '*', which can be any element"
    taken = Featurizer(wildcards="other", unknown="invalid")
    assert reason(smiles, taken) == ""
    assert any("element=other" in each for each in described(smiles, taken)[0])


def test_sizes():
    small = Featurizer(max_atoms=4)
    assert reason("CCCC", small) == ""
    assert reason("CCCCC", small) == "5 atoms, more than max_atoms=4"
    assert reason("CCCCC.C", Featurizer(max_atoms=4, fragments="largest")).startswith("5 atoms")
    assert reason("CC", Featurizer(max_atoms=4, hydrogens="explicit")).startswith("8 atoms")
    assert reason("C" * 1000) == ""
    assert reason("C" * 1001) == "1001 atoms, more than max_atoms=1000"
    assert reason("C" * 10_001) == "longer than 10000 characters"


def test_spaces_around_a_smiles_do_no_harm():
    assert described("  CCO\n") == described("CCO")
    assert reason("   ") == "empty: a SMILES has at least one atom"
