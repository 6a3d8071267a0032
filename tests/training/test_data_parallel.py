"""Two processes with batch B train as one does with 2B."""

import math
import os
import signal
import warnings

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.data.images import Augment
from gnnvision.training import Interrupted
from gnnvision.training.data_parallel import DataParallel, check_shared
from gnnvision.training.events import StepDone
from gnnvision.training.world import World, world
from gnnvision.transfer import Backbone, Plan, fine_tune

from ..transfer.tasks import pictures, small_network
from . import tasks
from .ranks import on_ranks


def images():
    """150 images, of which 9 are for the test."""
    numbers = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (150, 3, 8, 8), dtype=torch.uint8, generator=numbers)
    labels = torch.randint(0, 3, (150,), generator=numbers)
    order = torch.randperm(150, generator=numbers)
    split = order[:126], order[126:141], order[141:]
    augment = Augment(crop=1, flip="random", brightness=0.2, cutout=2)
    return gv.data.from_tensors(pixels, labels, augment=augment, split=split)


class Unused(nn.Sequential):
    """A network with a layer that has no part in the output."""

    def __init__(self, *layers):
        super().__init__(*layers)
        self.__dict__["aside"] = None

    def forward(self, x):
        return nn.Sequential(*list(self)[:-1])(x)


def cnn(p=0.5):
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Dropout2d(p / 2), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(72, 16), nn.ReLU(), gv.Dropout(p), nn.Linear(16, 3),
    )  # fmt: skip


def molecules():
    """40 graphs with three labels, of which many are missing."""
    numbers = torch.Generator().manual_seed(1)
    sizes = torch.randint(2, 9, (40,), generator=numbers).tolist()
    paths = [
        gv.Graph.from_edges([(i, i + 1) for i in range(n - 1)], n, undirected=True) for n in sizes
    ]
    x = [torch.randn(n, 4, generator=numbers) for n in sizes]
    y = torch.randint(0, 2, (40, 3), generator=numbers).float()
    y[torch.rand(40, 3, generator=numbers) < 0.4] = math.nan
    return gv.data.GraphTask.from_graphs(paths, y, x, kind="multilabel")


def gnn(p=0.5):
    return gv.Sequential(
        gv.GCNConv(4, 16), nn.ReLU(), nn.Dropout(p), gv.GCNConv(16, 16), nn.ReLU(),
        gv.Readout("mean"), gv.Dropout(p), nn.Linear(16, 3),
    )  # fmt: skip


def nodes():
    """A graph with 120 nodes in training."""
    numbers = torch.Generator().manual_seed(2)
    edges = torch.randint(0, 160, (2, 500), generator=numbers)
    graph = gv.Graph(torch.cat([edges, edges.flip(0)], 1), 160)
    x = (torch.rand(160, 12, generator=numbers) < 0.4).float()
    y = torch.randint(0, 3, (160,), generator=numbers)
    split = gv.data.Split("mine", range(120), range(120, 141), range(141, 160))
    return gv.data.NodeTask(
        name="nodes", kind="classification", in_channels=12, num_outputs=3,
        class_names=("a", "b", "c"), split=split, x=x.to_sparse(), graph=graph, y=y,
    )  # fmt: skip


def squares(output, target):
    return (output.softmax(1) - nn.functional.one_hot(target, 3)).square().mean()


SGD = {"optimizer": "sgd", "lr": 0.05, "epochs": 3}
CASES = {
    "images": (images, cnn, {"schedule": "cosine"}),
    "images without dropout": (images, lambda: cnn(0.0), {}),
    "class weights": (images, cnn, {"class_weights": "balanced", "label_smoothing": 0.1}),
    "an average of the weights": (images, cnn, {"ema_span": 0.5}),
    "a first block that is frozen": (images, cnn, {"freeze_first_block": 0.4}),
    "Adam": (images, cnn, {"optimizer": "adam", "lr": 0.003}),
    "Muon": (images, cnn, {"optimizer": "muon", "epochs": 1}),
    "a layer without gradient": (images, lambda: Unused(*cnn(), nn.Linear(3, 3)), {}),
    "a loss of the user": (images, cnn, {"loss": squares}),
    "measured between epochs": (images, cnn, {"evaluate_every": 3}),
    "sampled nodes": (nodes, lambda: gv.models.gcn(12, 8, 3), {"fanouts": (3, 2), "lr": 0.5}),
    "molecules": (molecules, gnn, {"lr": 0.5}),
    "molecules without dropout": (molecules, lambda: gnn(0.0), {"lr": 0.5}),
}


