"""Weights from files: whole and of this network, or one sentence and nothing run."""

import os
import pickle

import pytest
import torch
from safetensors.torch import save_file

import gnnvision as gv
from gnnvision.transfer import ImagePreprocessing, load_backbone, read_weights

from .tasks import pictures


@pytest.fixture(scope="module")
def network():
    return gv.models.build("mobilenet_v2", num_classes=6).eval()


@pytest.fixture(scope="module")
def half(network, tmp_path_factory):
    """Its weights in half precision, as files often have them."""
    file = tmp_path_factory.mktemp("weights") / "half.safetensors"
    state = network.network.state_dict()
    save_file({n: t.half() if t.is_floating_point() else t for n, t in state.items()}, file)
    return file


def test_half_precision_and_another_number_of_classes(network, half):
    backbone = load_backbone("mobilenet_v2", half).eval()
    assert {t.dtype for t in backbone.state_dict().values()} == {torch.float32, torch.int64}
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(backbone(x), network(x), atol=2e-2, rtol=2e-2)
    assert backbone.preprocessing == ImagePreprocessing((224, 224), 256)


def test_what_torch_saved(network, tmp_path):
    torch.save({"state_dict": network.network.state_dict()}, tmp_path / "w.pth")
    held = load_backbone("mobilenet_v2", tmp_path / "w.pth").network.state_dict()
    assert all(torch.equal(t, held[n]) for n, t in network.state_dict().items())


class Trap:
    def __reduce__(self):
        return os.mkdir, ("trapped",)


def test_what_is_refused(half, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole = half.read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "evil.pth").write_bytes(pickle.dumps({"a": Trap()}))
    torch.save({"a": Trap()}, tmp_path / "evil2.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "list.pth").read_bytes()[:300])
    (tmp_path / "empty.pth").write_bytes(b"")
    (tmp_path / "w.txt").write_text("1")
    refused = {
        "cut.safetensors": r"'weights' must be a complete \.safetensors file",
        "evil.pth": r"its pickle calls .*It was not executed; do not trust",
        "evil2.pth": r"mkdir.*It was not executed; do not trust",
        "list.pth": r"'weights' must contain tensors by name, got an object of type list",
        "cut.pth": r"'weights' must be a complete file of torch\.save",
        "empty.pth": r"'weights' must be a complete file of torch\.save",
        "w.txt": r"'weights' must be a \.safetensors, \.pth or \.pt file",
        "none.pth": r"'weights' must be a file that exists",
    }
    for name, message in refused.items():
        with pytest.raises(ValueError, match=message) as error:
            read_weights(tmp_path / name)
        assert "\n" not in str(error.value)
    assert not (tmp_path / "trapped").exists()


def test_weights_of_another_network(half):
    with pytest.raises(ValueError, match=r"'weights' must belong to resnet18, got .*'conv1"):
        load_backbone("resnet18", half)


def test_weights_that_cannot_be_had(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(
        ValueError, match=r"'weights' must be on disk or downloadable.*put the file"
    ):
        load_backbone("resnet18")
    with pytest.raises(ValueError, match=r"'name' must be a network of torchvision.*inception_v3"):
        load_backbone("xception", None)


def test_timm_is_optional():
    pytest.importorskip("torchvision")
    try:
        import timm  # noqa: F401
    except ImportError:
        with pytest.raises(ValueError, match=r"timm is not installed\. Install timm"):
            load_backbone("timm:resnet18", None)


def test_our_own_checkpoints(tmp_path):
    task = pictures()
    made = gv.models.small_resnet(3, 2, 16)
    gv.fit(made, task, gv.Recipe(epochs=1, lr=0.01), folder=tmp_path / "run", progress=False)
    backbone = load_backbone(tmp_path / "run")
    assert backbone.preprocessing == ImagePreprocessing((16, 16), 16, task.mean, task.std)
    assert "Stripes" in backbone.name
    x = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(backbone.eval()(x), made.eval()(x))


def test_a_backbone_is_told_what_it_cannot_read():
    picture = load_backbone("resnet18", None).preprocessing
    assert picture.prepare(pictures()).mean == picture.mean
    with pytest.raises(TypeError, match=r"'task' must be an image task .*got NodeTask"):
        picture.prepare(gv.data.load("karate"))
    with pytest.raises(ValueError, match=r"images with 3 channels for these weights, got 1"):
        picture.prepare(gv.data.load("digits"))
