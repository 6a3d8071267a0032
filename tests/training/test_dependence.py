"""How many hops a network depends on, and training on frontiers."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import gnnvision as gv
from gnnvision.training.dependence import hops_of_model

torch.manual_seed(0)
N, C = 400, 12
HALF = torch.randint(0, N, (2, 450))
GRAPH = gv.Graph(torch.cat([HALF, HALF.flip(0)], 1), N)
TASK = gv.data.NodeTask(
    name="random", kind="classification", in_channels=C, num_outputs=3,
    class_names=("a", "b", "c"), x=torch.randn(N, C), graph=GRAPH,
    y=torch.randint(0, 3, (N,)),
    split=gv.data.Split("own", range(0, 20), range(20, 60), range(60, 160)),
)  # fmt: skip


class Own(nn.Module):
    """A network whose forward may depend on all nodes."""

    def __init__(self, what):
        super().__init__()
        self.convs = nn.ModuleList([gv.GCNConv(C, 8), gv.GCNConv(8, 3)])
        self.norm = nn.BatchNorm1d(8) if what == "norm" else None
        self.what = what

    def forward(self, x, graph):
        h = F.dropout(self.convs[0](x, graph).relu(), 0.5, self.training)
        if self.norm is not None:
            h = self.norm(h)
        if self.what == "mean":
            h = h - h.mean(0)
        if self.what == "edges":
            h = h + graph.edge_index.shape[1]
        return self.convs[1](h, graph)


@pytest.mark.parametrize(
    ("model", "hops"),
    [
        (gv.models.gcn(C, 8, 3), 2),
        (gv.Sequential(gv.Dropout(), nn.Linear(C, 3)), 0),
        (gv.Sequential(gv.TAGConv(C, 8, K=3), nn.ELU(), gv.GATConv(8, 3, dropout=0.6)), 4),
        (gv.Sequential(nn.Linear(C, 3), gv.APPNP(K=5, alpha=0.1, dropout=0.5)), 5),
        (gv.Sequential(gv.GCNConv(C, 8), nn.LayerNorm(8), gv.GCNConv(8, 3)), 2),
        (gv.Sequential(gv.GCNConv(C, 8), nn.BatchNorm1d(8), gv.GCNConv(8, 3)), None),
        (gv.Sequential(gv.GCNConv(C, 8), gv.GraphNorm(8), gv.GCNConv(8, 3)), None),
        (Own("nothing"), 2),
        (Own("norm"), None),
        (Own("mean"), None),
        (Own("edges"), None),
    ],
)
def test_the_number_of_hops_that_a_model_depends_on(model, hops):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    drawn = torch.get_rng_state()
    assert hops_of_model(model, TASK) == hops
    torch.testing.assert_close(dict(model.state_dict()), before)
    assert torch.equal(torch.get_rng_state(), drawn)


def test_a_closed_component_is_compared_with_the_whole_graph():
    ring = gv.Graph.from_edges([(0, 1), (1, 2), (2, 0)], num_nodes=3, undirected=True)
    two = gv.Graph.batch([ring, ring])
    task = gv.data.NodeTask(
        name="rings", kind="classification", in_channels=C, num_outputs=2, class_names=("a", "b"),
        x=torch.randn(6, C), graph=two, y=torch.tensor([0, 1, 0, 1, 0, 1]),
        split=gv.data.Split("own", range(0, 2), range(2, 3), range(3, 6)),
    )  # fmt: skip
    model = gv.Sequential(gv.GCNConv(C, 4), nn.BatchNorm1d(4), gv.GCNConv(4, 2))
    assert hops_of_model(model, task) is None


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_loss_and_gradients_are_those_of_the_whole_graph(part):
    model = gv.models.gcn(C, 8, 3).eval().double()
    task = replace(TASK, x=TASK.x.double())
    results = []
    for each in (task, replace(task, hops=2)):
        x, domain, y = next(iter(each.batches(part)))
        loss = F.cross_entropy(model(x, domain), y, ignore_index=-100)
        results.append((loss, torch.autograd.grad(loss, list(model.parameters()))))
    torch.testing.assert_close(results[1], results[0])
    assert len(y) == len(getattr(TASK.split, part)) < N


def test_every_call_yields_the_same_tensors():
    task = replace(TASK, hops=2)
    first, again = (next(iter(task.batches("train"))) for _ in range(2))
    assert all(a is b for a, b in zip(first, again, strict=True))


def test_unlabeled_nodes_of_a_split_are_not_wanted():
    y = TASK.y.clone()
    y[:5] = -100
    x, frontier, labels = next(iter(replace(TASK, y=y, hops=1).batches("train")))
    assert frontier.wanted.tolist() == list(range(5, 20))
    assert torch.equal(labels, y[5:20])
    assert torch.equal(x, TASK.x[frontier.nodes])


def test_a_frontier_of_nearly_all_nodes_is_the_whole_graph():
    split = gv.data.Split("own", range(390), range(390, 395), range(395, 400))
    task = replace(TASK, split=split, hops=2)
    x, domain, y = next(iter(task.batches("train")))
    assert x is TASK.x
    assert domain is GRAPH
    assert int((y == -100).sum()) == 10
    assert not task.is_labeled("train")


def test_hops_must_be_a_number():
    with pytest.raises(ValueError, match="'hops'"):
        replace(TASK, hops=-1)


def test_training_on_frontiers_gives_the_metrics_of_the_whole_graph(monkeypatch):
    def train():
        torch.manual_seed(0)
        model = gv.Sequential(gv.GCNConv(C, 8), nn.ReLU(), gv.GCNConv(8, 3))
        recipe = gv.Recipe(epochs=8, lr=0.05, patience=6)
        return gv.fit(model, TASK, recipe, seeds=2, device="cpu", progress=False)

    found = train()
    monkeypatch.setattr("gnnvision.training.dependence.torch.allclose", lambda *given: False)
    expected = train()
    for mine, other in zip(found.outcomes, expected.outcomes, strict=True):
        assert mine.best_epoch == other.best_epoch
        for part in ("train", "val", "test"):
            assert mine.metrics[part] == pytest.approx(other.metrics[part], rel=1e-4)
        torch.testing.assert_close(mine.prediction, other.prediction)
    assert found.task.hops is None
