import numpy as np
from rdkit import Chem

from gnnvision.report.molecules_matrices import bond_matrix, feature_matrix, molecule_matrices
from gnnvision.report.parts import Run

from .molecules import SMILES
from .rows import rows_of


def test_bonds_of_a_molecule():
    found = bond_matrix(Chem.MolFromSmiles("CC#N"))
    assert found.tolist() == [[0, 1, 0], [1, 0, 3], [0, 3, 0]]
    ring = bond_matrix(Chem.MolFromSmiles("c1ccccc1"))
    assert (ring == ring.T).all()
    assert sorted(set(ring.ravel().tolist())) == [0, 4]
    assert (ring.sum(1) == 8).all()


def test_only_columns_that_occur_are_shown(molecules_run, tmp_path):
    row = SMILES.index("CCO")
    held, columns = feature_matrix(molecules_run.task, row)
    assert held.any(0).all()
    assert held[:, columns.index("element=C")].tolist() == [1, 1, 0]
    assert held[:, columns.index("element=O")].tolist() == [0, 0, 1]
    assert not any("Cl" in column for column in columns)
    section = molecule_matrices(Run(molecules_run, tmp_path))
    assert [figure.path.stem for figure in section.figures] == [
        "molecule",
        "adjacency",
        "identity",
        "features",
    ]
    identity = rows_of(tmp_path / "identity.svg")
    for number, row in enumerate(identity):
        assert [float(v) for v in list(row.values())[1:]] == np.eye(len(identity))[number].tolist()
    assert len(rows_of(tmp_path / "adjacency.svg")) == len(rows_of(tmp_path / "features.svg"))
