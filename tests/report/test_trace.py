import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.report.trace import last_weighted, trace, units


class Broken(nn.Module):
    def forward(self, x):
        raise RuntimeError("broken")


def test_layers_in_the_order_they_ran_with_convolutions_whole():
    task = gv.data.load("karate")
    model = gv.models.classic_gcn(34, 8, 2, num_layers=2, norm="layer")
    output, calls = trace(model, task.x, task.graph)
    assert [call.name for call in calls] == [
        "0", "1.conv", "1.norm", "1.dropout", "2.conv", "2.norm", "2.dropout", "3"
    ]  # fmt: skip
    assert torch.equal(calls[-1].output, output)
    assert {"1.conv", "3"} <= {name for name, _ in units(model)}
    assert last_weighted(calls) is calls[-1]


def test_hooks_and_modes_are_restored_after_an_error():
    task = gv.data.load("karate")
    model = gv.Sequential(gv.GCNConv(34, 4), Broken()).train()
    with pytest.raises(RuntimeError, match="broken"):
        trace(model, task.x, task.graph)
    assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks for module in model.modules())