def trained(name, batch_size):
    make, model, settings = CASES[name]
    settings = SGD | settings | {"batch_size": batch_size}
    loss = settings.pop("loss", None)
    recipe = gv.Recipe(**settings)
    return gv.fit(model, make(), recipe, loss=loss, precision="float32", progress=False)


def learned(batch_size):
    """For each case what a training gives: weights, metrics, rows, and test outputs."""
    found = {}
    for name in CASES:
        result = trained(name, batch_size)
        outcome = result.outcomes[0]
        rows = [*outcome.history, *outcome.steps]
        weights = {k: v.numpy() for k, v in result.model.state_dict().items()}
        found[name] = weights, outcome.metrics, rows, outcome.prediction.tolist()
    return found


@pytest.fixture(scope="module")
def both():
    """What two processes give with a batch of 13 each, and one with 26."""
    return on_ranks(learned, 2, 13), on_ranks(learned, 1, 26)[0]


@pytest.mark.parametrize("name", CASES)
def test_two_processes_learn_what_one_does_with_twice_the_batch(both, name):
    (first, second), one = both
    assert first[name][1:] == second[name][1:]
    for key, weight in one[name][0].items():
        assert torch.tensor(first[name][0][key]).equal(torch.tensor(second[name][0][key]))
        loose = 20 if name == "Muon" else 1  # which orthogonalizes in bfloat16
        assert first[name][0][key] == pytest.approx(weight, rel=1e-4, abs=1e-6 * loose)
    for row, like in zip(first[name][2], one[name][2], strict=True):
        assert row == pytest.approx(like, rel=1e-4)
    for split, metrics in one[name][1].items():
        assert first[name][1][split] == pytest.approx(metrics, rel=1e-4), split
    assert first[name][3] == one[name][3]


def test_the_metrics_of_nine_rows_are_those_of_all_nine(both):
    (first, _), _ = both
    task = images()
    assert len(task.split.test) == 9
    for name in ("images", "class weights"):
        truth = task.y[torch.tensor(task.split.test.tolist())].tolist()
        hits = sum(a == b for a, b in zip(first[name][3], truth, strict=True))
        assert first[name][1]["test"]["accuracy"] == hits / 9


def tuned(batch_size):
    """The test metrics of a fine-tuned backbone, whose head is trained on features first."""
    torch.manual_seed(0)
    recipe = gv.Recipe(epochs=2, batch_size=batch_size, optimizer="sgd", lr=0.05)
    plan = Plan(head=recipe, fine=recipe, strategy="last", views=2)
    task = pictures(count=90).with_augment(Augment(flip="random"))
    result = fine_tune(Backbone(small_network()), task, plan, progress=False)
    return [outcome.metrics["test"] for outcome in result.outcomes]


def test_fine_tuning_by_two_processes_is_that_by_one():
    two, (one,) = on_ranks(tuned, 2, 8), on_ranks(tuned, 1, 16)
    assert two[0] == two[1]
    assert two[0][0] == pytest.approx(one[0], rel=1e-3)


def gradients(batch_size):
    """The change of the weights by one step on all items, which is the gradient."""
    settings = {"optimizer": "sgd", "lr": 1.0, "momentum": 0.0, "epochs": 1}
    found = []
    for make, model in ((images, cnn), (molecules, gnn)):
        torch.manual_seed(0)
        net = model()
        before = [p.detach().clone() for p in net.parameters()]
        recipe = gv.Recipe(batch_size=batch_size, checkpoint_selection="last", **settings)
        gv.fit(net, make(), recipe, reset=False, precision="float32", progress=False)
        found += [(b - p.detach()).numpy() for b, p in zip(before, net.parameters(), strict=True)]
    return found


def test_gradients_agree_to_rounding():
    two, (one,) = on_ranks(gradients, 2, 63), on_ranks(gradients, 1, 126)
    for ours, like in zip(two[0], one, strict=True):
        assert abs(like).max() > 0
        assert abs(ours - like).max() < 1e-6


class Odd(nn.Module):
    """Dropout of a signal that has two rows for each node."""

    def forward(self, x):
        return nn.functional.dropout(torch.cat([x, x]), 0.5, self.training)[: len(x)]


def learned_with_odd_rows(batch_size):
    def model():
        return gv.Sequential(Odd(), gv.Readout("mean"), nn.Linear(4, 3))

    recipe = gv.Recipe(batch_size=batch_size, **SGD)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = gv.fit(model, molecules(), recipe, progress=False)
    return result.outcomes[0].history, [str(w.message) for w in caught]


