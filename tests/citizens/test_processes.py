"""DistributedDataParallel in two processes gives the gradients of one process."""

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.nn.parallel import DistributedDataParallel

import gnnvision as gv

KINDS = ("graphs", "images")


def problem(kind, half):
    """A network, and one half of the data: two graphs, or three images."""
    torch.manual_seed(0)
    if kind == "images":
        network = gv.models.lenet5(1, 3, 20)
        return network, torch.rand(6, 1, 20, 20).split(3)[half], None
    network = gv.models.molecule_gcn(3, 2, 4)
    graph = gv.Graph.from_edges([(0, 1), (1, 2), (2, 3)], num_nodes=4, undirected=True)
    return network, torch.rand(16, 3).split(8)[half], gv.Graph.batch([graph, graph])


def gradients(network, x, domain):
    output = network(x) if domain is None else network(x, domain)
    output.square().mean().backward()
    return [p.grad for p in network.parameters()]


def work(rank, kind, folder):
    dist.init_process_group("gloo", f"file://{folder}/{kind}", rank=rank, world_size=2)
    network, x, domain = problem(kind, rank)
    found = gradients(DistributedDataParallel(network), x, domain)
    torch.save(found, f"{folder}/{kind}-{rank}")
    dist.destroy_process_group()


def work_on_all(rank, folder):
    torch.set_num_threads(1)
    for kind in KINDS:
        work(rank, kind, folder)


@pytest.mark.slow
def test_two_processes(tmp_path):
    mp.spawn(work_on_all, (str(tmp_path),), nprocs=2)
    torch.set_default_dtype(torch.float32)
    for kind in KINDS:
        halves = [gradients(*problem(kind, half)) for half in (0, 1)]
        for rank in (0, 1):
            found = torch.load(tmp_path / f"{kind}-{rank}")
            for got, first, second in zip(found, *halves, strict=True):
                torch.testing.assert_close(got, (first + second) / 2, rtol=1e-4, atol=1e-6)
