import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem, RDConfig, rdBase

from gnnvision.data import Featurizer, read_table
from gnnvision.data.molecules.encode import Encoded, encode, encode_all
from gnnvision.data.molecules.features import ELEMENTS
from gnnvision.data.molecules.parallel import CHUNK

ARRAYS = ("atoms", "bonds", "ends", "num_atoms", "num_bonds")
BROKEN = {3: "C1CC", 5: "", 7: "*C"}


def same(one, two):
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)
    assert one.reasons == two.reasons


@pytest.fixture(scope="module")
def thousand(data_root):
    """A thousand SMILES: of HIV where it is there, else of the set that comes with rdkit."""
    hiv = data_root and data_root / "hiv" / "raw" / "HIV.csv"
    if hiv and hiv.is_file():
        return read_table(hiv).column("smiles")[:1000]
    lines = Path(RDConfig.RDDataDir, "NCI", "first_200.props.sdf")
    mols = Chem.SDMolSupplier(str(lines))
    return [Chem.MolToSmiles(mol) for mol in mols if mol is not None]


# --- a plain way to the same ------------------------------------------------------------------


def place(value, known):
    return known.index(value) if value in known else len(known)


def atom_numbers(atom):
    kinds = "S SP SP2 SP3 SP2D SP3D SP3D2".split()
    turns = ["CHI_UNSPECIFIED", "CHI_TETRAHEDRAL_CW", "CHI_TETRAHEDRAL_CCW"]
    return [
        place(atom.GetSymbol(), ELEMENTS),
        min(len(atom.GetNeighbors()), 7),
        place(atom.GetFormalCharge(), [-2, -1, 0, 1, 2]),
        place(atom.GetTotalNumHs(), [0, 1, 2, 3, 4]),
        place(str(atom.GetHybridization()), kinds),
        int(atom.GetIsAromatic()),
        int(atom.IsInRing()),
        place(str(atom.GetChiralTag()), turns),
    ]


def bond_numbers(bond):
    stereos = "STEREONONE STEREOANY STEREOZ STEREOE STEREOCIS STEREOTRANS".split()
    return [
        place(str(bond.GetBondType()), ["SINGLE", "DOUBLE", "TRIPLE", "AROMATIC"]),
        int(bond.GetIsConjugated()),
        int(bond.IsInRing()),
        place(str(bond.GetStereo()), stereos),
    ]


def plain(smiles):
    atoms, bonds, ends, num_atoms, num_bonds, reasons = [], [], [], [], [], []
    for text in smiles:
        with rdBase.BlockLogs():
            mol = Chem.MolFromSmiles(text)
        if mol is None or mol.GetNumAtoms() == 0:
            mol = Chem.Mol()
            reasons.append("broken")
        else:
            reasons.append("")
        atoms += [atom_numbers(atom) for atom in mol.GetAtoms()]
        bonds += [bond_numbers(bond) for bond in mol.GetBonds()]
        ends += [[bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()] for bond in mol.GetBonds()]
        num_atoms.append(mol.GetNumAtoms())
        num_bonds.append(mol.GetNumBonds())
    return Encoded(
        np.array(atoms, np.uint8).reshape(-1, 8),
        np.array(bonds, np.uint8).reshape(-1, 4),
        np.array(ends, np.int32).reshape(-1, 2),
        np.array(num_atoms, np.int32),
        np.array(num_bonds, np.int32),
        tuple(reasons),
    )


@pytest.mark.slow
def test_a_thousand_molecules_equal_the_plain_way(thousand):
    rows = encode(thousand, Featurizer())
    expected = plain(thousand)
    for name in ARRAYS:
        found = getattr(rows, name)
        np.testing.assert_array_equal(found, getattr(expected, name), err_msg=name)
        assert found.dtype == getattr(expected, name).dtype
    assert [bool(said) for said in rows.reasons] == [bool(said) for said in expected.reasons]


PIECES = (
    "C N O P [O-] [NH3+] c1ccccc1 C=C C#C (F) [C@H](F)O /C=C/ \\C=C/ . [Na+] [Pt] [Se] C1CC1 [2H] "
    "S(=O)(=O) [Fe+3]"
).split()


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=5).map("".join), max_size=6))
def test_any_molecules_equal_the_plain_way(smiles):
    rows, expected = encode(smiles, Featurizer(wildcards="other")), plain(smiles)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(rows, name), getattr(expected, name), err_msg=name)


