"""Steps that run from a tape are, bit for bit, those that do not."""

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.training import seed_run
from gnnvision.training.repeated import Repeated, is_repeatable

TASK = gv.data.load("karate")
C = TASK.in_channels


class Own(nn.Module):
    """A user's module, which may count its calls."""

    def __init__(self):
        super().__init__()
        self.conv = gv.GCNConv(C, TASK.num_outputs)

    def forward(self, x, graph):
        return self.conv(x, graph)


NETWORKS = {
    "gcn": lambda: gv.models.gcn(C, 8, TASK.num_outputs),
    "attention": lambda: gv.Sequential(
        gv.Dropout(0.3), gv.GATConv(C, 4, heads=2, dropout=0.5), nn.ELU(), nn.Dropout(0.5),
        gv.GATv2Conv(8, TASK.num_outputs, dropout=0.5),
    ),
    "norms": lambda: gv.Sequential(
        gv.SAGEConv(C, 8), nn.BatchNorm1d(8), nn.ReLU(), gv.GINConv(nn.Linear(8, 8)),
        gv.GraphNorm(8), gv.GCNConv(8, TASK.num_outputs),
    ),
    "dropped edges": lambda: gv.Sequential(
        gv.GCNConv(C, 8), nn.Linear(8, TASK.num_outputs), gv.APPNP(K=3, alpha=0.1, dropout=0.5)
    ),
    "relations": lambda: gv.Sequential(gv.TAGConv(C, 8, K=2), gv.ChebConv(8, TASK.num_outputs, 3)),
}  # fmt: skip
RECIPES = {
    "adam": gv.Recipe(epochs=12, lr=0.02, weight_decay=5e-4, weight_decay_scope="first"),
    "adamw": gv.Recipe(epochs=12, lr=0.02, optimizer="adamw", label_smoothing=0.1, patience=4),
    "sgd": gv.Recipe(epochs=12, lr=0.1, optimizer="sgd"),
}


def trained(model, recipe, monkeypatch, repeats):
    made = []
    original = Repeated.__init__

    def watched(self, *given):
        made.append(self)
        original(self, *given)

    with monkeypatch.context() as patched:
        patched.setattr(Repeated, "__init__", watched)
        if not repeats:
            patched.setattr(seed_run.SeedRun, "_repeats", lambda run: False)
        task = gv.data.load("karate")
        result = gv.fit(model, task, recipe, seeds=2, device="cpu", progress=False, group=1)
    return result, made


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_tape_gives_the_same_bits(name, recipe, monkeypatch):
    model = NETWORKS[name]()
    taped, made = trained(model, RECIPES[recipe], monkeypatch, True)
    plain, none = trained(model, RECIPES[recipe], monkeypatch, False)
    assert len(made) == 6
    assert all(repeated._tape is not None for repeated in made[::3])  # the steps
    assert not none
    for one, other in zip(taped.outcomes, plain.outcomes, strict=True):
        assert one.history == other.history
        assert torch.equal(one.prediction, other.prediction)
    torch.testing.assert_close(
        dict(taped.model.state_dict()), dict(plain.model.state_dict()), rtol=0, atol=0
    )


@pytest.mark.parametrize(
    "recipe",
    [gv.Recipe(epochs=4, schedule="one_cycle"), gv.Recipe(epochs=4, ema_decay=0.9)],
    ids=["schedule", "average"],
)
def test_what_changes_from_step_to_step_is_not_taped(recipe, monkeypatch):
    _, made = trained(NETWORKS["gcn"](), recipe, monkeypatch, True)
    assert not made


def test_a_module_of_the_user_is_not_taped(monkeypatch):
    assert not is_repeatable(gv.Sequential(Own()))
    _, made = trained(Own(), RECIPES["adam"], monkeypatch, True)
    assert not made


def test_a_network_with_a_hook_is_not_taped():
    model = NETWORKS["gcn"]()
    assert is_repeatable(model)
    next(model.children()).register_forward_hook(lambda *given: None)
    assert not is_repeatable(model)


class Reading(nn.BatchNorm1d):
    """Reads a value after it has changed its buffers."""

    __module__ = "torch.nn"

    def forward(self, input):
        out = super().forward(input)
        return out * (1 + 0 * float(out.detach().sum()))


def test_what_reads_values_goes_on_without_a_tape_and_with_the_same_bits(monkeypatch):
    layers = [gv.GCNConv(C, 8), Reading(8), gv.Dropout(), gv.GCNConv(8, TASK.num_outputs)]
    model = gv.Sequential(*layers)
    taped, made = trained(model, RECIPES["adam"], monkeypatch, True)
    plain, _ = trained(model, RECIPES["adam"], monkeypatch, False)
    assert len(made) == 6
    assert all(repeated._tape is None for repeated in made)
    assert taped.outcomes[0].history == plain.outcomes[0].history
