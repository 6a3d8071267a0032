import pytest
import torch
import torch.nn.functional as F
from torch import nn

import gnnvision as gv
from gnnvision.explain.tracing import (
    last_weighted,
    layers_and_blocks,
    leaf_layers,
    model_output,
    trace,
)

from .networks import Broken, Residual, hooks_of, molecule


def test_layers_in_the_order_they_ran_with_convolutions_whole():
    task = gv.data.load("karate")
    model = gv.models.classic_gcn(34, 8, 2, num_layers=2, norm="layer")
    output, calls = trace(model, task.x, task.graph)
    assert [call.name for call in calls] == [
        "0", "1.conv", "1.norm", "1.dropout", "2.conv", "2.norm", "2.dropout", "3"
    ]  # fmt: skip
    assert torch.equal(calls[-1].output, output)
    assert {"1.conv", "3"} <= {name for name, _ in leaf_layers(model)}
    assert last_weighted(calls) is calls[-1]


def test_hooks_and_modes_are_restored_after_an_error():
    task = gv.data.load("karate")
    model = gv.Sequential(gv.GCNConv(34, 4), Broken()).train()
    with pytest.raises(RuntimeError, match="broken"):
        trace(model, task.x, task.graph)
    assert all(module.training for module in model.modules())
    assert not hooks_of(model)


def test_what_is_overwritten_later_is_kept_as_it_was():
    """The sum and the ReLU of a residual block write over what a convolution returned."""
    model, x = Residual(2), torch.randn(1, 2, 6, 6)
    _, calls = trace(model, x, gv.Grid((6, 6)))
    found = {call.name: call.output for call in calls}
    first = F.conv2d(x, model.conv.weight, model.conv.bias, padding=1)
    again = F.conv2d(first.relu(), model.again.weight, model.again.bias, padding=2)
    torch.testing.assert_close(found["conv"], first)
    torch.testing.assert_close(found["again"], again)
    assert bool((found["conv"] < 0).any())


def test_what_is_not_kept_has_its_shape_alone():
    model, x = Residual(2), torch.randn(1, 2, 6, 6)
    _, calls = trace(model, x, gv.Grid((6, 6)), modules=layers_and_blocks(model), keep=("conv",))
    kept = {call.name for call in calls if call.output.device.type == "cpu"}
    assert kept == {"conv"}
    assert all(tuple(call.output.shape) == (1, 2, 6, 6) for call in calls)


def test_domains_of_a_network_for_images():
    model = gv.Sequential(
        gv.Conv2d(1, 4, 3), nn.ReLU(), gv.MaxPool2d(2), gv.Readout("mean"), nn.Linear(4, 3)
    )
    _, calls = trace(model, torch.randn(2, 1, 10, 8), gv.Grid((10, 8)))
    sizes = [c.layer.domain and c.layer.domain.shape for c in calls]
    assert sizes == [(8, 6), (8, 6), (4, 3), None, None]


def test_channels_last_are_noticed():
    class Permute(nn.Module):
        dims = (0, 2, 3, 1)

        def forward(self, x):
            return x.permute(self.dims)

    model = nn.Sequential(nn.Conv2d(3, 8, 4, 4), Permute(), nn.LayerNorm(8), nn.Linear(8, 16))
    model.append(nn.GELU())
    _, calls = trace(model, torch.randn(1, 3, 12, 20), gv.Grid((12, 20)))
    assert [call.layer.channel_dim for call in calls] == [1, -1, -1, -1, -1]
    assert {call.layer.domain.shape for call in calls} == {(3, 5)}


@pytest.mark.parametrize("smiles", ["CC", "C", "CCO", "c1ccccc1"])
def test_atoms_bonds_and_molecules_are_distinguished(smiles):
    """Also of ethane, which has as many atoms as directed bonds."""
    x, graph = molecule(smiles)
    model = gv.models.bond_network(5, 1, 8, bond_channels=4, depth=3)
    _, calls = trace(model, x, graph)
    found = {call.name: call.layer for call in calls}
    for name in ("0.atom", "0.atom_last", "0.message_last", "0.dropout"):
        assert found[name].domain is graph, name
    for name in ("0.bond", "0.conv"):
        assert found[name].domain is graph.line_graph, name
        assert found[name].edges_of is graph
    for name in ("1.readout", "1.norm", "1.mlp.1", "1.mlp.4", "1.mlp.5"):
        assert found[name].domain is None, name


def test_pooled_graphs():
    path = gv.Graph.from_edges([(i, i + 1) for i in range(7)], num_nodes=8, undirected=True)
    model = gv.Sequential(gv.GCNConv(2, 3), gv.GraphPool(2), nn.ReLU(), gv.GCNConv(3, 4))
    _, calls = trace(model, torch.randn(8, 2), path)
    coarse = model[1].out_domain(path)
    assert [call.layer.domain for call in calls] == [path, coarse, coarse, coarse]


def test_a_plain_network_is_called_without_a_domain():
    model = nn.Conv2d(1, 1, 3)
    x = torch.randn(1, 1, 5, 5)
    assert torch.equal(model_output(model, x, gv.Grid((5, 5))), model(x))
    with pytest.raises(TypeError, match="'model' must take node features and a graph"):
        model_output(nn.Linear(5, 2), *molecule("CO"))
