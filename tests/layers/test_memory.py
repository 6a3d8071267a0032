"""Weights lie in memory as everybody's code expects them, and as training reads them."""

import warnings

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.utils import parameters_to_vector, prune, vector_to_parameters

import gnnvision as gv
from gnnvision.layers.memory import as_made, quick, quick_filters, quick_linears

from ..graphs import undirected

LAYERS = {
    "GCN": lambda: gv.GCNConv(4, 3),
    "Cheb": lambda: gv.ChebConv(4, 3, K=2),
    "SAGE": lambda: gv.SAGEConv(4, 3),
    "GATv2": lambda: gv.GATv2Conv(4, 3, heads=2),
    "GIN": lambda: gv.GINConv(nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))),
    "RGCN": lambda: gv.RGCNConv(4, 3, num_relations=3),
    "tuned GCN": lambda: gv.models.classic_gcn(4, 5, 3, residual=True, dropout=0.0),
    "message passing": lambda: gv.models.bond_network(4, 3, 6, bond_channels=2),
}


@pytest.fixture(params=LAYERS)
def layer(request):
    return LAYERS[request.param]().eval()


def test_weights_can_be_saved_flattened_and_pruned(layer, tmp_path):
    graph, x = undirected(), torch.randn(5, 4)
    before = layer(x, graph)
    save_file(layer.state_dict(), tmp_path / "weights.safetensors")
    layer.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    flat = parameters_to_vector(layer.parameters())
    vector_to_parameters(flat.clone(), layer.parameters())
    torch.testing.assert_close(layer(x, graph), before)
    holder = next(m for m in layer.modules() if "weight" in m._parameters)
    prune.l1_unstructured(holder, "weight", amount=1)
    assert int((holder.weight == 0).sum()) == 1


def test_an_optimizer_that_flattens_gradients(layer):
    graph, x = undirected(), torch.randn(5, 4)
    optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=5)
    losses = []

    def closure():
        optimizer.zero_grad()
        loss = layer(x, graph).square().mean()
        loss.backward()
        losses.append(loss.item())
        return loss

    optimizer.step(closure)
    assert losses[-1] < losses[0]
    sparse = x.to_sparse_csr()
    if not isinstance(layer, gv.Sequential):
        layer(sparse, graph).sum().backward()


def test_in_any_memory_a_layer_says_the_same(layer):
    graph, x = undirected(), torch.randn(5, 4)
    before = layer(x, graph)
    quick_linears(layer)
    torch.testing.assert_close(layer(x, graph), before)
    as_made(layer)
    assert all(p.is_contiguous() for p in layer.parameters())
    torch.testing.assert_close(layer(x, graph), before)


@pytest.mark.parametrize("kind", ["GCN", "Cheb", "GATv2"])
def test_a_seed_draws_the_same_in_any_memory(kind):
    made, again = LAYERS[kind](), LAYERS[kind]()
    quick_linears(again)
    for layer in (made, again):
        torch.manual_seed(0)
        layer.reset_parameters()
    for a, b in zip(made.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


def test_filters_are_put_back():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3))
    weight = model[0].weight.data
    with quick(model):
        assert model[0].weight.is_contiguous(memory_format=torch.channels_last)
        assert not model[0].weight.is_contiguous()
    assert model[0].weight.data_ptr() == weight.data_ptr()
    quick_filters(model)
    as_made(model)
    assert all(p.is_contiguous() for p in model.parameters())


@pytest.mark.parametrize("name", LAYERS)
def test_quantized_layers_say_almost_the_same(name):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = gv.Sequential(LAYERS[name]()).float().eval()
        x = torch.randn(5, 4, dtype=torch.float32)
    given = undirected()
    columns = {"edge_attr": given.edge_attr.float(), "edge_type": given.edge_type}
    graph = gv.Graph(given.edge_index, 5, **columns, num_relations=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch recommends another package
        small = torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)
        got = small(x, graph)
    expected = model(x, graph)
    assert (got - expected).abs().max().item() < 0.05 * expected.abs().max().item()
