"""The parts that processes have of a batch, for every kind of task."""

import pytest
import torch

import gnnvision as gv
from gnnvision.data.batching import own_part, split_into_batches
from gnnvision.data.images import Augment
from gnnvision.transfer.feature_task import FeatureTask

EVERY = Augment(
    crop=1, flip="random", rotation=20, brightness=0.3, hue=0.1, cutout=2, resized_crop=(0.4, 1.0)
)


def images(augment=EVERY):
    numbers = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (53, 3, 8, 8), dtype=torch.uint8, generator=numbers)
    return gv.data.from_tensors(pixels, torch.arange(53) % 3, augment=augment)


def graphs():
    rings = [
        gv.Graph.from_edges([(i, (i + 1) % n) for i in range(n)], n, undirected=True)
        for n in range(3, 56)
    ]
    features = [torch.randn(ring.num_nodes, 2) for ring in rings]
    return gv.data.GraphTask.from_graphs(rings, [n % 3 for n in range(53)], features)


def features():
    source = images()
    rows = torch.full((53,), -1)
    rows[torch.tensor(source.split.train.tolist())] = torch.arange(len(source.split.train))
    views = torch.randn(2, len(source.split.train), 5)
    return FeatureTask.of(source, torch.randn(53, 5), views, rows)


TASKS = {
    "images": images,
    "alternating flips": lambda: images(Augment(flip="alternating")),
    "reconstruction": lambda: images().reconstruction(),
    "graphs": graphs,
    "features": features,
}


def batches(task, split, size, share=(0, 1), shuffled=True):
    generator = torch.Generator().manual_seed(5) if shuffled else None
    return list(task.batches(split, size, generator, 1, share=share))


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize(("processes", "size"), [(2, 6), (3, 4), (4, 3)])
def test_the_shares_of_a_batch_are_the_batch_of_one_process(kind, processes, size):
    task = TASKS[kind]()
    whole = batches(task, "train", processes * size)
    own = [batches(task, "train", size, (rank, processes)) for rank in range(processes)]
    for (x, _, y), *parts in zip(whole, *own, strict=True):
        assert torch.cat([part[0] for part in parts]).equal(x)
        assert torch.cat([part[2] for part in parts]).equal(y)
        lengths = [len(part[2]) for part in parts]
        assert max(lengths) - min(lengths) <= 1


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("split", ["val", "test"])
def test_the_shares_of_a_split_are_the_split_in_order(kind, split):
    task = TASKS[kind]()
    whole = batches(task, split, 2, shuffled=False)
    own = [batches(task, split, 2, (rank, 3), shuffled=False) for rank in range(3)]
    for place in (0, 2):
        joined = [batch[place] for share in own for batch in share]
        assert torch.cat(joined).equal(torch.cat([batch[place] for batch in whole]))


@pytest.mark.parametrize("count", range(4, 40))
def test_every_process_has_an_item_of_each_batch(count):
    found = split_into_batches(torch.arange(count), 3, 4)
    assert torch.cat(found).equal(torch.arange(count))
    for batch in found:
        parts = [batch[own_part(len(batch), (rank, 4))] for rank in range(4)]
        assert torch.cat(parts).equal(batch)
        assert {len(part) for part in parts} <= {len(batch) // 4, -(-len(batch) // 4)}
        assert min(map(len, parts)) > 0


def test_fewer_items_than_processes_are_refused():
    with pytest.raises(ValueError, match="'split' must have a training item for each of the 4"):
        split_into_batches(torch.arange(3), 3, 4)


@pytest.mark.parametrize("make", [lambda task: task, gv.data.to_links])
def test_a_graph_that_is_one_batch_is_not_shared(make):
    task = make(gv.data.load("karate"))
    with pytest.raises(
        ValueError, match=r"'share' must be \(0, 1\) for a graph that is one batch"
    ):
        list(task.batches("train", share=(0, 2)))
