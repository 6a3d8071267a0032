"""Every layer and network goes through every check; layers of torch pass the same."""

import inspect

import pytest
from torch import nn

import gnnvision as gv

from .checks import CHECKS, applies, onnx
from .subjects import IMAGE_NETWORKS, LAYERS, NETWORKS, TWINS

# Whole programs are written for a few networks of the same layers.
COMPILED = ("compile", "compile, gradients", "export", "ONNX")
PLAIN = {name: check for name, check in CHECKS.items() if name not in COMPILED}
FEW = ("lenet5", "autoencoder", "whitened_cnn", "small_resnet")
LARGE = ("xai_net", "resnet18")


def pairs(checks, subjects):
    return [
        pytest.param(CHECKS[name], subject, id=f"{subject.name}, {name}")
        for subject in subjects
        for name in checks
        if applies(name, subject)
    ]


SMALL = [s for s in [*LAYERS, *NETWORKS] if s.name not in LARGE]
OWN = [s for s in [*LAYERS, *NETWORKS] if s not in IMAGE_NETWORKS or s.name in FEW]


@pytest.mark.parametrize(("check", "subject"), pairs(PLAIN, SMALL))
def test_use(check, subject):
    check(subject)


@pytest.mark.slow
@pytest.mark.parametrize(("check", "subject"), pairs(("fx", "pickle, deepcopy, safetensors"), [
    s for s in NETWORKS if s.name in LARGE
]))  # fmt: skip
def test_use_of_large_networks(check, subject):
    check(subject)


@pytest.mark.slow
@pytest.mark.parametrize(("check", "subject"), pairs(COMPILED, OWN))
def test_programs(check, subject):
    if check is onnx:
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnxscript")
    check(subject)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("check", "subject"), pairs(("compile", "export", "fx", "precision"), TWINS[:2])
)
def test_the_checks_accept_the_layers_of_torch(check, subject):
    check(subject)


def test_no_layer_and_no_network_is_left_out():
    seen = {type(m).__name__ for s in [*LAYERS, *NETWORKS] for m in s.build().modules()}
    layers = {
        name
        for name in gv.layers.__all__
        if issubclass(kind := getattr(gv.layers, name), nn.Module) and not inspect.isabstract(kind)
    }
    assert layers - seen == {"FamilyConvolution", "GraphPool", "GridConvolution"}
    known = {s.name for s in NETWORKS}
    torchvision = ("torchvision", "resnet", "vgg1", "inception", "mobilenet", "timm")
    others = {name for name in gv.models.names() if name.startswith(torchvision)}
    assert set(gv.models.names()) - known <= others
