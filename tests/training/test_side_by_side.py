"""Seeds side by side equal the same seeds alone, in every group, for every kind of model."""

import warnings
from dataclasses import replace

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.data.images.augment import Augment
from gnnvision.layers import Dropout, GraphNorm
from gnnvision.training.events import EpochDone, StepDone
from gnnvision.training.side_by_side import SideBySide
from tests.training.tasks import rings

SEEDS = [3, 0, 5]


@pytest.fixture(autouse=True)
def _float32():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    yield
    torch.set_default_dtype(before)


@pytest.fixture
def nodes():
    return gv.data.load("stdlib")


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(0, 3, (60,), generator=generator)
    x = torch.randint(0, 200, (60, 1, 8, 8), generator=generator, dtype=torch.uint8)
    x += (20 * y).to(torch.uint8).view(-1, 1, 1, 1)
    return gv.data.from_tensors(x, y, augment=Augment(flip="random", shift=0.1))


def grouped(model, task, recipe=None, seeds=SEEDS, group=None, **options):
    """The result of seeds in one group, which must have been one."""
    size = len(seeds) if group is None else group
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return gv.fit(
            model, task, recipe, seeds, group=size, progress=False, device="cpu", **options
        )


def alone(model, task, recipe=None, seeds=SEEDS, **options):
    return gv.fit(model, task, recipe, seeds, group=1, progress=False, device="cpu", **options)


def assert_equal(found, wanted, atol=2e-4):
    """Histories, kept epochs, metrics and predictions agree but for rounding."""
    for one, other in zip(found.outcomes, wanted.outcomes, strict=True):
        assert one.seed == other.seed
        assert (one.epochs, one.best_epoch) == (other.epochs, other.best_epoch)
        for row, like in zip(one.history, other.history, strict=True):
            assert row == pytest.approx(like, abs=atol)
        for row, like in zip(one.steps, other.steps, strict=True):
            assert row == pytest.approx(like, abs=atol)
        for part, metrics in other.metrics.items():
            assert one.metrics[part] == pytest.approx(metrics, abs=atol, nan_ok=True)
        torch.testing.assert_close(one.prediction, other.prediction, atol=atol, rtol=0)
    weights, like = found.model.state_dict(), wanted.model.state_dict()
    for name, value in like.items():
        torch.testing.assert_close(weights[name], value, atol=10 * atol, rtol=0)


def norms(task):
    # Without biases before a norm: their gradients are 0 but for rounding, and Adam divides them
    # by their own size, so that not even two machines agree.
    return gv.Sequential(
        Dropout(0.3),
        gv.GCNConv(task.in_channels, 8, bias=False),
        nn.BatchNorm1d(8),
        nn.ReLU(),
        gv.SAGEConv(8, 8, bias=False),
        GraphNorm(8),
        nn.ReLU(),
        Dropout(0.25),
        nn.Linear(8, task.num_outputs),
    )


