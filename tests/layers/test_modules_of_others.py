"""Modules of every make: called as by hand, trained, explained, summarized, loaded again."""

import copy
import pickle
from dataclasses import replace

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision import explain, transfer

from ..training.tasks import pictures, rings

pytestmark = pytest.mark.slow

pg = pytest.importorskip("torch_geometric.nn")
torchvision = pytest.importorskip("torchvision")

GRID = gv.Grid((8, 8))


@pytest.fixture(autouse=True)
def _double():
    """float32, as tasks have it."""


class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = gv.GCNConv(4, 4)

    def forward(self, x, domain):
        return self.conv(x, domain).relu()


class OwnOptional(Own):
    def forward(self, x, graph=None):
        return super().forward(x, graph)


class OwnKeyword(Own):
    def forward(self, x, scale=1.0, *, where: "gv.Graph"):
        return scale * super().forward(x, where)


class OwnRequired(Own):
    def forward(self, x, g):
        return super().forward(x, g)


class Flag(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin, self.other = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x, return_features=False):
        return self.other(x) if return_features else self.lin(x)


class Mask(Flag):
    def forward(self, x, mask=None):
        return super().forward(x, mask is not None)


class Listed(nn.ModuleList):
    def forward(self, x, domain):
        for layer in self:
            x = layer(x, domain)
        return x


