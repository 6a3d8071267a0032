"""What a model may return to `fit`, and what may be given as a model."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import googlenet

import gnnvision as gv
from gnnvision import explain
from gnnvision.layers.calling import one_tensor

BRIEF = gv.Recipe(epochs=1, batch_size=256, lr=0.01)
GRID = gv.Grid((8, 8))


def plain():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


class Changed(nn.Module):
    """A network whose answers are changed at the end."""

    def __init__(self, change):
        super().__init__()
        self.inside = plain()
        self.change = change

    def forward(self, x):
        return self.change(self.inside(x), self.training)


def fit(model, **more):
    return gv.fit(model, gv.data.load("digits"), BRIEF, progress=False, **more)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda out, _: {"logits": out}, TypeError, "got dict of 'logits' from Changed"),
        (lambda out, _: (out, out), TypeError, "got tuple from Changed"),
        (lambda out, training: (out, out) if training else out, TypeError, "got tuple"),
        (lambda out, training: out if training else [out], TypeError, "got list"),
        (lambda out, _: out.unsqueeze(1), ValueError, r"\(256, 10\), got \(256, 1, 10\)"),
        (lambda out, _: out[:, :4], ValueError, r"\(256, 10\), got \(256, 4\)"),
        (lambda out, _: torch.cat([out, out], 1), ValueError, r"got \(256, 20\)"),
        (lambda out, _: out[:1], ValueError, r"\(256, 10\), got \(1, 10\)"),
    ],
)
def test_what_is_no_answer_for_each_item_is_refused(change, error, words):
    with pytest.raises(error, match=words):
        fit(Changed(change), reset=False)


def test_a_single_target_is_not_spread_over_several():
    """A column too few would be compared with every target."""
    task = gv.data.load("bioactivity")  # a part of rdkit: needs no download
    net = gv.Sequential(gv.GCNConv(task.in_channels, 2), gv.Readout("mean"))
    with pytest.raises(ValueError, match=r"column for each target, shape \(\d+, 1\), got"):
        gv.fit(net, task, gv.Recipe(epochs=1), progress=False)


def test_auxiliary_outputs_are_named():
    network = googlenet(num_classes=10, init_weights=False, aux_logits=True).train()
    with pytest.raises(TypeError, match=r"'logits', 'aux_logits2', .*aux_logits=False"):
        one_tensor(network(torch.rand(2, 3, 64, 64)), network)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("cnn", "got 'cnn'"),
        (lambda task: plain(), "missing a required argument: 'task'"),
        (lambda: plain, "returns function"),
        (nn.Linear, "missing a required argument: 'in_features'"),
    ],
)
def test_what_builds_no_network_is_refused(given, words):
    with pytest.raises(TypeError, match=words):
        fit(given)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_networks_in_torchscript_are_refused():
    with pytest.raises(TypeError, match=r"got one in TorchScript\. Train the original network"):
        fit(torch.jit.script(plain()))


def test_explanations_of_what_gives_no_answers():
    x = torch.rand(1, 1, 8, 8)
    with pytest.raises(TypeError, match="got dict of 'logits'"):
        explain.attribute(Changed(lambda out, _: {"logits": out}), x, GRID, "gradient")
    with pytest.raises(TypeError, match=r"must be a torch.nn.Module, got function"):
        explain.attribute(lambda x: x, x, GRID, "gradient")


@pytest.mark.parametrize("target", ["1", [True, 1], [None, 1], 1j])
def test_targets_that_are_no_columns(target):
    with pytest.raises(TypeError, match="'target' must be an integer, got"):
        explain.attribute(plain(), torch.rand(2, 1, 8, 8), GRID, "gradient", target=target)


@pytest.mark.parametrize("change", [{"x": [[1.0]] * 34}, {"y": np.zeros(34)}, {"y": [0] * 34}])
def test_data_of_a_task_are_tensors(change):
    with pytest.raises(TypeError, match=f"'{next(iter(change))}' must be a tensor, got"):
        dataclasses.replace(gv.data.load("karate"), **change)
