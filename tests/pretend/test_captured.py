"""Training captured as a CUDA graph, on a pretended GPU: the same numbers, and no host wait."""

import copy
import random
import warnings
from dataclasses import replace

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.training import seed_run
from gnnvision.training.captured import WARM_UP, Captured

from . import capture, tasks

SMOOTH = {"optimizer": "sgd", "momentum": 0.9, "schedule": "one_cycle", "warmup": 0.3}
CASES = {
    "nodes": (tasks.nodes, {"epochs": 12, "weight_decay": 5e-4}),
    "nodes, a schedule": (tasks.nodes, {"epochs": 12, "schedule": "cosine"}),
    "images, sgd": (
        tasks.images,
        {"epochs": 3, "batch_size": 8, **SMOOTH, "label_smoothing": 0.1, "ema_decay": 0.9},
    ),
    "images, muon": (
        tasks.images,
        {"epochs": 3, "batch_size": 8, "optimizer": "muon", "lr": 0.05, "schedule": "one_cycle"},
    ),
    "images of two sizes": (
        tasks.images,
        {"epochs": 4, "batch_size": 8, "progressive_resizing": 0.5, "optimizer": "adamw"},
    ),
}


def network(task):
    if isinstance(task, gv.data.NodeTask):
        return gv.models.gcn(task.in_channels, 8, task.num_classes)
    return nn.Sequential(
        gv.Conv2d(3, 6, 3, padding="same"),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, task.num_outputs),
    )


@pytest.fixture
def made(monkeypatch):
    """The captured steps of all seeds, in order."""
    found = []

    def captured(*args):
        found.append(seed_run_captured(*args))
        return found[-1]

    seed_run_captured = seed_run.captured
    monkeypatch.setattr(seed_run, "captured", captured)
    return found


def fit(task, recipe, model=None, **more):
    return gv.fit(
        model or network(task), task, recipe, device="cuda", precision="float32", progress=False,
        group=1, **more,
    )  # fmt: skip


def plainly(monkeypatch):
    """From here on nothing is captured."""
    monkeypatch.setattr(Captured, "__call__", lambda self, *batch: self.step(*batch))


def assert_same(one, other):
    assert [o.history for o in one.outcomes] == [o.history for o in other.outcomes]
    for name, value in one.model.state_dict().items():
        assert torch.equal(value, other.model.state_dict()[name]), name


@pytest.mark.parametrize("case", CASES)
def test_the_same_numbers_as_without(case, gpu, made, monkeypatch):
    make, settings = CASES[case]
    task, recipe = make(), gv.Recipe(**{"lr": 1e-2, **settings})
    torch.manual_seed(0)
    fast = fit(task, recipe, seeds=2)
    shapes = 2 if "progressive_resizing" in settings else 1
    size = settings.get("batch_size", len(task.split.train))
    steps = recipe.epochs * (len(task.split.train) // size)  # the last, smaller batch is plain
    assert [step.reason for step in made] == ["", ""]
    assert [step.replays for step in made] == [steps - shapes * WARM_UP] * 2
    assert gpu.graphs == sum(step.replays for step in made)
    plainly(monkeypatch)
    assert_same(fast, fit(task, recipe, seeds=2))


def test_a_replayed_step_waits_for_nothing(gpu, made):
    task = tasks.nodes().to("cuda")
    model = network(task).to("cuda")
    run = seed_run.SeedRun(model, task, gv.Recipe(epochs=50), 0, "float32", False)
    for _ in range(WARM_UP + 1):
        [*run.train_epoch(), run.finish_epoch()]
    with gpu.counting() as here:
        [*run.train_epoch()]
    assert here.graphs == 1
    assert not here.stops(), here
    assert here.calls < 10, here  # the copies of what it gave


def test_batches_of_graphs_of_other_sizes_run_as_they_are(gpu, made, tmp_path, recwarn):
    task = tasks.molecules(tmp_path)
    model = gv.models.build("molecule_gcn", in_channels=task.in_channels, num_outputs=1)
    fit(task, gv.Recipe(epochs=4, batch_size=16), model)
    assert made[0].replays == 0
    assert made[0].reason == ""
    assert len(made[0]._graphs) == 0
    assert not [w for w in recwarn if "CUDA graphs" in str(w.message)]


class Odd(nn.Module):
    """A network for images that does what cannot be captured."""

    def __init__(self, what):
        super().__init__()
        self.what, self.count, self.own = what, 0, random.Random(0)
        self.linear = nn.Linear(3 * 12 * 12, 2)
        self.register_buffer("mean", torch.zeros(()))

    def reset_parameters(self):
        self.linear.reset_parameters()

    def forward(self, x):
        factor = 1.0
        match self.what:
            case "waits":
                factor = 1 + 0.1 * float(x.mean().item() > 0)
            case "counts":
                self.count += 1
                factor = 1 / self.count
            case "random":
                factor = random.random()
            case "numbers of torch":
                factor = float(torch.rand(()))
            case "replaces":
                self.mean = self.mean + x.mean().detach()
                factor = 1 + self.mean
        return self.linear(x.flatten(1)) * factor


REASONS = {
    "waits": r"a step waits for the GPU \(.*test_captured.py:\d+\)",
    "counts": "a step counts, or draws random numbers, on the CPU",
    "random": "a step counts, or draws random numbers, on the CPU",
    "numbers of torch": "a step counts, or draws random numbers, on the CPU",
    "replaces": "a step replaces tensors instead of changing them in place",
}


def run_odd(what, seeds=1):
    random.seed(0)
    return fit(tasks.images(), gv.Recipe(epochs=3, batch_size=8, lr=1e-3), Odd(what), seeds=seeds)


@pytest.mark.parametrize("what", REASONS)
def test_what_cannot_be_captured_is_said_once_and_trained_plainly(what, gpu, made, monkeypatch):
    with pytest.warns(UserWarning, match=f"runs without CUDA graphs.*: {REASONS[what]}") as said:
        odd = run_odd(what)
    assert len([w for w in said if "CUDA graphs" in str(w.message)]) == 1
    assert made[0].replays == 0
    plainly(monkeypatch)
    assert_same(odd, run_odd(what))


def fails(self):
    raise RuntimeError("CUDA error: out of luck\nand more lines")


@pytest.mark.parametrize(
    ("method", "does", "reason"),
    [
        ("begin", fails, r"a step cannot be captured \(CUDA error: out of luck\)"),
        ("replay", lambda self: None, "the replay of a step differs from the step"),
        ("end", lambda self: setattr(self._memory, "capture", None), "differs from the step"),
    ],
)
def test_a_failed_capture_changes_nothing(method, does, reason, gpu, made, monkeypatch):
    task, recipe = tasks.nodes(), gv.Recipe(epochs=10)
    with monkeypatch.context() as patched:
        patched.setattr(capture.Graph, method, does)
        if method == "end":  # what the capture ran is not put back: the replay is a second step
            with pytest.warns(UserWarning, match=reason):
                failed = fit(task, recipe)
        else:
            with pytest.warns(UserWarning, match=reason):
                failed = fit(task, recipe)
    assert made[0].replays == 0
    plainly(monkeypatch)
    assert_same(failed, fit(task, recipe))


def test_no_graph_is_kept_that_leaves_no_room(gpu, made, monkeypatch):
    reserved = iter([0, 2**40])
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda *a: next(reserved))
    with pytest.warns(UserWarning, match="its graph takes 1048576 MiB of memory"):
        fit(tasks.nodes(), gv.Recipe(epochs=8))
    assert made[0].replays == 0


