"""Threads: one for small signals, and everything put back."""

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.training.threads import MANY_VALUES, largest_signal, threads_for


def test_the_largest_signal_counts_what_is_stored():
    graph = gv.Graph.from_edges([(0, 1)], num_nodes=1000)
    model = gv.models.gcn(50, 4, 3).train()
    sparse = torch.zeros(1000, 50).index_fill(1, torch.tensor([0]), 1.0).to_sparse_coo()
    assert largest_signal(model, sparse, graph) == 4000
    assert largest_signal(model, sparse.to_dense(), graph) == 50_000
    assert model.training
    assert not any(m._forward_hooks for m in model.modules())


def test_hooks_go_and_the_mode_returns_after_an_error():
    model = nn.Linear(4, 2).train()
    with pytest.raises(RuntimeError):
        largest_signal(model, torch.zeros(2, 3), gv.Grid(3))
    assert model.training
    assert not model._forward_hooks


@pytest.mark.parametrize(
    ("size", "expected"), [(10, 1), (MANY_VALUES - 1, 1), (MANY_VALUES, 2), (10**9, 2)]
)
def test_threads_inside_and_after(size, expected):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with threads_for(size):
            assert torch.get_num_threads() == expected
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_module_that_was_frozen_in_evaluation_mode_stays_so():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).train()
    model[1].eval()
    largest_signal(gv.Sequential(*model), torch.zeros(2, 1, 5, 5), gv.Grid((5, 5)))
    assert not model[1].training
    assert model[0].training
