import pytest

from gnnvision.cli.questions import column, question
from gnnvision.cli.subjects import load_subjects

from .checkpoints import of_molecules, of_nodes, of_pictures, picture


@pytest.fixture
def pictures(tmp_path):
    of_pictures(tmp_path / "run")
    return load_subjects(str(tmp_path / "run"), [str(picture(tmp_path / "a.png"))])


def test_an_output_by_name_or_number(pictures):
    names = pictures.output_names
    assert column(pictures, names[1]) == 1
    assert column(pictures, f" {names[2].upper()} ") == 2
    assert column(pictures, "0") == 0


@pytest.mark.parametrize("target", ["99", "-1"])
def test_numbers_out_of_range(pictures, target):
    with pytest.raises(ValueError, match=r"'--target' must be a number from 0 to .* or a name"):
        column(pictures, target)


def test_the_nearest_names_are_given(pictures):
    near = pictures.output_names[1]
    with pytest.raises(ValueError, match=f"'--target' must be an output .*{near}"):
        column(pictures, near + "x")


def test_a_picture_is_asked_about_as_it_is(pictures):
    asked = question(pictures, pictures.items[0])
    assert asked.name == "a.png"
    assert asked.site is None
    assert asked.canvas.what == "image"
    assert asked.prediction.startswith("The network says: ")


def test_a_molecule_and_a_node(tmp_path):
    of_molecules(tmp_path / "molecules")
    subjects = load_subjects(str(tmp_path / "molecules"), ["CCO"])
    assert question(subjects, subjects.items[0]).canvas.what == "molecule"
    of_nodes(tmp_path / "nodes")
    subjects = load_subjects(str(tmp_path / "nodes"), ["3"])
    asked = question(subjects, subjects.items[0])
    assert asked.site == 3
    assert asked.near[0] == 3
    assert asked.x.layout.__str__() == "torch.strided"