class Columns(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = pg.GraphConv(4, 4)

    def forward(self, x, edge_index, edge_weight=None):
        return self.conv(x, edge_index, edge_weight).relu()


def with_domain(layer, x, graph):
    return layer(x, graph)


def alone(layer, x, graph):
    return layer(x)


def with_edges(layer, x, graph):
    return layer(x, graph.edge_index)


def with_weights(layer, x, graph):
    return layer(x, graph.edge_index, graph.edge_weight)


def with_batch(layer, x, graph):
    return layer(x, graph.graph_index)


def chain(layer, x, graph):
    return layer[1](layer[0](x, graph))


def chain_of_peers(layer, x, graph):
    return layer[1](with_weights(layer[0], x, graph))


ON_GRAPHS = {
    "our layer": (lambda: gv.GCNConv(4, 4), with_domain),
    "gv.Sequential": (lambda: gv.Sequential(gv.GCNConv(4, 4), nn.ReLU()), chain),
    "nn.Sequential": (lambda: nn.Sequential(gv.GCNConv(4, 4), nn.ReLU()), chain),
    "nested twice": (
        lambda: nn.Sequential(nn.Sequential(gv.GCNConv(4, 4), nn.ReLU()), nn.Tanh()),
        lambda layer, x, graph: chain(layer[0], x, graph).tanh(),
    ),
    "peer in nn.Sequential": (lambda: nn.Sequential(pg.GCNConv(4, 4), nn.ReLU()), chain_of_peers),
    "gv.EdgeConv": (lambda: gv.EdgeConv(nn.Linear(8, 4)), with_domain),
    "gv.MaxPropagation": (gv.MaxPropagation, with_domain),
    "gv.GraphNorm": (lambda: gv.GraphNorm(4), with_domain),
    "forward(x, domain)": (Own, with_domain),
    "forward(x, graph=None)": (OwnOptional, with_domain),
    "annotated keyword": (OwnKeyword, lambda layer, x, graph: layer(x, where=graph)),
    "forward(x, g)": (OwnRequired, with_domain),
    "a flag": (Flag, alone),
    "a mask": (Mask, alone),
    "a list with forward": (lambda: Listed([gv.GCNConv(4, 4), gv.GCNConv(4, 4)]), with_domain),
    "forward(x, edge_index)": (Columns, with_weights),
    "pg.GCNConv": (lambda: pg.GCNConv(4, 4), with_weights),
    "pg.SAGEConv": (lambda: pg.SAGEConv(4, 4), with_edges),
    "pg.GATConv": (lambda: pg.GATConv(4, 4), with_edges),
    "pg.GraphNorm": (lambda: pg.GraphNorm(4), with_batch),
    "pg.InstanceNorm": (lambda: pg.InstanceNorm(4), with_batch),
    "pg.BatchNorm": (lambda: pg.BatchNorm(4), alone),
    "pg.Sequential": (
        lambda: pg.Sequential("x, edge_index", [(pg.GCNConv(4, 4), "x, edge_index -> x")]),
        with_edges,
    ),
    "pg.models.GIN": (lambda: pg.models.GIN(4, 4, 2, 4), with_edges),
    "pg.MLP": (lambda: pg.MLP([4, 4, 4], norm="graph_norm"), with_batch),
}


def graph_net(make):
    torch.manual_seed(0)
    layers = (gv.GCNConv(4, 4), make(), nn.Tanh(), gv.Readout("mean"), nn.Linear(4, 1))
    return gv.Sequential(*layers)


class Images(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = gv.Conv2d(1, 4, 3)
        self.other, self.head = nn.Linear(4, 2), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.conv(x).relu().mean((2, 3)))


class ImagesAndFlag(Images):
    def forward(self, x, return_features=False):
        features = self.conv(x).relu().mean((2, 3))
        return features if return_features else self.head(features)


class ImagesOnGrid(Images):
    def forward(self, x, grid: gv.Grid):
        assert grid == GRID
        return super().forward(x)


def resnet():
    net = torchvision.models.resnet18(num_classes=2)
    net.conv1 = nn.Conv2d(1, 64, 3, bias=False)
    return net


ON_IMAGES = {
    "forward(x)": (Images, alone),
    "forward(x, return_features=False)": (ImagesAndFlag, alone),
    "forward(x, grid)": (ImagesOnGrid, with_domain),
    "nn.Sequential of ours": (
        lambda: nn.Sequential(gv.Conv2d(1, 4, 3), nn.ReLU(), gv.Readout(), nn.Linear(4, 2)),
        alone,
    ),
    "resnet18": (resnet, alone),
}


def image_net(make):
    torch.manual_seed(0)
    return make()


def graphs():
    task = replace(rings(40, missing=False), in_channels=4)
    return replace(task, signals=[torch.cat([x, x * x], 1) for x in task.signals])


CASES = [(kind, *case, graph_net) for kind, case in ON_GRAPHS.items()]
CASES += [(kind, *case, image_net) for kind, case in ON_IMAGES.items()]


@pytest.fixture(params=CASES, ids=[case[0] for case in CASES])
def case(request):
    """A network, a task for it, a batch, and the layer that is of another make by hand."""
    _, make, by_hand, build = request.param
    task = graphs() if build is graph_net else pictures(16)
    x, domain, _ = next(task.batches("train", 4))
    return build(make), task, x, domain, by_hand


def test_it_is_called_as_by_hand(case):
    net, _, x, domain, by_hand = case
    net.eval()
    if isinstance(domain, gv.Grid):
        expected = by_hand(net, x, domain)
        torch.testing.assert_close(gv.Sequential(net)(x, domain), expected)
        return
    first, layer, last, readout, head = net
    expected = head(readout(last(by_hand(layer, first(x, domain), domain)), domain))
    torch.testing.assert_close(net(x, domain), expected)
    assert net[:3].out_domain(domain) is domain


def test_it_trains(case):
    net, task, *_ = case
    before = copy.deepcopy(net.state_dict())
    recipe = gv.Recipe(epochs=1, batch_size=16, lr=0.01)
    trained = gv.fit(net, task, recipe, progress=False).model
    assert any(not torch.equal(v, before[name]) for name, v in trained.state_dict().items())


def test_it_is_explained(case):
    net, _, x, domain, by_hand = case
    found = explain.attribute(net, x, domain, "gradient", target=0)
    signal = x.clone().requires_grad_()
    net.eval()
    with torch.enable_grad():
        output = (
            net(signal, domain) if isinstance(domain, gv.Graph) else by_hand(net, signal, domain)
        )
        gradient = torch.autograd.grad(output[:, 0].sum(), signal)[0].abs().amax(1).flatten()
    torch.testing.assert_close(found.values.flatten(), gradient)
    assert explain.attribute(net, x, domain, "occlusion", target=0).values.isfinite().all()


def test_it_has_feature_maps(case):
    net, _, x, domain, by_hand = case
    layer = "1" if isinstance(domain, gv.Graph) else ("conv1" if hasattr(net, "conv1") else None)
    layer = layer or ("conv" if hasattr(net, "conv") else "0")
    maps = explain.feature_maps(net, x, domain, layer)
    net.eval()
    if isinstance(domain, gv.Graph):
        expected = by_hand(net[1], net[0](x, domain), domain).T[None]
    else:
        expected = net.get_submodule(layer)(x).flatten(2)
    torch.testing.assert_close(maps.values, expected.detach())


def test_it_is_summarized(case):
    net, _, x, domain, _ = case
    found = gv.summary(net, domain, channels=x.shape[1])
    assert found.total_parameters == sum(p.numel() for p in net.parameters())


def test_it_is_loaded_again(case):
    net, _, x, domain, _ = case
    run = net.eval() if isinstance(domain, gv.Graph) else gv.Sequential(net).eval()
    other = copy.deepcopy(run)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    other.load_state_dict(run.state_dict())
    for model in (other, pickle.loads(pickle.dumps(run))):
        torch.testing.assert_close(model(x, domain), run(x, domain))


def test_it_is_a_backbone(case):
    net, _, x, domain, _ = case
    backbone = transfer.Backbone(net)
    backbone.reset_head(3)
    assert backbone.features(x, domain).shape[0] == backbone(x, domain).shape[0] > 1
    assert backbone(x, domain).shape[1] == 3


class Block(nn.Sequential):
    def __init__(self, conv):
        super().__init__(conv, nn.ReLU())


def test_a_class_of_its_own_that_drops_the_graph_is_refused():
    asked = "'module' must pass the domain to its layers, got Block, .* Derive Block from gv.Seq"
    x, graph, _ = next(graphs().batches("train", 4))
    for conv in (gv.GCNConv(4, 4), pg.GCNConv(4, 4), Own(), nn.Sequential(Own())):
        for net in (gv.Sequential(Block(conv)), gv.Sequential(nn.Sequential(Block(conv)))):
            with pytest.raises(TypeError, match=asked):
                net(x, graph)
    images, x = Block(gv.Conv2d(1, 4, 3)), torch.randn(2, 1, 8, 8)
    torch.testing.assert_close(gv.Sequential(images)(x, GRID), images(x))


def test_hooks_and_names_of_a_nested_sequential_stay():
    inner = nn.Sequential(gv.GCNConv(4, 4), nn.ReLU())
    names, seen = list(inner.state_dict()), []
    inner.register_forward_hook(lambda module, inputs, output: seen.append((module, output)))
    task = graphs()
    x, graph, _ = next(task.batches("train", 4))
    net = gv.Sequential(inner)
    y = net(x, graph)
    assert net[0] is inner
    assert seen == [(inner, y)]
    assert list(inner.state_dict()) == names
    assert isinstance(inner, gv.Sequential)
    late = gv.Sequential(nn.ReLU())
    late.insert(0, nn.Sequential(gv.GCNConv(4, 4)))
    assert late(x, graph).shape == x.shape
    plain = nn.Sequential(nn.Linear(4, 4))
    gv.Sequential(plain)
    assert type(plain) is nn.Sequential


POOLING = {
    "TopKPooling": lambda: pg.TopKPooling(4),
    "SAGPooling": lambda: pg.SAGPooling(4),
    "SAGPooling of GCNConv": lambda: pg.SAGPooling(4, GNN=gv.GCNConv),
    "SAGPooling of GraphConv": lambda: pg.SAGPooling(4, GNN=gv.GraphConv),
    "SAGPooling of GATConv": lambda: pg.SAGPooling(4, GNN=gv.GATConv),
    "SAGPooling of SAGEConv": lambda: pg.SAGPooling(4, GNN=gv.SAGEConv),
    "ASAPooling of GraphConv": lambda: pg.ASAPooling(4, GNN=gv.GraphConv),
    "ASAPooling": lambda: pg.ASAPooling(4),
    "EdgePooling": lambda: pg.EdgePooling(4),
    "ClusterPooling": lambda: pg.ClusterPooling(4),
}


@pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning")
@pytest.mark.parametrize("make", POOLING.values(), ids=POOLING)
def test_pooling_of_torch_geometric_gives_the_next_layers_its_graph(make):
    torch.manual_seed(0)
    task = graphs()
    x, graph, _ = next(task.batches("train", 4))
    pool, conv = make().eval(), pg.GCNConv(4, 4)
    net = gv.Sequential(pool, conv, nn.ReLU(), gv.Readout("mean"), nn.Linear(4, 1)).eval()
    given = {"batch": graph.graph_index}
    out = pool(x, graph.edge_index, **given)
    named = ("edge_weight", out[2]) if isinstance(pool, pg.ASAPooling) else ("edge_weight", None)
    batch = out[3] if len(out) > 4 else out[2]
    y = conv(out[0], out[1], **dict([named])).relu()
    expected = net[4](pg.global_mean_pool(y, batch, graph.num_graphs))
    torch.testing.assert_close(net(x, graph), expected)
    gv.fit(net, task, gv.Recipe(epochs=1, batch_size=16, lr=0.01), progress=False)
    assert explain.attribute(net, x, graph, "gradient", target=0).values.isfinite().all()
    with pytest.raises(ValueError, match=r"on Graph.* is unknown: it depends on the signal"):
        net.out_domain(graph)


def test_selected_nodes_keep_the_columns_of_their_edges():
    graph = gv.Graph.from_edges([(0, 1), (1, 2), (2, 3)], num_nodes=4, undirected=True)
    weighted = gv.Graph(graph.edge_index, 4, edge_weight=torch.rand(6), edge_attr=torch.rand(6, 2))
    pool, conv, x = pg.TopKPooling(4, ratio=3), gv.GCNConv(4, 2), torch.randn(4, 4)
    y, edge_index, attributes, _, perm, _ = pool(x, weighted.edge_index, weighted.edge_attr)
    kept = weighted.subgraph(perm)
    torch.testing.assert_close(kept.edge_attr, attributes)
    torch.testing.assert_close(kept.edge_index, edge_index)
    assert kept.num_edges > 0
    torch.testing.assert_close(gv.Sequential(pool, conv)(x, weighted), conv(y, kept))


def test_several_outputs_of_another_layer_are_refused():
    task = graphs()
    x, graph, _ = next(task.batches("train", 4))
    net = gv.Sequential(pg.MemPooling(4, 4, 2, 2), gv.Readout())
    with pytest.raises(TypeError, match="must return one tensor, got tuple from MemPooling"):
        net(x, graph)
