"""Training of every kind of task on a pretended GPU."""

import pytest

import gnnvision as gv

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
    return gv.models.mnist_cnn(task.in_channels, task.num_outputs, task.grid.size, head="average")


AUGMENT = gv.data.Augment(
    crop=1, flip="random", rotation=5, brightness=0.1, saturation=0.1, cutout=3,
    resized_crop=(0.5, 1.0),
)  # fmt: skip
CASES = {
    "nodes": lambda folder: (tasks.nodes(), network),
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
    recipe = gv.Recipe(epochs=epochs, **settings)
    options = {"device": device, "progress": False, "precision": "float32"}
    return gv.fit(build(task), task, recipe, folder=folder / "run", **options)


@pytest.mark.parametrize("case", CASES)
def test_a_run_ends_with_model_and_task_on_the_device(case, tmp_path, gpu):
    result = run(case, tmp_path)
    x, domain, y = next(iter(result.task.batches("test")))
    assert x.is_cuda
    assert y.is_cuda
    assert all(value.is_cuda for value in result.model.state_dict().values())
    assert result.task.answer(result.model, x, domain).is_cuda
    assert not any(o.target.is_cuda or o.prediction.is_cuda for o in result.outcomes)
