from dataclasses import replace

import numpy as np
import pytest
import torch

import gnnvision as gv
from gnnvision.data import ImageTask, Split
from gnnvision.report import write_report

from .molecules import molecule_run

COLORS = ("red", "green", "blue", "gray")


def trained(task, folder, seeds=2, epochs=15, model=None, **recipe):
    """A quick run in `folder`."""
    model = model or gv.models.gcn(task.in_channels, 8, task.num_classes)
    recipe = gv.Recipe(epochs=epochs, **recipe)
    settings = {"precision": "float32", "progress": False}
    return gv.fit(model, task, recipe, seeds=seeds, folder=folder, **settings)


def picture_task(count=120, channels=3, size=(9, 12), classes=3, val=True, **more):
    """Pictures of noise, a bright bar in a place of its class; in order of the classes."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(count) * classes // count
    images = torch.randint(0, 120, (count, channels, *size), generator=generator).to(torch.uint8)
    for number in range(count):
        start = int(y[number]) * size[1] // classes
        images[number, :, :, start : start + 2] += 100
    order = np.random.default_rng(0).permutation(count)
    parts = order[: count // 2], order[count // 2 : count * 2 // 3], order[count * 2 // 3 :]
    if not val:
        parts = np.concatenate(parts[:2]), [], parts[2]
    names = tuple(f"{COLORS[n % 4]} {n}" if n >= 4 else COLORS[n] for n in range(classes))
    card = replace(
        gv.data.describe("karate"), name="bars", kind="image", title="Bars", facts={}, splits={}
    )
    return ImageTask(
        name="bars", requested="karate", kind="classification", in_channels=channels,
        num_outputs=classes, class_names=names, split=Split("public", *parts), card=card,
        data_hash="0" * 64, images=images, y=y, mean=(0.4,) * channels, std=(0.2,) * channels,
        **more,
    )  # fmt: skip


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Small networks lose by more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def karate_run(tmp_path_factory):
    """A run of three seeds on two classes, with its report."""
    result = trained(gv.data.load("karate"), tmp_path_factory.mktemp("karate"), seeds=3)
    return result, write_report(result, "python run.py --seeds 3")


@pytest.fixture(scope="session")
def stdlib_run(tmp_path_factory):
    """A run of one seed on eight classes, without its report."""
    return trained(gv.data.load("stdlib"), tmp_path_factory.mktemp("stdlib"), seeds=1, epochs=40)


@pytest.fixture(scope="session")
def pictures_run(tmp_path_factory):
    """A run of one seed on augmented pictures in color, with mistakes, without its report."""
    names = tuple(f"folder/{n}.png" for n in range(120))
    task = picture_task(augment=gv.data.Augment(crop=1, flip=None), item_names=names)
    model = gv.models.mnist_cnn(3, 3, (9, 12), head="average")
    folder = tmp_path_factory.mktemp("pictures")
    return trained(task, folder, 1, 2, model, lr=1e-3, batch_size=16)


@pytest.fixture(scope="session")
def molecules_run(tmp_path_factory):
    """A regression on molecules, two seeds, without its report: the number of carbons."""
    folder = tmp_path_factory.mktemp("molecules")
    return molecule_run(folder, {"carbons": lambda text: text.lower().count("c")})


@pytest.fixture(scope="session")
def answers_run(tmp_path_factory):
    """Two questions with yes or no about molecules, two seeds, without its report."""
    targets = {
        "oxygen": lambda text: int("O" in text),
        "long": lambda text: "" if "N" in text else int(len(text) > 4),
    }
    return molecule_run(tmp_path_factory.mktemp("answers"), targets)
