"""Features of frozen parts: the same numbers as the network's own, computed once."""

import contextlib
from dataclasses import replace

import numpy as np
import pytest
import torch

import gnnvision as gv
from gnnvision.transfer import Backbone, features, freeze, frozen_features

from .tasks import pictures, small_network


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GNNVISION_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def task():
    return pictures().with_augment(gv.data.Augment(crop=2, flip="random"))


def test_they_are_what_the_network_makes(task):
    backbone = Backbone(small_network())
    held = frozen_features(backbone, task, views=2).task
    backbone.eval()
    with torch.no_grad():
        for part in ("train", "val", "test"):
            for (x, domain, y), (vector, _, label) in zip(
                task.batches(part), held.batches(part), strict=True
            ):
                torch.testing.assert_close(backbone.features(x, domain), vector)
                assert torch.equal(y, label)


def test_the_rest_of_a_cut_network_goes_on_from_them(task):
    backbone = Backbone(gv.models.small_resnet(3, 2, 16)).eval()
    for cut in (1, 2, 4):
        frozen = frozen_features(backbone, task, cut)
        rest = frozen.rest(backbone).eval()
        with torch.no_grad():
            for (x, domain, _), (map_, place, _) in zip(
                task.batches("val"), frozen.task.batches("val"), strict=True
            ):
                assert place.size == tuple(map_.shape[2:])
                torch.testing.assert_close(rest(map_, place), backbone(x, domain))


def test_of_graphs_and_of_nodes():
    molecules = gv.data.load("bioactivity")
    graph = Backbone(gv.models.molecule_gcn(molecules.in_channels, 1, 8)).eval()
    x, domain, y = next(molecules.batches("val"))
    vector, _, target = next(frozen_features(graph, molecules).task.batches("val"))
    with torch.no_grad():
        torch.testing.assert_close(graph.features(x, domain), vector)
    torch.testing.assert_close(y, target, equal_nan=True)
    karate = gv.data.load("karate")
    nodes = Backbone(gv.models.classic_gcn(karate.in_channels, 8, karate.num_classes)).eval()
    held = frozen_features(nodes, karate).task
    with torch.no_grad():
        want = nodes.features(karate.x, karate.graph)
    torch.testing.assert_close(next(held.batches("train"))[0], want[karate.split.train.tolist()])


def test_training_items_come_in_all_their_versions(task):
    held = frozen_features(Backbone(small_network()), task, views=3).task
    assert held.views.shape[:2] == (3, len(task.split.train) + len(task.split.val))
    generator = torch.Generator().manual_seed(0)
    item, seen = int(task.split.train[0]), set()
    versions = [held.x[item], *held.views[:, held.rows[item]]]
    for _ in range(60):
        for x, _, _ in held.batches("train", generator=generator):
            seen |= {n for n, v in enumerate(versions) if (x == v).all(1).any()}
    assert seen == {0, 1, 2, 3}
    assert not torch.equal(versions[1], versions[2])
    plain = next(held.batches("train"))[0]
    torch.testing.assert_close(plain, held.x[task.split.train.tolist()])


def test_the_bar_tells_what_is_computed(task, cache, monkeypatch):
    shown = []

    @contextlib.contextmanager
    def bar(text, total):
        done = []
        yield done.append
        shown.append((text, total, sum(done)))

    monkeypatch.setattr(features, "bar", bar)
    backbone = Backbone(small_network())
    frozen_features(backbone, task, label=" of all blocks")
    total = sum(task.split.sizes.values())
    assert shown == [("computing features of all blocks", total, total)]
    frozen_features(backbone, task)  # cached
    frozen_features(Backbone(small_network()), task, progress=False)
    assert len(shown) == 1


def test_the_second_time_nothing_runs(task, cache, monkeypatch):
    backbone = Backbone(small_network())
    first = frozen_features(backbone, task, views=1)
    assert len(list((cache / "features").glob("*.npz"))) == 1

    def never(*given):
        raise AssertionError("it ran")

    monkeypatch.setattr(features, "_compute", never)
    backbone.reset_head(7)  # of no matter to what is before it
    again = frozen_features(backbone, task, views=1)
    assert torch.equal(again.task.x, first.task.x)
    assert torch.equal(again.task.views, first.task.views)
    others = {
        "weights": (Backbone(small_network()), task, 1),
        "views": (backbone, task, 2),
        "pictures": (backbone, replace(task, data_hash="1" * 64), 1),
        "normalization": (backbone, replace(task, mean=(0.1, 0.1, 0.1)), 1),
        "augmentation": (backbone, task.with_augment(gv.data.Augment(crop=1)), 1),
    }
    for other, given, views in others.values():
        with pytest.raises(AssertionError, match="it ran"):
            frozen_features(other, given, views=views)


def test_a_damaged_cache_is_made_again(task, cache):
    backbone = Backbone(small_network())
    first = frozen_features(backbone, task)
    (file,) = (cache / "features").glob("*.npz")
    file.write_bytes(file.read_bytes()[:200])
    assert torch.equal(frozen_features(backbone, task).task.x, first.task.x)
    assert np.load(file)["x"].shape == first.task.x.shape


def test_modes_are_put_back_and_statistics_stay(task):
    backbone = Backbone(small_network()).train()
    freeze(*backbone.blocks[0].modules)
    backbone.train()
    modes = [m.training for m in backbone.modules()]
    before = {n: t.clone() for n, t in backbone.state_dict().items()}
    frozen_features(backbone, task)
    assert [m.training for m in backbone.modules()] == modes
    assert all(torch.equal(t, before[n]) for n, t in backbone.state_dict().items())


def test_blocks_that_do_not_follow_one_another(task):
    class Joined(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = torch.nn.Conv2d(3, 3, 3, padding=1)
            self.second = torch.nn.Conv2d(3, 3, 3, padding=1)
            self.head = torch.nn.Linear(3, 2)

        def forward(self, x):
            return self.head((x + self.second(self.first(x))).mean((2, 3)))

    backbone = Backbone(Joined())
    assert frozen_features(backbone, task, 1) is None
    assert frozen_features(backbone, task) is not None
    with pytest.raises(ValueError, match=r"'views' must be 0 for a task without augmentation"):
        frozen_features(backbone, task.with_augment(None), views=1)
