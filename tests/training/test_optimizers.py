"""Optimizers: the steps and the state of torch's, without its compiler; Muon's own steps."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from gnnvision.training import Recipe
from gnnvision.training.optimizers import SGD, Adam, AdamW, Muon, orthogonalize

TORCH = {Adam: torch.optim.Adam, AdamW: torch.optim.AdamW, SGD: torch.optim.SGD}
OPTIONS = {
    Adam: {"weight_decay": 0.01},
    AdamW: {"weight_decay": 0.1},
    SGD: {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
}


def steps(model, optimizer, count):
    generator = torch.Generator().manual_seed(count)
    for _ in range(count):
        optimizer.zero_grad()
        model(torch.randn(5, 3, generator=generator)).square().sum().backward()
        optimizer.step()


@pytest.mark.parametrize("kind", TORCH)
def test_steps_and_state_are_those_of_torch(kind):
    models = nn.Linear(3, 2), nn.Linear(3, 2)
    models[1].load_state_dict(models[0].state_dict())
    made = [
        each(model.parameters(), 0.1, fused=True, **OPTIONS[kind])
        for each, model in zip((kind, TORCH[kind]), models, strict=True)
    ]
    assert isinstance(made[0], TORCH[kind])
    assert str(made[0]) == str(made[1])
    for number in (3, 4):
        for model, optimizer in zip(models, made, strict=True):
            steps(model, optimizer, number)
        assert torch.equal(models[0].weight, models[1].weight)
        torch.testing.assert_close(made[0].state_dict(), made[1].state_dict(), rtol=0, atol=0)
        states = [optimizer.state_dict() for optimizer in reversed(made)]
        for optimizer, state in zip(made, states, strict=True):  # each goes on from the other's
            optimizer.load_state_dict(state)
    again = pickle.loads(pickle.dumps(made[0]))
    assert type(again) is kind
    assert again.param_groups[0]["lr"] == 0.1


def test_hooks_of_steps_are_called():
    model, calls = nn.Linear(3, 2), []
    optimizer = Adam(model.parameters(), 0.1)
    optimizer.register_step_post_hook(lambda *_: calls.append(1))
    steps(model, optimizer, 2)
    assert calls == [1, 1]


TRAINING = """
import sys, tempfile
import torch
from torch import nn
import gnnvision as gv
from tests.training import tasks

karate = gv.data.load("karate")
network = gv.models.gcn(karate.in_channels, 4, karate.num_classes)
for optimizer in ("adam", "adamw", "sgd"):
    recipe = gv.Recipe(epochs=2, optimizer=optimizer, ema_decay=0.5)
    with tempfile.TemporaryDirectory() as folder:
        gv.fit(network, karate, recipe, seeds=2, folder=folder, progress=False)
network = gv.Sequential(gv.Conv2d(1, 4, 3), nn.ReLU(), gv.Readout(), nn.Linear(4, 2))
recipe = gv.Recipe(epochs=1, batch_size=20, optimizer="muon")
print(gv.fit(network, tasks.pictures(), recipe, progress=False).summary())
from gnnvision.training.checkpoint import pack_optimizer, unpack_optimizer
optimizer = recipe.make_optimizer(network)
unpack_optimizer(optimizer, {}, pack_optimizer(optimizer)[1])
unused = [name for name in sys.argv[1:] if name in sys.modules]
assert not unused, unused
"""


@pytest.mark.slow
def test_a_training_does_not_import_what_it_does_not_use():
    unused = ("torch._dynamo", "torch._inductor", "sympy", "sklearn", "scipy.stats", "matplotlib")
    command = [sys.executable, "-c", TRAINING, *unused]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr[-2000:]


@pytest.mark.parametrize("shape", [(16, 40), (40, 16), (24, 24)])
def test_singular_values_come_near_one(shape):
    matrix = torch.randn(shape, dtype=torch.float32)
    u, values, v = torch.linalg.svd(orthogonalize(matrix, steps=5), full_matrices=False)
    assert values.max() < 1.3
    assert values.median() > 0.6
    nearest = torch.linalg.svd(matrix, full_matrices=False)
    agreement = (u @ v * (nearest.U @ nearest.Vh)).sum() / min(shape)
    assert agreement > 0.9


def test_filters_keep_their_norm_and_a_step_has_the_length_of_lr():
    conv = nn.Conv2d(8, 16, 3, bias=False)
    optimizer = Muon(conv.parameters(), lr=0.01)
    conv(torch.randn(2, 8, 6, 6)).square().sum().backward()
    scaled = conv.weight.detach() * 4 / conv.weight.detach().norm()  # the norm is √16
    optimizer.step()
    moved = (conv.weight.detach() - scaled).norm()
    assert 0.01 * 4 * 0.5 < moved < 0.01 * 4 * 1.3


def test_other_parameters_follow_sgd():
    ours, theirs = nn.Linear(3, 2), nn.Linear(3, 2)
    theirs.load_state_dict(ours.state_dict())
    options = {"lr": 0.1, "weight_decay": 0.01}
    muon = Muon([{"params": ours.parameters(), **options, "orthogonal": False}], lr=1.0)
    sgd = torch.optim.SGD(theirs.parameters(), momentum=0.85, nesterov=True, **options)
    x = torch.randn(5, 3)
    for _ in range(3):
        for model, optimizer in ((ours, muon), (theirs, sgd)):
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_which_parameters_are_orthogonalized():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2))
    optimizer = Recipe(optimizer="muon").make_optimizer(model)
    chosen = [p for g in optimizer.param_groups if g["orthogonal"] for p in g["params"]]
    assert len(chosen) == 1
    assert chosen[0] is model[0].weight
