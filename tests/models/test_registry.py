"""What holds for every network that has a name."""

import copy
import json
import pickle

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.training.seeds import fresh_model

PICTURES = [
    "cifar_cnn", "fashion_cnn", "fashion_dnn", "lenet5", "lenet5_notes", "mnist_cnn",
    "small_resnet", "strided_cnn", "vgg_like", "xai_net",
]  # fmt: skip
# Every channel count, class count and size differs from the defaults.
CASES = {name: {"in_channels": 2, "num_classes": 3, "image_size": [20, 25]} for name in PICTURES}
CASES |= {
    "cifar_cnn average": CASES["cifar_cnn"] | {"head": "average"},
    "vgg_like average": CASES["vgg_like"] | {"head": "average"},
    "autoencoder": {"in_channels": 2, "image_size": [20, 25]},
    "resnet18": {"in_channels": 2, "num_classes": 3, "image_size": [20, 25]},
}


def made(case):
    torch.manual_seed(0)
    return gv.models.build(case.split()[0], **CASES[case])


def pictures(count=4):
    return torch.rand(count, 2, 20, 25)


def test_every_network_of_the_lectures_has_a_name():
    torchvision = {"resnet18", "resnet34", "resnet50", "vgg16", "vgg19", "inception_v3"}
    graphs = {"gcn", "classic_gcn"}
    named = {*PICTURES, *torchvision, *graphs, "mobilenet_v2", "autoencoder"}
    assert named <= set(gv.models.names())
    assert gv.models.names() == sorted(gv.models.names())


@pytest.mark.parametrize("case", CASES)
def test_pictures_of_any_size_channels_and_classes(case):
    network, x = made(case).eval(), pictures()
    y = network(x)
    assert y.shape == ((4, 2, 20, 25) if case == "autoencoder" else (4, 3))
    assert torch.equal(network(x, gv.Grid((20, 25))), y)


@pytest.mark.parametrize("case", CASES)
def test_what_is_said_builds_an_equal_network(case):
    network, x = made(case), pictures()
    network(x)  # batch norm's statistics are part of what a checkpoint holds
    spec = json.loads(json.dumps(network.spec))
    again = gv.models.build(spec["name"], **spec["arguments"])
    again.load_state_dict(network.state_dict())
    assert again.spec == network.spec
    assert repr(again) == repr(network)
    assert torch.equal(again.eval()(x), network.eval()(x))


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_dropped_when_the_network_is_evaluated(case):
    network, x = made(case), pictures()
    dropped = any(isinstance(m, nn.Dropout) for m in network.modules())
    assert torch.equal(network.eval()(x), network(x))
    if dropped and not any(isinstance(m, nn.BatchNorm2d) for m in network.modules()):
        assert not torch.equal(network.train()(x), network(x))


@pytest.mark.parametrize("case", CASES)
def test_gradients_reach_every_parameter(case):
    network = made(case)
    network(pictures(8)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("case", CASES)
def test_a_new_seed_draws_every_weight_anew(case):
    network = made(case)
    for parameter in network.parameters():
        parameter.data.fill_(7.0)
    fresh = fresh_model(network, reset=True)
    assert not any(bool((p == 7).any()) for p in fresh.parameters())
    assert all(bool((p == 7).all()) for p in network.parameters())
    assert fresh.spec == network.spec


@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_know_how_they_were_built(again):
    network = gv.models.mnist_cnn(image_size=(8, 9))
    assert again(network).spec == network.spec
    assert network.spec == {
        "name": "mnist_cnn",
        "arguments": {"in_channels": 1, "num_classes": 10, "image_size": [8, 9], "head": "dense"},
    }


def test_graph_networks_are_among_them():
    network = gv.models.build("gcn", in_channels=4, hidden_channels=8, num_classes=3)
    assert network.spec["arguments"]["num_layers"] == 2
    assert network.spec == gv.models.gcn(4, 8, 3).spec
    with pytest.raises(ValueError, match="'norm' must be one of None"):
        gv.models.build("classic-gcn", in_channels=4, hidden_channels=8, num_classes=3, norm="x")


@pytest.mark.parametrize(
    ("name", "near"), [("lenet", "lenet5"), ("VGG-lik", "vgg_like"), ("reznet18", "resnet18")]
)
def test_an_unknown_name_gets_the_nearest(name, near):
    with pytest.raises(ValueError, match=f"got '{name}'. Did you mean '{near}'?"):
        gv.models.build(name)


def test_an_unknown_argument_is_named():
    with pytest.raises(TypeError, match=r"'arguments' of lenet5 must be among .*, got 'width'"):
        gv.models.build("lenet5", width=3)


def test_what_a_checkpoint_cannot_keep_is_refused():
    with pytest.raises(TypeError, match="'arguments' of fashion_dnn must be numbers"):
        gv.models.fashion_dnn(dropout=torch.tensor(0.5))


def test_a_name_is_given_once():
    def gcn():
        return nn.Identity()

    with pytest.raises(
        ValueError, match="'builder' must have a name that is not taken, got 'gcn'"
    ):
        gv.models.register(gcn)


@pytest.mark.parametrize(
    ("name", "size", "least"),
    [("fashion_cnn", 7, 8), ("strided_cnn", 14, 15), ("vgg_like", 7, 8), ("xai_net", 17, 18)],
)
def test_too_small_a_picture(name, size, least):
    with pytest.raises(ValueError, match=f"'image_size' must be large enough .*, got {size} "):
        gv.models.build(name, image_size=size)
    gv.models.build(name, image_size=least)


@pytest.mark.parametrize("size", [(28,), (28, 28, 3), 0])
def test_a_size_is_of_two_axes(size):
    with pytest.raises(ValueError, match="'image_size' must"):
        gv.models.fashion_dnn(image_size=size)


def test_an_unknown_head():
    with pytest.raises(ValueError, match="'head' must be one of 'dense', 'average', got 'max'"):
        gv.models.mnist_cnn(head="max")


def test_a_network_defined_again_in_a_notebook_replaces_the_one_before():
    def cell(width):
        def notebook_network(num_classes=3):
            return nn.Linear(width, num_classes)

        notebook_network.__module__ = "__main__"
        return gv.models.register(notebook_network)

    cell(4), cell(5)
    assert gv.models.build("notebook_network").in_features == 5

    def lenet5():
        return nn.Linear(1, 1)

    lenet5.__module__ = "__main__"
    with pytest.raises(ValueError, match="'builder' must have a name that is not taken"):
        gv.models.register(lenet5)
