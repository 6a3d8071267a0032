"""Files of weights in many formats: equal weights give equal networks."""

import argparse
import collections
import datetime
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.optim.swa_utils import AveragedModel
from torchvision import models as zoo

import gnnvision as gv
from gnnvision.transfer import load_backbone, load_weights, read_weights


def small():
    torch.manual_seed(0)
    return nn.Sequential(
        collections.OrderedDict(
            features=nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()),
            classifier=nn.Sequential(nn.Flatten(), nn.Linear(4, 5)),
        )
    )


@pytest.fixture
def network():
    return small()


def loaded(file, like):
    """A network of the kind with the weights of the file."""
    with torch.random.fork_rng():
        other = small() if isinstance(like, nn.Sequential) else like
        for parameter in other.parameters():
            nn.init.uniform_(parameter)
    load_weights(other, read_weights(file, other, "small"), "small", str(file))
    return other


def assert_equal(network, other):
    state, held = network.state_dict(), other.state_dict()
    assert state.keys() == held.keys()
    assert all(torch.equal(tensor, held[name]) for name, tensor in state.items())


@pytest.mark.parametrize(
    "prefix",
    [
        "module.", "_orig_mod.", "model.", "backbone.", "net.", "encoder.", "network.network.",
        "_orig_mod.module.", "module._orig_mod.", "model.module.", "student.backbone.",
    ],
)  # fmt: skip
def test_prefixes(network, tmp_path, prefix):
    state = {prefix + name: tensor for name, tensor in network.state_dict().items()}
    torch.save(state, tmp_path / "w.pth")
    save_file(state, tmp_path / "w.safetensors")
    for file in tmp_path.iterdir():
        assert_equal(network, loaded(file, network))


def test_wrappers_of_torch(network, tmp_path):
    wrapped = small()
    wrapped.features = nn.DataParallel(wrapped.features)  # as for AlexNet and VGG
    for number, saved in enumerate((nn.DataParallel(network), AveragedModel(network), wrapped)):
        torch.save(saved.state_dict(), tmp_path / f"{number}")
        assert_equal(network, loaded(tmp_path / f"{number}", network))


@pytest.mark.parametrize("name", ["w.pth", "w.pt", "w.bin", "w.ckpt", "w.pth.tar", "w", "w.th"])
@pytest.mark.parametrize(
    "key", ["model", "state_dict", "model_state_dict", "net", "weights", "ema", "checkpoint.model"]
)
def test_endings_and_the_names_above_the_weights(network, tmp_path, name, key):
    held = {"module." + n: t for n, t in network.state_dict().items()}
    for part in reversed(key.split(".")):
        held = {part: held}
    torch.save(held | {"epoch": 3, "best_acc1": torch.tensor(0.9)}, tmp_path / name)
    assert_equal(network, loaded(tmp_path / name, network))


def test_what_training_scripts_keep_beside_the_weights(network, tmp_path):
    optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9)
    network(torch.rand(2, 3, 3, 3)).sum().backward()
    optimizer.step()
    beside = {
        "optimizer": optimizer.state_dict(),
        "scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 1).state_dict(),
        "score": np.float64(0.9),
        "curve": np.arange(3.0),
        "rng": np.random.get_state(),  # noqa: NPY002 - as scripts keep it
        "args": argparse.Namespace(lr=np.float32(0.1), out=Path("x")),
        "when": datetime.datetime(2026, 1, 1),
        "log": collections.defaultdict(list, {"loss": [1.0]}),
        "torch": torch.__version__,
    }
    for old in (False, True):
        file = tmp_path / f"{old}.pth"
        held = {"model": network.state_dict()} | beside
        torch.save(held, file, _use_new_zipfile_serialization=not old)
        assert_equal(network, loaded(file, network))
        assert read_weights(file).keys() == network.state_dict().keys()


def test_content_and_not_the_ending(network, tmp_path):
    save_file(network.state_dict(), tmp_path / "w.bin")
    torch.save(network.state_dict(), tmp_path / "w.safetensors")
    for file in tmp_path.iterdir():
        assert_equal(network, loaded(file, network))


def test_an_ending_that_says_something_else(network, tmp_path):
    save_file(network.state_dict(), tmp_path / "w.zip")
    with pytest.raises(ValueError, match=r"\.pth or \.pt file, got 'w\.zip', .* Rename it"):
        read_weights(tmp_path / "w.zip")


