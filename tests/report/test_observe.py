import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.report.observe import observe, trace, units


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


def test_hooks_and_modes_are_restored_after_an_error():
    task = gv.data.load("karate")
    model = gv.Sequential(gv.GCNConv(34, 4), Broken()).train()
    with pytest.raises(RuntimeError, match="broken"):
        trace(model, task.x, task.graph)
    assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks for module in model.modules())


def test_what_is_observed_is_what_was_measured(stdlib_run):
    task = stdlib_run.task
    seen = observe(task, stdlib_run.model)
    assert torch.equal(seen.prediction[seen.test], stdlib_run.best.prediction)
    assert torch.equal(seen.target[seen.test], stdlib_run.best.target)
    assert seen.hidden.shape == (task.graph.num_nodes, 8)
    assert seen.layer == "4"
