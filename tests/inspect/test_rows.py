"""What operations that are no layers do to the rows of nodes."""

from math import inf, isnan, nan

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import gnnvision as gv
from gnnvision.layers import OnDomain

from .networks import path
from .test_hops import depends, told


class Apply(nn.Module, OnDomain):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x, graph):
        return self.function(x, graph)

    def out_domain(self, domain):
        return domain


def messages(x, graph):
    """As torch-geometric passes them."""
    source, target = graph.edge_index
    index = target[:, None].expand(-1, x.shape[1])
    return torch.zeros_like(x).scatter_add(0, index, x[source])


FUNCTIONS = {
    "itself": (lambda x, g: F.normalize(x.relu() * 2 + 1, dim=-1), 0),
    "joined": (lambda x, g: torch.cat([x, x * 2], 1)[:, 1:4].softmax(1)[:, :1], 0),
    "heads": (lambda x, g: (x.view(-1, 3, 1) * x.view(-1, 1, 3)).sum(2), 0),
    "stacked": (lambda x, g: torch.stack([x, x.sin()]).sum(0), 0),
    "stacked beside": (lambda x, g: torch.stack([x, x.sin()], -1).amax(-1), 0),
    "some rows": (lambda x, g: x[2:7:2], 0),
    "matrix of the graph": (lambda x, g: g.adjacency() @ x, 1),
    "gathered and added": (
        lambda x, g: torch.zeros_like(x).index_add(0, g.edge_index[1], x[g.edge_index[0]]),
        1,
    ),
    "messages": (messages, 1),
    "messages twice": (lambda x, g: messages(messages(x, g), g) + x, 2),
    "less the mean": (lambda x, g: x - x.mean(0) / 2, inf),
    "over nodes": (lambda x, g: x.softmax(0), inf),
    "attention": (lambda x, g: (x @ x.T).softmax(1) @ x, inf),
    "of the batch": (lambda x, g: F.batch_norm(x, None, None, training=True), inf),
    "solved": (lambda x, g: torch.linalg.pinv(x).T, None),
    "moved": (lambda x, g: x.flip(0), nan),
    "running sum": (lambda x, g: x.flip(0).cumsum(0).flip(0) + x.cumsum(0), inf),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    """None: it is not known."""
    function, expected = FUNCTIONS[name]
    model, graph = Apply(function), path(10)
    if expected is None:
        reach = gv.summary(model, graph, 3).network.reach
        assert isnan(reach.hops)
        assert reach.mask((0, 0)) is None
        assert str(reach) == "? hops"
        return
    hops, mask = told(model, graph, 3)
    assert hops == expected or (isnan(hops) and isnan(expected))
    assert torch.equal(mask, depends(model, graph, torch.rand(10, 3) + 0.1))