def test_weights_alone_name_no_network(network, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(network.state_dict(), "w.pth")
    with pytest.raises(ValueError, match=r"does not name its .* load_backbone\('resnet18', 'w\."):
        load_backbone("w.pth")


def test_norms_without_their_count_and_half_precision(network, tmp_path):
    state = {n: t for n, t in network.state_dict().items() if not n.endswith("tracked")}
    torch.save({n: t.bfloat16() for n, t in state.items()}, tmp_path / "w.pth")
    held = loaded(tmp_path / "w.pth", network)
    for name, tensor in state.items():
        assert torch.equal(held.state_dict()[name], tensor.bfloat16().float())


def test_names_of_older_torchvision(tmp_path):
    dense = zoo.DenseNet(4, (1, 2), 8, num_classes=3)
    old = {}
    for name, tensor in dense.state_dict().items():
        for part in ("norm", "conv"):
            for number in "12":
                name = name.replace(f".{part}{number}.", f".{part}.{number}.")
        old["module." + name] = tensor
    assert "module.features.denseblock1.denselayer1.norm.1.weight" in old
    vit = zoo.VisionTransformer(32, 16, 2, 2, 8, 16, num_classes=3)
    names = {"mlp.0": "mlp.linear_1", "mlp.3": "mlp.linear_2"}
    older = {}
    for name, tensor in vit.state_dict().items():
        for new, before in names.items():
            name = name.replace(new, before)
        older[name] = tensor
    assert "encoder.layers.encoder_layer_0.mlp.linear_1.weight" in older
    for network, state in ((dense, old), (vit, older)):
        before = {name: tensor.clone() for name, tensor in state.items()}
        torch.save(before, tmp_path / "w.pth")
        want = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        held = loaded(tmp_path / "w.pth", network).state_dict()
        assert all(torch.equal(tensor, held[name]) for name, tensor in want.items())


@pytest.mark.parametrize("form", ["state_dict", "dict", "safetensors", "module."])
def test_mnasnet_whose_version_is_lost(tmp_path, form):
    made = zoo.mnasnet0_5(num_classes=3).eval()
    file, state = tmp_path / "w.pth", made.state_dict()
    if form == "safetensors":
        save_file(state, file)
    else:
        start = form if form == "module." else ""
        renamed = {start + name: tensor for name, tensor in state.items()}
        torch.save(state if form == "state_dict" else renamed, file)
    backbone = load_backbone("mnasnet0_5", file).eval()
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(backbone(x), made(x))


class Settings:
    """An object of a training script."""


def test_objects_beside_the_weights_are_named_and_not_feared(network, tmp_path):
    advice = r"wrote it, save only the weights: torch\.save\(model\.state_dict\(\), FILE"
    torch.save({"model": network.state_dict(), "settings": Settings()}, tmp_path / "w.pth")
    with pytest.raises(ValueError, match=rf"its pickle contains .*Settings.*{advice}") as error:
        read_weights(tmp_path / "w.pth")
    assert "trust" not in str(error.value)
    torch.save(network, tmp_path / "whole.pth")
    with pytest.raises(ValueError, match=rf"an object of torch\.nn.*Sequential.*{advice}"):
        read_weights(tmp_path / "whole.pth")


def test_several_networks_in_one_file(network, tmp_path):
    state = network.state_dict()
    other = {name: tensor + 1 for name, tensor in state.items()}
    torch.save({"model": state, "model_ema": other}, tmp_path / "two.pth")
    with pytest.raises(ValueError, match=r"'model' and 'model_ema' both fit small and differ"):
        loaded(tmp_path / "two.pth", network)
    torch.save({"model": state, "model_ema": dict(state)}, tmp_path / "same.pth")
    assert_equal(network, loaded(tmp_path / "same.pth", network))
    torch.save({"some": state, "others": other}, tmp_path / "any.pth")
    with pytest.raises(ValueError, match=r"one network, got .* under 'some', 'others'"):
        read_weights(tmp_path / "any.pth")
    pair = {f"q.{n}": t for n, t in state.items()} | {f"k.{n}": t for n, t in other.items()}
    torch.save(pair, tmp_path / "pair.pth")
    with pytest.raises(
        ValueError, match=r"without 'features.0.weight' \(and 7 more\) and with unex"
    ):
        loaded(tmp_path / "pair.pth", network)


def test_numbers_that_are_no_weights(network, tmp_path):
    state = network.state_dict()
    torch.save({n: t.to(torch.int8) for n, t in state.items()}, tmp_path / "int8.pth")
    with pytest.raises(ValueError, match=r"'features.0.weight' of torch.int8 instead of torch.fl"):
        loaded(tmp_path / "int8.pth", network)
    torch.save(state | {"classifier.1.bias": torch.full((5,), torch.nan)}, tmp_path / "nan.pth")
    with pytest.raises(ValueError, match=r"finite, got .* NaN or infinity in 'classifier.1.bias'"):
        loaded(tmp_path / "nan.pth", network)
    torch.save(state | {"classifier.1.bias": torch.zeros(6)}, tmp_path / "wide.pth")
    with pytest.raises(ValueError, match=r"'classifier.1.bias' of shape \(6\) instead of \(5\)"):
        loaded(tmp_path / "wide.pth", network)


def test_files_that_people_take_for_weights(network, tmp_path):
    with zipfile.ZipFile(tmp_path / "zip.pth", "w") as archive:
        archive.writestr("w.safetensors", b"1")
    torch.jit.script(nn.Linear(1, 1)).save(str(tmp_path / "script.pt"))
    torch.save(network.state_dict(), tmp_path / "four.pth", pickle_protocol=4)
    content = {
        "lfs.pth": b"version https://git-lfs.github.com/spec/v1\noid sha256:1",
        "page.pth": b"\n<!DOCTYPE html><html>404</html>",
        "keras.h5": b"\x89HDF\r\n\x1a\n0000",
        "index.json": b'{"metadata": {}, "weight_map": {}}',
        "packed.gz": b"\x1f\x8b000000000",
        "pickled.pth": pickle.dumps(network.state_dict()),
    }
    for name, data in content.items():
        (tmp_path / name).write_bytes(data)
    refused = {
        "lfs.pth": "a Git LFS pointer",
        "page.pth": "a web page",
        "keras.h5": "an HDF5 file",
        "index.json": "the index of a network in several files",
        "packed.gz": "compressed with gzip",
        "pickled.pth": "save only the weights",
        "zip.pth": r"an archive of 'w\.safetensors'\. Unpack it",
        "script.pt": r"a network in TorchScript\. Save torch\.jit\.load",
        "four.pth": "its pickle protocol is not supported.* save only the weights",
    }
    for name, reason in refused.items():
        with pytest.raises(ValueError, match=rf"'weights' must .*got .*{name}.*{reason}"):
            read_weights(tmp_path / name)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "densenet121", "efficientnet_b0", "googlenet", "inception_v3", "mnasnet0_75",
        "regnet_x_400mf", "shufflenet_v2_x0_5", "swin_v2_t",
    ],
)  # fmt: skip
def test_torchvision_networks(name, tmp_path):
    torch.manual_seed(0)
    made = gv.models.torchvision_network(name, 3, image_size=299).eval()
    state = {"module." + n: t for n, t in made.network.state_dict().items()}
    torch.save({"model": state, "acc": np.float64(1)}, tmp_path / "w.ckpt")
    backbone = load_backbone(name, tmp_path / "w.ckpt")
    want = made.state_dict()
    assert all(torch.equal(t, want[n]) for n, t in backbone.network.state_dict().items())


def test_what_other_packages_allow_changes_nothing(tmp_path):
    before = torch.serialization.get_safe_globals()
    torch.serialization.add_safe_globals([collections.defaultdict])
    try:
        file = tmp_path / "a.pth"
        held = {"state_dict": {"weight": torch.ones(2)}, "seen": collections.defaultdict(int, a=1)}
        torch.save(held, file)
        assert read_weights(file)["weight"].tolist() == [1, 1]
        assert collections.defaultdict in torch.serialization.get_safe_globals()
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(before)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"hello\nworld", "which is text"),
        (b"\0" * 5000, "which is full of zeros"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 600, "an image"),
        (None, "must be a file, got the folder"),
    ],
)
def test_what_is_at_the_path_is_named(tmp_path, content, words):
    path = tmp_path / "weights.pth"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(ValueError, match=words) as caught:
        read_weights(path)
    assert "weights_only" not in str(caught.value)
    assert "Unicode" not in str(caught.value)
