"""Training of every kind of task on a pretended GPU."""

from dataclasses import replace

import pytest
import torch

import gnnvision as gv
from gnnvision.training.events import StepDone

from . import tasks


def network(task, name="gcn", **more):
    if name == "gcn":
        return gv.models.gcn(task.in_channels, 8, task.num_classes, **more)
    return gv.models.build(name, **more)


def of_graphs(task, name="molecule_gcn", **more):
    return gv.models.build(
        name, in_channels=task.in_channels, num_outputs=task.num_outputs, **more
    )


def bonds(task):
    return of_graphs(
        task, "bond_network", hidden_channels=8, bond_channels=task.num_edge_attr,
        descriptors=task.num_graph_attr,
    )  # fmt: skip


def small_cnn(task):
    return gv.models.mnist_cnn(task.in_channels, task.num_outputs, task.grid.shape, head="average")


AUGMENT = gv.data.Augment(
    crop=1, flip="random", rotation=5, brightness=0.1, saturation=0.1, cutout=3,
    resized_crop=(0.5, 1.0),
)  # fmt: skip
CASES = {
    "nodes": lambda folder: (tasks.nodes(), network),
    "nodes, drawn neighbors": lambda folder: (tasks.nodes(), network),
    "nodes of a stored graph": lambda folder: (tasks.stored(), network),
    "graphs": lambda folder: (tasks.graphs(), of_graphs),
    "graphs of a baseline": lambda folder: (
        tasks.graphs(),
        lambda task: of_graphs(task, "graph_baseline"),
    ),
    "molecules": lambda folder: (tasks.molecules(folder), bonds),
    "molecules, two questions": lambda folder: (tasks.molecules(folder, multilabel=True), bonds),
    "images": lambda folder: (tasks.images(), small_cnn),
    "images, varied": lambda folder: (tasks.images(AUGMENT), small_cnn),
    "images, mirrored in turn": lambda folder: (
        tasks.images(gv.data.Augment(flip="alternating", crop=2)),
        small_cnn,
    ),
    "reconstruction": lambda folder: (
        tasks.images().reconstruction(),
        lambda task: gv.models.autoencoder(3, image_size=(12, 12), latent_channels=4),
    ),
}


def run(case, folder, epochs=2, device="cuda", **more):
    task, build = CASES[case](folder)
    settings = {"batch_size": 16, "lr": 1e-3, **more}
    if case == "nodes":
        del settings["batch_size"]
    elif case.startswith("nodes"):
        settings |= {"fanouts": (3, 2), "batch_size": 3}
    recipe = gv.Recipe(epochs=epochs, **settings)
    options = {"device": device, "progress": False, "precision": "float32"}
    return gv.fit(build(task), task, recipe, folder=folder / "run", **options)


@pytest.mark.parametrize("case", CASES)
def test_a_run_ends_with_model_and_task_on_the_device(case, tmp_path, gpu):
    result = run(case, tmp_path)
    task = result.task
    if task.name == "karate" and "stored" in case:  # of which batches alone are moved
        task = replace(task, fanouts=(3, 2))
    x, domain, y = next(iter(task.batches("test")))
    assert x.is_cuda
    assert y.is_cuda
    assert all(value.is_cuda for value in result.model.state_dict().values())
    assert result.task.predict(result.model, x, domain).is_cuda
    assert not any(o.target.is_cuda or o.prediction.is_cuda for o in result.outcomes)


# How often the host waits in an epoch: once for losses and scores, and where batches of graphs
# are laid out anew.
WAITS = {
    "nodes, drawn neighbors": 5,  # whose features are sparse
    "graphs": 5,
    "graphs of a baseline": 2,
    "molecules": 14,
    "molecules, two questions": 14,
}


def stops(case, folder, ledger, epochs, **more):
    with ledger.counting() as here:
        run(case, folder, epochs, **more)
    return here


@pytest.mark.parametrize("case", CASES)
def test_the_host_seldom_waits(case, tmp_path, gpu):
    short, long = (stops(case, tmp_path, gpu, epochs) for epochs in (5, 13))
    waits = (long.waits - short.waits).total() / 8  # the metrics at the end may wait once more
    assert waits < WAITS.get(case, 1) + 0.5, long
    assert not long.copies - short.copies, long


@pytest.mark.parametrize("case", [case for case in CASES if case != "nodes"])
def test_a_step_waits_for_nothing(case, tmp_path, gpu):
    """Of twice as many batches of half the size no more is waited for."""
    waits = []
    for size in (16, 8):
        short, long = (stops(case, tmp_path, gpu, epochs, batch_size=size) for epochs in (1, 2))
        waits.append((long.waits - short.waits).total())
    few, many = waits
    assert many - few <= 0, long


def test_a_stopped_run_goes_on_with_the_same_numbers(tmp_path, gpu):
    whole = run("images, varied", tmp_path / "whole", 3)
    task, build = CASES["images, varied"](tmp_path)
    recipe = gv.Recipe(epochs=3, lr=1e-3, batch_size=16)
    options = {"device": "cuda", "progress": False, "precision": "float32"}
    folder = tmp_path / "run"

    steps = []

    def stop_later(event):
        steps.append(isinstance(event, StepDone))
        if sum(steps) == 5:
            raise KeyboardInterrupt

    torch.manual_seed(0)
    with pytest.raises(KeyboardInterrupt):
        gv.fit(build(task), task, recipe, folder=folder, callbacks=[stop_later], save_every=0,
               **options)  # fmt: skip
    again = gv.fit(build(task), task, recipe, folder=folder, resume=True, **options)
    rows = [[o.history for o in r.outcomes] for r in (whole, again)]
    assert rows[0] == rows[1]
    assert all(value.is_cuda for value in again.model.state_dict().values())


@pytest.mark.parametrize("case", ["images, varied", "images, mirrored in turn", "molecules"])
def test_the_same_batches_as_on_the_cpu(case, tmp_path, gpu):
    """What is drawn for them does not depend on the device."""
    task, _ = CASES[case](tmp_path)
    drawn = [torch.Generator().manual_seed(1) for _ in range(2)]
    here, there = (
        list(task.to(device).batches("train", 16, generator, epoch=1))
        for device, generator in zip(("cpu", "cuda"), drawn, strict=True)
    )
    assert len(here) == len(there) > 1
    for (x, _, y), (x_there, _, y_there) in zip(here, there, strict=True):
        assert x_there.is_cuda
        torch.testing.assert_close(x_there.cpu(), x)
        torch.testing.assert_close(y_there.cpu(), y, equal_nan=True)


@pytest.mark.parametrize("case", ["nodes", "graphs", "molecules", "images, varied"])
def test_a_run_on_a_device_without_float64(case, tmp_path, mps):
    result = run(case, tmp_path, device="mps")
    assert all(value.device.type == "mps" for value in result.model.state_dict().values())
    assert next(iter(result.task.batches("test")))[0].device.type == "mps"


@pytest.mark.parametrize("group", ["auto", 2])
def test_seeds_on_a_gpu_give_what_they_give_alone(group, gpu):
    task = tasks.nodes()
    model, recipe = network(task), gv.Recipe(epochs=6)
    options = {"device": "cuda", "progress": False}
    together = gv.fit(model, task, recipe, seeds=2, group=group, **options)
    alone = [gv.fit(model, task, recipe, seeds=[seed], **options) for seed in range(2)]
    for outcome, result in zip(together.outcomes, alone, strict=True):
        for row, like in zip(outcome.history, result.outcomes[0].history, strict=True):
            assert row == pytest.approx(like, abs=1e-4)