# --- rows and pieces --------------------------------------------------------------------------


def test_a_bad_row_keeps_its_place_and_reason():
    good = ["CC", "CCO"] * 5
    mixed = [BROKEN.get(row, text) for row, text in enumerate(good)]
    rows, whole = encode_all(mixed, Featurizer()), encode_all(good, Featurizer())
    assert [row for row, said in enumerate(rows.reasons) if said] == list(BROKEN)
    assert "unclosed ring" in rows.reasons[3]
    assert "empty" in rows.reasons[5]
    assert "wildcard" in rows.reasons[7]
    expected = np.array([0 if row in BROKEN else n for row, n in enumerate(whole.num_atoms)])
    np.testing.assert_array_equal(rows.num_atoms, expected)


def test_nothing_at_all():
    for rows in (encode_all([], Featurizer()), encode_all(["", "C("], Featurizer())):
        assert (rows.atoms.shape, rows.bonds.shape, rows.ends.shape) == ((0, 8), (0, 4), (0, 2))


@pytest.fixture
def many():
    smiles = ["C" * (1 + n % 7) + "O" * (n % 2) for n in range(2 * CHUNK + 300)]
    smiles[CHUNK + 1] = "C1CC"
    return smiles


def test_two_processes_give_what_one_does(many):
    one = encode_all(many, Featurizer(), processes=1)
    same(encode_all(many, Featurizer(), processes=2), one)
    same(one, encode(many, Featurizer()))


def test_without_room_for_semaphores_one_process_does_all(monkeypatch):
    """As where /dev/shm is full, or a container has none."""

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("multiprocessing.synchronize._multiprocessing.SemLock", full)
    found = encode_all(["CCO"] * (CHUNK + 1), Featurizer(), processes=2)
    assert found.num_atoms.tolist() == [3] * (CHUNK + 1)


@pytest.mark.parametrize("processes", [1, 2])
def test_progress_goes_up_to_the_end(many, processes):
    calls = []
    rows = encode_all(
        many, Featurizer(), processes=processes, progress=lambda *call: calls.append(call)
    )
    assert calls == [(n, len(many)) for n in (CHUNK, 2 * CHUNK, len(many))]
    assert len(rows.reasons) == len(many)


# --- Ctrl-C -----------------------------------------------------------------------------------

RUN = """
import signal
from gnnvision.data import Featurizer
from gnnvision.data.molecules.encode import encode_all

def progress(done, rows):
    print(done, flush=True)

if __name__ == "__main__":
    # Started in the background, a process ignores interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    smiles = ["C" * (5 + n % 10) for n in range(100_000)]
    try:
        encode_all(smiles, Featurizer(), processes=2, progress=progress)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


def members(group):
    """The processes of a group that are still there."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                state, _, its_group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
            except (OSError, ValueError):  # gone in between
                continue
            if int(its_group) == group and state != "Z":
                found.append(int(folder.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_interrupt_leaves_no_worker_behind(tmp_path):
    script = tmp_path / "run.py"
    script.write_text(RUN)
    run = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert run.stdout.readline().strip() == str(CHUNK)
        assert len(members(run.pid)) == 3
        os.killpg(run.pid, signal.SIGINT)  # as a terminal does: to all of them
        out, err = run.communicate(timeout=60)
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
    assert out.splitlines()[-1] == "interrupted", err
    assert (run.returncode, err) == (0, "")
    deadline = time.monotonic() + 5
    while members(run.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert members(run.pid) == []


def test_the_bonds_of_each_atom_are_rdkits():
    smiles = ["CC(C)(C)C", "[Na+].[Cl-]", "no molecule", "C", "c1ccccc1C#N", "FS(F)(F)(F)(F)F"]
    found = encode(smiles, Featurizer()).atoms[:, 1].tolist()
    mols = [Chem.MolFromSmiles(text) for text in smiles if text != "no molecule"]
    assert found == [atom.GetDegree() for mol in mols for atom in mol.GetAtoms()]
