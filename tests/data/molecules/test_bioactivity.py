"""The bioactivities that rdkit carries: read, joined, and what stands in for ESOL."""

import pytest
import torch

import gnnvision as gv
from gnnvision.data import DataNotFound
from gnnvision.data.molecules.bioactivity import FILES, read_bioactivity

SMILES, ACTIVITIES = "CCO 7\n\nc1ccccc1 12\nCC(=O)O 3\n", "Name,Act\n3,5.5\n7,6.25\n12,9\n"


@pytest.fixture
def folder(tmp_path):
    for name, content in zip(FILES, (SMILES, ACTIVITIES), strict=True):
        (tmp_path / name).write_text(content)
    return tmp_path


def test_the_files_are_joined_by_name(folder):
    table = read_bioactivity(folder)
    assert table.columns == ("smiles", "name", "pActivity")
    assert table.rows == (("CCO", "7", "6.25"), ("c1ccccc1", "12", "9"), ("CC(=O)O", "3", "5.5"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (FILES[0], SMILES + "CC 8\n"),
        (FILES[0], SMILES.replace("CCO 7", "CCO")),
        (FILES[0], SMILES.replace("CCO 7", "CCO 3")),
        (FILES[1], ACTIVITIES + "8,1\n"),
        (FILES[1], ACTIVITIES + "7,1\n"),
    ],
)
def test_files_that_do_not_fit_are_refused(folder, name, content):
    (folder / name).write_text(content)
    with pytest.raises(ValueError, match=r"CHEMBL2321810\.smi must have one SMILES and one name"):
        read_bioactivity(folder)


def test_an_rdkit_without_them(folder, monkeypatch):
    from rdkit import RDConfig

    (folder / FILES[1]).unlink()
    with pytest.raises(DataNotFound, match=r"lacks its Contrib(?s:.*)CHEMBL2321810_act\.csv"):
        read_bioactivity(folder)
    monkeypatch.setattr(RDConfig, "RDContribDir", str(folder))
    with pytest.raises(DataNotFound, match="come with rdkit") as caught:
        gv.data.load("bioactivity")
    assert caught.value.folder == folder / "FreeWilson" / "data"


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    """Without data and without a network."""
    empty = tmp_path_factory.mktemp("empty")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GNNVISION_CACHE", str(tmp_path_factory.mktemp("cache")))
        with pytest.warns(UserWarning, match=r"(?s)THIS IS NOT ESOL.*delaney-processed\.csv"):
            return gv.data.load("auto:esol", root=empty, download=False)


def test_it_stands_in_for_esol_loudly(task):
    assert (task.name, task.requested, task.kind) == ("bioactivity", "auto", "regression")
    assert task.class_names == ("pActivity",)


def test_all_of_it_is_read(task):
    facts = gv.data.describe("bioactivity").facts
    assert task.graphs.num_graphs == facts["num_rows"] == 1017
    assert not task.reasons
    assert task.split.sizes == {"train": 814, "val": 101, "test": 102}
    assert task.split_name == "random"
    # The first row of each file, and the range of the whole.
    assert task.smiles[0] == "O=S(=O)(Nc1cccs1)c2ccc(Oc3ccccc3c4ccccc4)c(c2)C#N"
    assert task.y[0].item() == pytest.approx(5.48)
    assert (task.y.min().item(), task.y.max().item()) == pytest.approx((4.27, 9.22))
    assert task.y.isfinite().all()
    assert task.y.dtype == torch.float32