MODELS = {
    "gcn": lambda task: gv.models.gcn(task.in_channels, 8, task.num_outputs),
    "norms": norms,
    "gat": lambda task: gv.Sequential(
        gv.GATConv(task.in_channels, 4, heads=2, dropout=0.2),
        nn.ELU(),
        Dropout(0.5),
        gv.GATConv(8, task.num_outputs),
    ),
    "cheb": lambda task: gv.Sequential(gv.ChebConv(task.in_channels, task.num_outputs, K=3)),
    "gin": lambda task: gv.Sequential(
        gv.GINConv(nn.Sequential(nn.Linear(task.in_channels, 8), nn.ReLU())),
        nn.Linear(8, task.num_outputs),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_nodes(nodes, name):
    """Sparse and dense products, attention and norms; each seed has its own dropout."""
    model, recipe = MODELS[name](nodes), gv.Recipe(epochs=6, lr=0.01, weight_decay=5e-4)
    assert_equal(grouped(model, nodes, recipe), alone(model, nodes, recipe))


@pytest.mark.parametrize("group", [2, 3, 8])
def test_results_do_not_depend_on_the_group(nodes, group):
    """Eight seeds in groups of two, three and two, or eight."""
    model, recipe = MODELS["gcn"](nodes), gv.Recipe(epochs=5, lr=0.01)
    seeds = list(range(8))
    assert_equal(grouped(model, nodes, recipe, seeds, group), alone(model, nodes, recipe, seeds))


def test_early_stopping(nodes):
    """Seeds stop at epochs of their own; the others go on, the last one alone."""
    model = MODELS["gcn"](nodes)
    recipe = gv.Recipe(epochs=60, lr=0.05, patience=4)
    found = grouped(model, nodes, recipe)
    assert len({outcome.epochs for outcome in found.outcomes}) > 1
    assert_equal(found, alone(model, nodes, recipe))


RECIPES = {
    "schedule": {"schedule": "cosine", "warmup": 0.2, "label_smoothing": 0.1},
    "average": {"ema_decay": 0.9, "optimizer": "adamw", "weight_decay": 0.1},
    "sgd": {"optimizer": "sgd", "momentum": 0.9, "class_weights": "balanced"},
    "muon": {"optimizer": "muon", "lr": 0.002, "checkpoint_selection": "loss"},
    "rows": {"evaluate_every": 2, "checkpoint_selection": "last"},
    "test": {"evaluate_every": "epoch", "lr_bias": 0.1, "lr_head": 0.02},
}


@pytest.mark.parametrize("name", RECIPES)
def test_recipes(nodes, name):
    """Schedules, optimizers, averages of the weights, selection and rows between epochs."""
    recipe = gv.Recipe(**({"epochs": 5, "lr": 0.02} | RECIPES[name]))
    model = norms(nodes)
    assert_equal(
        grouped(model, nodes, recipe),
        alone(model, nodes, recipe),
        atol=3e-2 if name == "muon" else 2e-3,
    )


def convolutional(task):
    return nn.Sequential(
        gv.Conv2d(task.in_channels, 6, 3, padding=1, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        gv.MaxPool2d(2),
        nn.Dropout(0.2),
        nn.Flatten(),
        nn.Linear(96, task.num_outputs),
    )


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_images(images, optimizer):
    """Each seed has its own order and augmentation of the images."""
    recipe = gv.Recipe(epochs=3, lr=0.005, batch_size=16, optimizer=optimizer)
    model, precision = convolutional(images), {"precision": "float32"}
    found = grouped(model, images, recipe, **precision)
    assert_equal(found, alone(model, images, recipe, **precision), atol=2e-3)


def test_bfloat16(images):
    """Autocast in a group as alone, up to the precision of bfloat16."""
    recipe = gv.Recipe(epochs=2, lr=0.001, batch_size=16, evaluate_every=1)
    model, precision = convolutional(images), {"precision": "bfloat16"}
    found = grouped(model, images, recipe, **precision).outcomes
    wanted = alone(model, images, recipe, **precision).outcomes
    for one, other in zip(found, wanted, strict=True):
        for row, like in zip(one.steps, other.steps, strict=True):
            assert row["val_loss"] == pytest.approx(like["val_loss"], abs=0.02)


def test_losses_and_metrics_of_the_user(nodes):
    """They see each seed by itself, and may read values."""

    def loss(output, target):
        assert float(output.detach().abs().max()) >= 0
        return nn.functional.multi_margin_loss(output, target)

    options = {"loss": loss, "metric": "f1_macro"}
    model, recipe = MODELS["gcn"](nodes), gv.Recipe(epochs=4, lr=0.01)
    found = grouped(model, nodes, recipe, **options)
    assert_equal(found, alone(model, nodes, recipe, **options))


class Own(nn.Module):
    """A module of the user's, with a buffer that each step changes in place."""

    def __init__(self, channels, classes):
        super().__init__()
        self.conv = gv.GCNConv(channels, classes)
        self.register_buffer("mean", torch.zeros(classes))

    def forward(self, x, graph):
        y = self.conv(x, graph)
        if self.training:
            self.mean.mul_(0.9).add_(y.detach().mean(0), alpha=0.1)
        return y - self.mean


def test_a_module_of_the_user(nodes):
    """It needs no more than `torch.func` does."""
    recipe = gv.Recipe(epochs=4, lr=0.01)

    def build():
        return Own(nodes.in_channels, nodes.num_outputs)

    assert_equal(grouped(build, nodes, recipe), alone(build, nodes, recipe))


def test_without_reset(nodes):
    """All seeds start from the weights of the model."""
    model, recipe = MODELS["gcn"](nodes), gv.Recipe(epochs=3, lr=0.01)
    start = {name: value.clone() for name, value in model.state_dict().items()}
    found = grouped(model, nodes, recipe, reset=False)
    model.load_state_dict(start)
    assert_equal(found, alone(model, nodes, recipe, reset=False))


class Draws(Own):
    def forward(self, x, graph):
        y = self.conv(x, graph)
        return y + torch.rand_like(y) if self.training else y


class Counts(Own):
    calls = 0

    def forward(self, x, graph):
        self.calls += 1
        return self.conv(x, graph) / self.calls


class Reads(Own):
    def forward(self, x, graph):
        y = self.conv(x, graph)
        return y if float(y.detach().sum()) > 0 else -y


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(Draws, "random numbers"), (Counts, "changes its attributes"), (Reads, "vmap")],
)
def test_what_would_differ_is_trained_alone(nodes, kind, reason):
    """Random numbers, counts and conditions of the user's own; the reason is told."""
    recipe = gv.Recipe(epochs=3, lr=0.01)

    def build():
        return kind(nodes.in_channels, nodes.num_outputs)

    with pytest.warns(UserWarning, match=f"trained one after the other: .*{reason}"):
        found = gv.fit(build, nodes, recipe, SEEDS, group=3, progress=False, device="cpu")
    assert any(reason in note for note in found.notes)
    assert_equal(found, alone(build, nodes, recipe))


def test_graphs_of_different_sizes_are_trained_alone():
    """A batch of graphs is another domain for each seed."""
    task = rings(24)
    model = gv.Sequential(gv.GCNConv(2, 4), nn.ReLU(), gv.Readout("mean"), nn.Linear(4, 1))
    recipe = gv.Recipe(epochs=2, batch_size=8)
    with pytest.warns(UserWarning, match="different graphs"):
        found = gv.fit(model, task, recipe, SEEDS, group=3, progress=False, device="cpu")
    wanted = alone(model, task, recipe)
    assert [o.history for o in found.outcomes] == [o.history for o in wanted.outcomes]


def test_automatic_group(nodes, images):
    """On the CPU, five seeds of the nodes of a small graph; images and other splits alone."""
    from gnnvision.training.stage import Stage
    from gnnvision.training.trainer import Trainer

    def sizes(model, task, seeds):
        trainer = Trainer(model, task, [Stage(gv.Recipe(epochs=1))], range(seeds))
        trainer.prepare()
        return [len(unit.numbers) for unit in trainer.units()], trainer.describe_groups()

    model = MODELS["gcn"](nodes)
    assert sizes(model, nodes, 12) == ([5, 5, 2], {"seeds": "12, 5 side by side"})
    assert sizes(model, nodes, 1) == ([1], {})
    assert sizes(model, nodes, 100)[0] == [10] * 10
    assert sizes(lambda: Own(nodes.in_channels, nodes.num_outputs), nodes, 3)[0] == [1, 1, 1]
    found, words = sizes(convolutional(images), images, 2)
    assert found == [1, 1]
    assert "only small graphs" in words["seeds"]
    other = replace(nodes, splitter=lambda seed: nodes.split)
    assert sizes(model, other, 2)[0] == [1, 1]


@pytest.mark.parametrize("group", [0, -1, 1.5, True, "all"])
def test_refused_groups(nodes, group):
    """It is a positive number or "auto"."""
    with pytest.raises(ValueError, match="'group' must be a positive number or 'auto'"):
        gv.fit(MODELS["gcn"](nodes), nodes, seeds=2, group=group, progress=False)


@pytest.mark.parametrize("stop", [3, 10, 16])
def test_resume(images, tmp_path, stop):
    """A group that is stopped, also in the middle of an epoch, ends with the same bits."""
    model, recipe = convolutional(images), gv.Recipe(epochs=4, lr=0.02, batch_size=8, patience=2)
    whole = grouped(model, images, recipe)
    folder = tmp_path / "run"
    steps = 0

    def interrupt(event):
        nonlocal steps
        steps += isinstance(event, StepDone)
        if steps == stop:
            steps += 1
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        grouped(model, images, recipe, folder=folder, callbacks=[interrupt])
    assert (folder / "checkpoints" / "last.safetensors").is_file()
    resumed = grouped(model, images, recipe, folder=folder, resume=True)
    for one, other in zip(resumed.outcomes, whole.outcomes, strict=True):
        assert one.history == other.history
        assert torch.equal(one.prediction, other.prediction)


def test_ensemble_and_epochs(nodes, tmp_path):
    """The weights of each seed, and of each epoch, are those of the seed alone."""
    model, recipe = MODELS["gcn"](nodes), gv.Recipe(epochs=2, lr=0.01)
    folders = [tmp_path / "group", tmp_path / "alone"]
    for train, folder in zip((grouped, alone), folders, strict=True):
        train(model, nodes, recipe, folder=folder, ensemble=True, keep_epochs=True)
    from safetensors.torch import load_file

    names = sorted(p.relative_to(folders[1]) for p in folders[1].rglob("*seed-*.safetensors"))
    assert len(names) == 9
    for name in names:
        found, wanted = (load_file(folder / name) for folder in folders)
        for key, value in wanted.items():
            torch.testing.assert_close(found[key], value, atol=1e-5, rtol=0)


def test_steps_of_nodes_are_recorded(nodes, monkeypatch):
    """After two steps, a step of a network of ours on one graph runs from its record."""
    seen = []
    step = SideBySide.take_step

    def take_step(self, batches):
        out = step(self, batches)
        seen.append([tape is not None for _, tape in self._tapes.values()])
        return out

    monkeypatch.setattr(SideBySide, "take_step", take_step)
    grouped(MODELS["gcn"](nodes), nodes, gv.Recipe(epochs=4))
    assert seen[-1] == [True, True]


def test_events_of_each_seed_are_in_order(nodes):
    """Those of different seeds alternate."""
    events = []
    recipe = gv.Recipe(epochs=2)
    grouped(MODELS["gcn"](nodes), nodes, recipe, callbacks=[events.append])
    done = [(e.number, e.row["epoch"]) for e in events if isinstance(e, EpochDone)]
    assert done == [(0, 1), (1, 1), (2, 1), (0, 2), (1, 2), (2, 2)]
