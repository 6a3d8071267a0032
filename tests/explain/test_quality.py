from dataclasses import replace

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.explain import Faithfulness, attribute, faithfulness, mean_gains, pointing_game
from gnnvision.explain.quality import groups

from .nets import cases, images, molecules, same, state_of


@pytest.fixture(autouse=True)
def _quiet(double):
    """float64, one thread."""


def test_curves_of_a_linear_network_are_sums():
    """f is a sum over the nodes, so what is left is the sum of those that are."""
    graph = gv.Graph.from_edges([(0, 1), (1, 2), (2, 3)], num_nodes=4, undirected=True)
    model = gv.Sequential(gv.Readout("sum"), nn.Linear(1, 1, bias=False))
    model[1].weight.data.fill_(1)
    x = torch.tensor([[1.0], [4.0], [3.0], [2.0]])
    found = attribute(model, x, graph, "input_gradient")
    curves = faithfulness(model, x, graph, found, steps=4)
    expected = torch.tensor([[10.0, 6, 3, 1, 0]])
    torch.testing.assert_close(curves.deletion, expected)
    torch.testing.assert_close(curves.insertion, 10 - expected)
    assert curves.areas["deletion"] == pytest.approx((5 + 6 + 3 + 1) / 4)
    assert curves.areas["insertion"] == pytest.approx(10 - curves.areas["deletion"])
    assert curves.orders == 20
    assert curves.measure == "difference of the prediction from that for a fully masked input"


def test_what_holds_a_prediction_down_comes_first_where_it_is_below_the_baseline():
    graph = gv.Graph.from_edges([(0, 1)], num_nodes=2, undirected=True)
    model = gv.Sequential(gv.Readout("sum"), nn.Linear(1, 1, bias=False))
    model[1].weight.data.fill_(-1)
    x = torch.tensor([[1.0], [3.0]])
    curves = faithfulness(model, x, graph, attribute(model, x, graph, "occlusion"), steps=2)
    torch.testing.assert_close(curves.deletion, torch.tensor([[4.0, 1.0, 0.0]]))


@pytest.mark.parametrize("name", ["cnn", "gcn"])
@pytest.mark.parametrize("kind", ["classification", "multilabel", "regression"])
def test_the_ends_are_the_input_and_the_baseline(name, kind):
    model, x, domain = cases()[name]
    before = state_of(model)
    found = attribute(model, x, domain, "occlusion")
    curves = faithfulness(model, x, domain, found, kind=kind, steps=5)
    said = {"classification": lambda y: y.softmax(1), "multilabel": torch.sigmoid}
    with torch.no_grad():
        whole, empty = model(x, domain), model(0 * x, domain)
    if kind == "regression":
        change = (whole - empty).gather(1, found.target[:, None])[:, 0]
        ends = change.abs(), torch.zeros(len(whole))
    else:
        ends = [said[kind](y).gather(1, found.target[:, None])[:, 0] for y in (whole, empty)]
    for curve in (curves.deletion, curves.random_deletion):
        torch.testing.assert_close(curve[:, 0], ends[0])
        torch.testing.assert_close(curve[:, -1], ends[1])
    for curve in (curves.insertion, curves.random_insertion):
        torch.testing.assert_close(curve[:, 0], ends[1])
        torch.testing.assert_close(curve[:, -1], ends[0])
    assert same(before, state_of(model))


@pytest.mark.parametrize("name", ["cnn", "gcn"])
def test_each_sample_has_its_own_curves(name):
    model, x, domain = cases()[name]
    found = attribute(model, x, domain, "occlusion")
    together = faithfulness(model, x, domain, found, steps=4)
    if name == "cnn":
        one, place = x[2:3], domain
    else:
        place, nodes = domain.section(2, 3)
        one = x[nodes]
    alone = faithfulness(model, one, place, attribute(model, one, place, "occlusion"), steps=4)
    torch.testing.assert_close(alone.deletion[0], together.deletion[2])
    torch.testing.assert_close(alone.insertion[0], together.insertion[2])


