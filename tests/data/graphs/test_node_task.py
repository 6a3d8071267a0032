import time
from dataclasses import fields

import pytest
import torch

from gnnvision.data import NodeTask, Split, Task
from gnnvision.domains import Graph

from .. import made


@pytest.fixture
def make():
    def make(**changes):
        graph = Graph(torch.tensor([[0, 1], [1, 0]]), num_nodes=20)
        values = {
            "name": "tiny",
            "requested": "Tiny",
            "kind": "classification",
            "in_channels": 3,
            "num_outputs": 2,
            "class_names": ("a", "b"),
            "split": Split("public", [0, 1], [2, 3], [4, 19]),
            "card": made.card(),
            "data_hash": "0" * 64,
            "x": torch.rand(20, 3),
            "graph": graph,
            "y": torch.arange(20) % 2,
        }
        return NodeTask(**(values | changes))

    return make


@pytest.mark.parametrize(
    ("part", "nodes"), [("train", [0, 1]), ("val", [2, 3]), ("test", [4, 19])]
)
def test_labels_outside_the_part_are_minus_100(make, part, nodes):
    task = make()
    ((x, graph, y),) = task.batches(part)
    assert x is task.x
    assert graph is task.graph
    assert (y >= 0).nonzero().flatten().tolist() == nodes
    assert y[nodes].equal(task.y[nodes])
    assert (y[y < 0] == -100).all()


def test_every_epoch_gets_the_very_same_tensors(make):
    task = make()
    first, second = (next(task.batches("train")) for _ in range(2))
    assert all(a is b for a, b in zip(first, second, strict=True))
    begin = time.perf_counter()
    for _ in range(1000):
        next(task.batches("train"))
    assert time.perf_counter() - begin < 0.1


def test_what_a_report_needs(make):
    task = make()
    assert isinstance(task, Task)
    assert (task.num_classes, task.num_outputs) == (2, 2)
    assert task.split_name == "public"
    with pytest.raises(AttributeError):
        task.name = "other"


def test_a_part_that_does_not_exist(make):
    with pytest.raises(
        ValueError, match="'split' must be one of 'train', 'val', 'test', got 'dev'"
    ):
        make().batches("dev")


def test_the_nodes_of_one_graph_are_one_batch_whatever_is_asked(make):
    task = make()
    (whole,) = task.batches("train")
    (asked,) = task.batches("train", batch_size=64, epoch=3)
    assert all(a is b for a, b in zip(whole, asked, strict=True))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"x": torch.rand(19, 3)}, r"'x' must have shape \(N=20, in_channels=3\), got \(19, 3\)"),
        ({"in_channels": 4}, r"'x' must have shape \(N=20, in_channels=4\)"),
        ({"y": torch.zeros(20)}, "'y' must be int64 .* got torch.float32"),
        ({"y": torch.zeros(3, dtype=torch.int64)}, r"'y' must be int64 of shape \(N=20,\)"),
        (
            {"split": Split("public", [20], [], [])},
            "'train' must contain only indices below 20, got 20",
        ),
    ],
)
def test_sizes_that_disagree(make, changes, fault):
    with pytest.raises(ValueError, match=fault):
        make(**changes)


def test_with_seed_redraws_a_random_split_only(make):
    public = make()
    assert public.with_seed(7) is public
    random = make(split=Split("random", [0], [1], [2]))
    seven = random.with_seed(7)
    assert seven.split.sizes == {"train": 4, "val": 3, "test": 5}
    assert seven.seed == 7
    assert seven.split == random.with_seed(7).split
    assert seven.split != random.with_seed(8).split
    assert seven.x is random.x
    (_, _, y) = next(seven.batches("test"))
    assert (y >= 0).nonzero().flatten().tolist() == seven.split.test.tolist()


def test_to_a_device(make):
    task = make()
    assert task.to("cpu") is task
    there = task.to("meta")
    x, graph, y = next(there.batches("val"))
    assert {x.device.type, graph.edge_index.device.type, y.device.type} == {"meta"}
    assert there.split is task.split


def test_former_names_of_methods(make):
    task = make()
    assert task.coarse() is task
    assert task.concerns() == task.data_warnings()
    assert task.target_moments is None
    model = torch.nn.Linear(3, 2)
    assert task.answer(model, task.x, task.graph).equal(task.predict(model, task.x, task.graph))
    ((_, _, y),) = task.batches(part="val")
    assert (y >= 0).nonzero().flatten().tolist() == [2, 3]


def test_a_task_of_a_script_may_override_methods_by_their_former_names(make):
    class Doubled(NodeTask):
        def answer(self, model, x, domain):
            return 2 * super().answer(model, x, domain)

        def concerns(self):
            return ["a concern"]

    plain = make()
    task = Doubled(**{f.name: getattr(plain, f.name) for f in fields(plain) if f.init})
    model = torch.nn.Linear(3, 2)
    once = plain.predict(model, plain.x, plain.graph)
    assert task.predict(model, task.x, task.graph).equal(2 * once)
    assert task.data_warnings() == ["a concern"]