def test_a_parameter_that_is_frozen_later_has_a_graph_of_its_own(gpu, made):
    task = replace(tasks.images(), augment=None).to("cuda")
    model = network(task).to("cuda")
    recipe = gv.Recipe(epochs=20, batch_size=40)
    run = seed_run.SeedRun(model, task, recipe, 0, "float32", False)
    for epoch in range(12):
        if epoch == 6:
            model[0].weight.requires_grad_(False)
            frozen = model[0].weight.clone()
        [*run.train_epoch(), run.finish_epoch()]
    assert torch.equal(model[0].weight, frozen)
    assert len(made[0]._graphs) == 4  # the last batch of an epoch has fewer items


def test_a_run_that_is_resumed_is_captured_again(gpu, made, monkeypatch):
    task, recipe = tasks.nodes().to("cuda"), gv.Recipe(epochs=20, schedule="cosine")

    def run():
        torch.manual_seed(1)
        return seed_run.SeedRun(network(task).to("cuda"), task, recipe, 0, "float32", False)

    def train(run, epochs):
        for _ in range(epochs):
            [*run.train_epoch(), run.finish_epoch()]
        return run

    first = train(run(), 9)
    saved = copy.deepcopy(first.checkpoint())
    whole = train(first, 9)
    again = run()
    again.restore(saved)
    train(again, 9)
    assert again.history == whole.history
    assert made[1].replays == 9 - WARM_UP
    assert all(type(group["lr"]) is float for group in saved.state["groups"])


def test_signals_that_change_on_one_graph_are_copied_into_the_captured_step(gpu, made):
    """Each batch has other features, on the same graph."""
    task = tasks.nodes().to("cuda")
    model = gv.models.gcn(task.in_channels, 8, task.num_classes, dropout=0.0).to("cuda")
    recipe = gv.Recipe(epochs=50, optimizer="sgd", momentum=0.0, lr=0.1)
    x, domain, y = next(iter(task.batches("train")))
    batches = [(x.to_dense() * factor, domain, y) for factor in torch.rand(8).tolist()]
    outputs = []
    for how in ("captured", "plain"):
        run = seed_run.SeedRun(copy.deepcopy(model), task, recipe, 0, "float32", False)
        step = run.advance if how == "captured" else run.take_step
        outputs.append([step(*batch).output for batch in batches])
    assert made[0].replays == len(batches) - WARM_UP
    for one, other in zip(*outputs, strict=True):
        assert torch.equal(one, other)


def test_torch_warns_of_its_prototype_and_the_user_does_not_see_it(gpu, made, monkeypatch):
    put = torch.cuda.set_sync_debug_mode

    def set_mode(mode):
        warnings.warn("Synchronization debug mode is a prototype feature", stacklevel=2)
        put(mode)

    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", set_mode)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Sparse CSR")
        fit(tasks.nodes(), gv.Recipe(epochs=6))
    assert made[0].replays == 6 - WARM_UP