def chain(values):
    """A linear network whose output is the sum over the nodes, and those values on them."""
    count = len(values)
    edges = [(n, n + 1) for n in range(count - 1)]
    graph = gv.Graph.from_edges(edges, num_nodes=count, undirected=True)
    model = gv.Sequential(gv.Readout("sum"), nn.Linear(1, 1, bias=False))
    model[1].weight.data.fill_(1)
    return model, torch.tensor(values)[:, None], graph


def ordered(model, x, graph, values):
    """Curves of an order that somebody claims."""
    found = attribute(model, x, graph, "gradient")
    return faithfulness(model, x, graph, replace(found, values=torch.as_tensor(values)))


def test_better_than_random_is_shown_against_the_spread_of_the_orders():
    model, x, graph = chain([9.0, 1, 8, 2, 7, 3, 6, 4, 5, 0.5])
    best = ordered(model, x, graph, x[:, 0])
    assert best.verdict == "better than random"
    assert best.better_than_random
    low, high = best.random_range("deletion")
    assert best.areas["deletion"] < low < best.areas["random_deletion"] < high
    worst = ordered(model, x, graph, -x[:, 0])
    assert worst.verdict == "not better than random"
    assert not worst.better_than_random


@pytest.mark.parametrize("value", [0.0, 2.0])
def test_a_constant_map_gives_no_order(value):
    """Its sites lie in the order of their numbers, which here is the best there is."""
    model, x, graph = chain([10.0, 9, 8, 7, 6, 5, 4, 3, 2, 1])
    assert ordered(model, x, graph, x[:, 0]).verdict == "better than random"
    uniform = ordered(model, x, graph, torch.full((10,), value))
    assert uniform.verdict == "undecided"
    assert uniform.gains["deletion"].isnan().all()
    best = ordered(model, x, graph, x[:, 0])
    assert mean_gains([uniform, best, best]).count == 2


def test_an_order_within_the_spread_is_undecided_or_not_better():
    """A random order of its own is shown to be better once in twenty times at the most."""
    model, x, graph = chain([9.0, 1, 8, 2, 7, 3, 6, 4, 5, 0.5])
    generator = torch.Generator().manual_seed(5)
    said = [
        ordered(model, x, graph, torch.rand(10, generator=generator)).verdict for _ in range(40)
    ]
    assert said.count("better than random") <= 3
    assert "undecided" in said
    assert "not better than random" in said


def test_means_without_the_spread_decide_nothing():
    """0.80 against 0.78: three orders, or orders that differ by more than that."""
    shares, ones = torch.linspace(0, 1, 2), torch.ones(1, 2)
    curves = (shares, 0.78 * ones, 0.8 * ones, 0.8 * ones, 0.78 * ones, "probability")
    assert Faithfulness(*curves).verdict == "undecided"
    few = torch.tensor([[0.8], [0.79], [0.81]])
    assert Faithfulness(*curves, few, 1.58 - few).verdict == "undecided"
    wide = torch.linspace(0.7, 0.9, 20)[:, None]
    assert Faithfulness(*curves, wide, 1.58 - wide).verdict == "undecided"
    tight = torch.linspace(0.795, 0.805, 20)[:, None]
    assert Faithfulness(*curves, tight, 1.58 - tight).verdict == "better than random"


def test_over_inputs_the_differences_are_paired():
    shares, ones = torch.linspace(0, 1, 2), torch.ones(1, 2)

    def one(level, gain):
        """An input whose areas lie anywhere, with the method better by `gain`."""
        return Faithfulness(
            shares, (level - gain) * ones, (level + gain) * ones, level * ones, level * ones, "p"
        )

    found = mean_gains([one(0.2, 0.02), one(0.9, 0.03), one(0.5, 0.025)])
    assert found.deletion.value == pytest.approx(0.025)
    assert found.count == 3
    half = 4.302653 * 0.005 / 3**0.5
    assert found.deletion.high == pytest.approx(0.025 + half)
    assert found.verdict == "better than random"
    assert mean_gains([one(0.2, 0.2), one(0.9, -0.1), one(0.5, 0.1)]).verdict == "undecided"
    assert mean_gains([one(0.2, 0.3)]).verdict == "undecided"
    worse = mean_gains([one(0.2, -0.02), one(0.9, -0.03), one(0.5, -0.025)])
    assert worse.verdict == "not better than random"


