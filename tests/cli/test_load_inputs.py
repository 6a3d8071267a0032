import pytest
import torch

from gnnvision.cli.load_inputs import load_inspected
from gnnvision.cli.predictions import canvas, prediction_text
from gnnvision.report.layer_canvas import ImageCanvas
from gnnvision.report.layer_nodes import MoleculeCanvas
from gnnvision.training import MoleculePredictor, Predictor

from .checkpoints import of_molecules, of_nodes, of_pictures, picture


def test_pictures_as_the_predictor_reads_them(tmp_path):
    run, file = of_pictures(tmp_path / "run"), picture(tmp_path / "a.png")
    found = load_inspected(str(run), [str(file)])
    (one,) = found.inputs
    assert (found.kind, found.output_names, found.title) == (
        "classification", ("a", "b", "c"), "Bars"
    )  # fmt: skip
    assert one.domain.shape == (16, 16)
    assert one.image.dtype is torch.uint8
    assert one.notes == ("20 × 30 pixels; resized, then cropped to the center 16 × 16",)
    torch.testing.assert_close(one.x[0], (one.image / 255 - 0.5) / 0.25)
    predictor = Predictor.load(run)
    expected = predictor(predictor.read(file)[0][None])
    torch.testing.assert_close(found.model(one.x, one.domain).softmax(1), expected)
    best = found.output_names[int(expected.argmax())]
    assert prediction_text(found, one).startswith(
        f"Prediction: “{best}” {100 * expected.max():.0f}"
    )
    assert isinstance(canvas(found, one), ImageCanvas)


def test_a_folder_and_another_mode(tmp_path):
    run = of_pictures(tmp_path / "run")
    (tmp_path / "many").mkdir()
    picture(tmp_path / "many" / "b.png", (16, 16))
    picture(tmp_path / "many" / "a.png", (16, 16), "L")
    found = load_inspected(str(run), [str(tmp_path / "many")])
    assert [one.name for one in found.inputs] == ["a.png", "b.png"]
    (note,) = found.inputs[0].notes
    assert note.startswith("converted from grayscale")
    assert found.inputs[1].notes == ()


@pytest.mark.parametrize("descriptors", [0, 79])
def test_molecules_as_the_predictor_reads_them(tmp_path, descriptors):
    run = of_molecules(tmp_path / "run", descriptors)
    found = load_inspected(str(run / "best.safetensors"), ["CCO", "c1ccccc1"])
    assert (found.kind, found.output_names) == ("regression", ("mass", "charge"))
    expected = MoleculePredictor.load(run)(["CCO", "c1ccccc1"]).values
    for one, row in zip(found.inputs, expected, strict=True):
        torch.testing.assert_close(found.model(one.x, one.domain)[0], row)
        assert one.name == one.smiles
    assert found.inputs[0].domain.num_nodes == 3
    assert prediction_text(found, found.inputs[0]).count(" for ") == 2
    assert isinstance(canvas(found, found.inputs[0]), MoleculeCanvas)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            "CCO",
            "must be an image file for a network trained on Bars, got 'CCO', which is a mol",
        ),
        ("nowhere.png", "got 'nowhere.png', which is not a file. Give an image file"),
        ("broken.png", r"must be an image that can be read, got '.*broken.png' \(not an image"),
    ],
)
def test_what_a_network_for_pictures_does_not_read(tmp_path, monkeypatch, given, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=text):
        load_inspected(str(of_pictures(tmp_path / "run")), [given])


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("a.png", "must be SMILES for a network trained on Weights, got 'a.png', a file"),
        ("away.jpg", "got 'away.jpg', a file. Write a molecule as SMILES"),
        ("C1CC", r"must be SMILES for a network trained on Weights, got 'C1CC' \(unclosed ring"),
    ],
)
def test_what_a_network_for_molecules_does_not_read(tmp_path, monkeypatch, given, text):
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "a.png")
    with pytest.raises(ValueError, match=text):
        load_inspected(str(of_molecules(tmp_path / "run")), [given])


def test_other_runs(tmp_path):
    run = of_nodes(tmp_path / "run", "digits")
    with pytest.raises(ValueError, match="'model' must be a network for images, molecules, the"):
        load_inspected(str(run), ["0"])
    with pytest.raises(ValueError, match=r"there is no best.safetensors"):
        load_inspected(str(tmp_path), ["0"])
    with pytest.raises(ValueError, match="'inputs' must contain at least one input"):
        load_inspected(str(run), [])
