import warnings

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.models import torchvision_networks

SIZES = {  # parameters with 1000 classes, as torchvision's documentation lists them
    "resnet18": 11689512, "resnet34": 21797672, "resnet50": 25557032, "vgg16": 138357544,
    "vgg19": 143667240, "mobilenet_v2": 3504872,
}  # fmt: skip


@pytest.mark.parametrize("name", SIZES)
def test_the_published_sizes(name):
    with torch.device("meta"):
        network = gv.models.build(name)
    assert sum(p.numel() for p in network.parameters()) == SIZES[name]
    assert network.spec["name"] == name


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2"])
def test_pictures_and_their_domain(name):
    network = gv.models.torchvision_network(name, 5).eval()
    x = torch.rand(2, 3, 32, 32)
    assert network(x).shape == (2, 5)
    assert torch.equal(network(x, gv.Grid((32, 32))), network.network(x))
    chain = gv.Sequential(network, nn.ReLU())
    assert chain(x, gv.Grid((32, 32))).min() >= 0


def test_inception_has_one_output_also_in_training():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network = gv.models.build("inception_v3", num_classes=4, image_size=96).train()
    assert network(torch.rand(2, 3, 96, 96)).shape == (2, 4)
    with pytest.raises(ValueError, match="'image_size' must be at least 75 for inception_v3, got"):
        gv.models.build("inception_v3", image_size=32)


def test_reset_draws_as_torchvision_does():
    """Its convolutions are drawn with a spread that their outputs set, not their inputs."""
    network = gv.models.torchvision_network("resnet18", 5)
    network.reset_parameters()
    weight = network.network.layer4[0].conv1.weight.detach()
    assert float(weight.std()) == pytest.approx((2 / (512 * 9)) ** 0.5, rel=0.02)
    assert bool((network.network.layer4[0].bn1.weight == 1).all())


@pytest.fixture
def pretrained(monkeypatch):
    """`torchvision.models.get_model` that needs no network: weights are some numbers."""
    from torchvision import models

    real, known = models.get_model, {}

    def get_model(name, *, weights=None, **options):
        if weights is not None and "aux_logits" in options:
            options["init_weights"] = False  # as torchvision itself does before it loads them
        made = real(name, weights=None, **options)
        if weights is not None:
            known["state"] = {k: v.clone() for k, v in made.state_dict().items()}
        return made

    monkeypatch.setattr(models, "get_model", get_model)
    return known


def test_pretrained_weights_with_another_head(pretrained):
    network = gv.models.torchvision_network("resnet18", 2, "DEFAULT")
    state = network.network.state_dict()
    changed = {k for k, v in pretrained["state"].items() if not torch.equal(state[k], v)}
    assert changed == {"fc.weight", "fc.bias"}
    assert network.spec["arguments"]["weights"] is None
    again = gv.models.build(network.spec["name"], **network.spec["arguments"])
    again.load_state_dict(network.state_dict())


def test_gray_pictures_are_seen_as_their_copy_in_color(pretrained):
    network = gv.models.torchvision_network("resnet18", 1000, "DEFAULT", in_channels=1).eval()
    color = gv.models.torchvision_network("resnet18", 1000).eval()
    color.network.load_state_dict(pretrained["state"])
    x = torch.rand(2, 1, 40, 40)
    torch.testing.assert_close(network(x), color(x.expand(-1, 3, -1, -1)))


@pytest.mark.parametrize(("name", "allowed"), [("resnet18", "3 or 1"), ("googlenet", "3")])
def test_other_channels_have_no_pretrained_weights(name, allowed, pretrained, monkeypatch):
    with pytest.raises(ValueError, match=f"'in_channels' must be {allowed} with pretrained"):
        gv.models.torchvision_network(name, 10, "DEFAULT", in_channels=4)


def test_xception_is_not_there():
    with pytest.raises(
        ValueError, match=r"got 'xception'\. It is not in torchvision; the most similar"
    ):
        gv.models.torchvision_network("xception")


def test_unknown_names():
    with pytest.raises(ValueError, match=r"got 'resnet19'\. Did you mean 'resnet1"):
        gv.models.torchvision_network("resnet19")
    with pytest.raises(ValueError, match="'weights' of resnet18 must be None, 'DEFAULT' or one"):
        gv.models.torchvision_network("resnet18", weights="IMAGENET22K")
    assert torchvision_networks._ABSENT == {"xception": "inception_v3"}