def test_states_in_one_run_are_as_single_ones(monkeypatch):
    from gnnvision.explain import instance

    for model, x, domain in cases().values():
        found = attribute(model, x, domain, "gradient")
        together = faithfulness(model, x, domain, found, steps=3, orders=2)
        with monkeypatch.context() as patch:
            patch.setattr(instance, "_VALUES_AT_ONCE", 1)
            alone = faithfulness(model, x, domain, found, steps=3, orders=2)
        torch.testing.assert_close(alone.deletion, together.deletion)
        torch.testing.assert_close(alone.insertion_draws, together.insertion_draws)


def test_some_sites_may_stay():
    graph = gv.Graph.from_edges([(0, 1), (1, 2)], num_nodes=3, undirected=True)
    model = gv.models.gcn(4, 8, 3).eval()
    x = torch.rand(3, 4)
    found = attribute(model, x, graph, "occlusion", site=0)
    among = torch.tensor([True, True, False])
    curves = faithfulness(model, x, graph, found, steps=2, site=0, among=among)
    order = found.values[:2].argsort(descending=True)
    expected = []
    for covered in ([], [order[0]], [0, 1]):
        with torch.no_grad():
            left = x.index_fill(0, torch.tensor(covered, dtype=torch.int64), 0)
            expected.append(model(left, graph)[0].softmax(0)[found.target])
    torch.testing.assert_close(curves.deletion, torch.cat(expected)[None])
    torch.testing.assert_close(curves.insertion[:, [0, 2]], curves.deletion[:, [2, 0]])


def test_random_orders_can_be_taken_over():
    model, x, domain = cases()["cnn"]
    first = faithfulness(model, x, domain, attribute(model, x, domain, "gradient"), steps=4)
    second = faithfulness(
        model, x, domain, attribute(model, x, domain, "occlusion"), steps=4, against=first
    )
    assert second.random_deletion is first.random_deletion
    assert not torch.equal(second.deletion, first.deletion)
    again = faithfulness(model, x, domain, attribute(model, x, domain, "gradient"), steps=4)
    torch.testing.assert_close(again.random_deletion, first.random_deletion)


def test_pixels_are_exchanged_in_blocks_and_nodes_one_by_one():
    sample = torch.arange(2)[:, None, None].expand(2, 28, 30)
    group = groups(gv.Grid((28, 30)), sample)
    assert group.unique().numel() == 2 * 14 * 15
    assert group[0, :2, :2].unique().numel() == 1
    assert bool((group[1] == group[0] + 14 * 15).all())
    assert groups(gv.Grid((8, 8)), sample[:1, :8, :8]).unique().numel() == 64
    _, batch = molecules()
    assert groups(batch, batch.graph_index).tolist() == list(range(batch.num_nodes))


def test_pointing_game():
    sample = torch.tensor([0, 0, 0, 1, 1, 2, 2])
    planted = torch.tensor([0, 1, 0, 1, 0, 0, 0]).bool()
    values = torch.tensor([0.1, 0.9, 0.2, 0.3, 0.4, 5.0, 6.0])
    assert pointing_game(values, planted, sample).tolist() == [True, False]
    assert pointing_game(torch.ones(7), planted, sample).tolist() == [False, False]


def test_refused():
    model, grid = cases()["cnn"][0], gv.Grid((8, 10))
    found = attribute(model, images(), grid, "gradient")
    for change, message in (
        ({"kind": "ranking"}, "'kind' must be one of"),
        ({"steps": 0}, "'steps' must be at least 1"),
        ({"orders": 0}, "'orders' must be at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            faithfulness(model, images(), grid, found, **change)
