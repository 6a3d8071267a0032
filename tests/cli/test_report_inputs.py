import pytest

from gnnvision.cli.load_inputs import load_inspected
from gnnvision.cli.report_inputs import explained_input, output_index

from .checkpoints import of_molecules, of_nodes, of_pictures, picture


@pytest.fixture
def images(tmp_path):
    of_pictures(tmp_path / "run")
    return load_inspected(str(tmp_path / "run"), [str(picture(tmp_path / "a.png"))])


def test_an_output_by_name_or_number(images):
    names = images.output_names
    assert output_index(images, names[1]) == 1
    assert output_index(images, f" {names[2].upper()} ") == 2
    assert output_index(images, "0") == 0


@pytest.mark.parametrize("target", ["99", "-1"])
def test_numbers_out_of_range(images, target):
    with pytest.raises(ValueError, match=r"'--target' must be a number from 0 to .* or a name"):
        output_index(images, target)


def test_the_nearest_names_are_given(images):
    near = images.output_names[1]
    with pytest.raises(ValueError, match=f"'--target' must be an output .*{near}"):
        output_index(images, near + "x")


def test_a_picture_is_asked_about_as_it_is(images):
    asked = explained_input(images, images.inputs[0])
    assert asked.name == "a.png"
    assert asked.site is None
    assert asked.canvas.what == "image"
    assert asked.prediction.startswith("Prediction: ")


def test_a_molecule_and_a_node(tmp_path):
    of_molecules(tmp_path / "molecules")
    inspected = load_inspected(str(tmp_path / "molecules"), ["CCO"])
    assert explained_input(inspected, inspected.inputs[0]).canvas.what == "molecule"
    of_nodes(tmp_path / "nodes")
    inspected = load_inspected(str(tmp_path / "nodes"), ["3"])
    asked = explained_input(inspected, inspected.inputs[0])
    assert asked.site == 3
    assert asked.near[0] == 3
    assert asked.x.layout.__str__() == "torch.strided"