def test_dropout_of_rows_that_are_no_items_differs_and_that_is_said_once():
    two, (one,) = on_ranks(learned_with_odd_rows, 2, 13), on_ranks(learned_with_odd_rows, 1, 26)
    assert two[0][0] == two[1][0]
    assert two[0][0] != one[0]
    for _, words in (*two, one):
        (said,) = [each for each in words if "Dropout" in each]
        assert "draws other random numbers in each process" in said


# --- stopping and resuming ------------------------------------------------------------------


def run(folder, at=None, kill=None, resume=False):
    """Train in a folder; at a step send a signal to the second process."""
    steps, every = 0, 0 if kill == signal.SIGKILL else 30  # else it saves as it stops

    def callback(event):
        nonlocal steps
        steps += isinstance(event, StepDone)
        if steps == at and isinstance(event, StepDone) and world().rank == 1:
            os.kill(os.getpid(), kill)

    recipe = gv.Recipe(batch_size=13, ema_span=0.5, evaluate_every=3, **SGD)
    model = nn.Sequential(cnn()[0], nn.BatchNorm2d(8), *cnn()[1:])
    try:
        result = gv.fit(
            model, images(), recipe, folder=folder, resume=resume, save_every=every,
            progress=False, callbacks=[callback],
        )  # fmt: skip
    except Interrupted as error:
        return str(error)
    weights = {name: value.numpy().tobytes() for name, value in result.model.state_dict().items()}
    return weights, result.outcomes[0].history, result.outcomes[0].steps


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """What a run gives that is not stopped."""
    return on_ranks(run, 2, tmp_path_factory.mktemp("run"))


def test_a_request_to_one_process_stops_all_and_resuming_gives_the_same_bits(straight, tmp_path):
    told = on_ranks(run, 2, tmp_path, 7, signal.SIGTERM)
    assert told[0] == told[1]
    assert "Everything is saved." in told[0]
    with pytest.raises(
        ValueError, match="must be shared by 2 processes of torchrun as in the run"
    ):
        run(tmp_path, resume=True)
    with pytest.raises(AssertionError, match=r"got 1 process of torchrun\. Start as many"):
        on_ranks(run, 1, tmp_path, None, None, True)
    assert on_ranks(run, 2, tmp_path, None, None, True) == straight


def test_after_a_process_was_killed_resuming_gives_the_same_bits(straight, tmp_path):
    with pytest.raises((AssertionError, EOFError)):
        on_ranks(run, 2, tmp_path, 8, signal.SIGKILL)
    assert (tmp_path / "checkpoints" / "last.safetensors").is_file()
    assert on_ranks(run, 2, tmp_path, None, None, True) == straight


# --- refusals -------------------------------------------------------------------------------


TWO = World(0, 2, 0, launched=True)


def test_the_overview_names_the_items_of_a_process_and_batch_norm():
    words = DataParallel(TWO).describe(nn.BatchNorm2d(3), 64)
    assert words.startswith("2, with 64 of the 128 items of a batch each; batch norm has")
    assert "batch norm" not in DataParallel(TWO).describe(cnn(), None)


@pytest.mark.parametrize("make", [lambda task: task, gv.data.to_links])
def test_a_graph_that_is_one_batch_is_refused_with_the_remedy(make):
    task = make(gv.data.load("karate"))
    with pytest.raises(ValueError, match=r"whose graph has no parts\. Train other seeds in each"):
        check_shared(task, gv.Recipe(), TWO)
    check_shared(task, gv.Recipe(), World(launched=True))


def test_a_task_of_the_user_must_take_a_share():
    with pytest.raises(TypeError, match=r"'task' must have batches\(..., share=\)"):
        check_shared(tasks.pictures(), gv.Recipe(), TWO)


def test_a_split_smaller_than_the_number_of_processes_is_refused():
    with pytest.raises(ValueError, match="a training item for each of the 200 processes, got 126"):
        check_shared(images(), gv.Recipe(), World(0, 200, 0, launched=True))


def grouped():
    with pytest.raises(ValueError, match="'group' must be 1 for processes that share") as caught:
        gv.fit(cnn, images(), gv.Recipe(epochs=1), 2, group=2, progress=False)
    return str(caught.value)


def test_seeds_side_by_side_are_refused():
    assert on_ranks(grouped)
