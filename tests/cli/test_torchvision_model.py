import os

import pytest
import torch
from PIL import Image
from torchvision.models import ResNet18_Weights, resnet18

from gnnvision.cli.load_inputs import load_inspected

from .checkpoints import of_torchvision, picture

pytestmark = pytest.mark.slow


def test_weights_of_a_file_and_the_preprocessing_of_theirs(tmp_path):
    network = of_torchvision(tmp_path / "w.safetensors", "resnet18")
    file = picture(tmp_path / "a.png", (300, 400))
    found = load_inspected(f"torchvision:resnet18={tmp_path / 'w.safetensors'}", [str(file)])
    (one,) = found.inputs
    with Image.open(file) as image:
        expected = ResNet18_Weights.IMAGENET1K_V1.transforms()(image)
    torch.testing.assert_close(one.x[0], expected)
    assert one.image.shape == (3, 224, 224)
    assert one.notes == (
        "300 × 400 pixels; resized to 256 along the shorter side, "
        "then cropped to the center 224 × 224",
    )
    held = found.model.network.state_dict()
    for name, value in network.state_dict().items():
        assert torch.equal(
            held[name], value.half().float() if value.is_floating_point() else value
        )
    assert found.output_names == ("class 0", "class 1", "class 2", "class 3", "class 4")
    assert not found.model.training


def test_a_gray_picture(tmp_path):
    of_torchvision(tmp_path / "w.safetensors", "resnet18")
    file = picture(tmp_path / "a.png", (60, 60), "L")
    found = load_inspected(f"torchvision:resnet18={tmp_path / 'w.safetensors'}", [str(file)])
    assert found.inputs[0].notes[0] == "grayscale; converted to RGB, which the network reads"
    assert torch.equal(found.inputs[0].image[0], found.inputs[0].image[2])


class Runs:
    """A pickle of it would call a function of the system when it is read."""

    def __reduce__(self):
        return os.system, ("true",)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("resnet34=w.pt", "must belong to resnet34, got .*Name the network that"),
        ("resnet18=cut.safetensors", "must be a complete .safetensors file, got .*cut"),
        ("resnet18=away.pth", "must be a file that exists, got .*away.pth"),
        ("resnet18=w.zip", "must be a .safetensors, .pth or .pt file, got 'w.zip'"),
        ("resnet18=evil.pth", "must contain only tensors, got .*evil.pth.* It was not executed"),
        (
            "resnt18=w.pt",
            "must be a network of torchvision, got 'resnt18'. Did you mean 'resnet18'",
        ),
    ],
)
def test_weights_that_cannot_be_used(tmp_path, monkeypatch, name, text):
    monkeypatch.chdir(tmp_path)
    network = of_torchvision("w.safetensors", "resnet18")
    torch.save(network.state_dict(), tmp_path / "w.pt")
    whole = (tmp_path / "w.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[:100_000])
    (tmp_path / "w.zip").write_bytes(whole)
    torch.save({"weight": Runs()}, tmp_path / "evil.pth")
    picture("a.png")
    with pytest.raises(ValueError, match=text):
        load_inspected(f"torchvision:{name}", ["a.png"])


def test_inputs_are_looked_at_before_anything_is_downloaded(tmp_path):
    with pytest.raises(ValueError, match="must be an image file for 'torchvision:resnet18'"):
        load_inspected("torchvision:resnet18", ["CCO"])


def test_no_network_no_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    file = picture(tmp_path / "a.png")
    with pytest.raises(
        ValueError, match=r"must be on disk or downloadable, .*torchvision:resnet18=FILE"
    ):
        load_inspected("torchvision:resnet18", [str(file)])


def test_weights_from_the_folder_that_torch_keeps_them_in(tmp_path, monkeypatch):
    """Under the name that torchvision looks for; its hash is checked on downloads alone."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    place = tmp_path / "hub" / "checkpoints"
    place.mkdir(parents=True)
    made = resnet18()
    torch.save(made.state_dict(), place / "resnet18-f37072fd.pth")
    file = picture(tmp_path / "a.png")
    found = load_inspected("torchvision:resnet18", [str(file)])
    assert len(found.output_names) == 1000
    assert torch.equal(found.model.network.conv1.weight, made.conv1.weight)
