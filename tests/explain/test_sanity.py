import math

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.explain import METHODS, Sanity, attribute, sanity_check, sanity_checks
from gnnvision.explain.instance import sample_of_site

from .nets import cases, same, state_of


@pytest.fixture(autouse=True)
def _quiet(double):
    """float64, one thread."""


def similarity(first, second, sizes=(5,)):
    """Of the map of a trained model to that of a randomized one, on graphs of these sizes."""
    edge = [(0, 1)]
    graph = gv.Graph.batch([gv.Graph.from_edges(edge, num_nodes=size) for size in sizes])
    model = gv.Sequential(gv.Readout("sum"), nn.Linear(1, 2))

    def explain(other, x, domain):
        return first if other is model else second

    x = torch.ones(sum(sizes), 1)
    return float(sanity_check(model, x, graph, explain, draws=1, stages=1).similarity)


def test_similarity_is_the_rank_correlation_of_absolute_values():
    a = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
    assert similarity(a, -(a**3)) == pytest.approx(1)
    assert similarity(a, a.flip(0)) == pytest.approx(-1)
    swapped = torch.tensor([2.0, 1.0, 4.0, 3.0, 5.0])
    assert similarity(a, swapped) == pytest.approx(1 - 6 * 4 / (5 * 24))
    for constant in (torch.ones(5), torch.zeros(5), 1 + 1e-7 * a):  # nothing to correlate
        assert math.isnan(similarity(a, constant))
        assert math.isnan(similarity(constant, constant))
    both = torch.tensor([3.0, 2.0, 1.0, 9.0, 10.0])
    assert similarity(a, both, (3, 2)) == pytest.approx(0)  # -1 in the one, 1 in the other


@pytest.mark.parametrize("name", ["cnn", "gcn"])
def test_what_does_not_look_at_the_model_fails(name):
    model, x, domain = cases()[name]
    before = state_of(model)
    found = sanity_check(model, x, domain, lambda model, x, domain: x.abs().sum(1), draws=3)
    assert found.similarity.shape == (4, 3)
    torch.testing.assert_close(found.similarity, torch.ones(4, 3))
    torch.testing.assert_close(found.between, torch.ones(3, 3))
    if name == "cnn":
        assert found.verdict == "fails the parameter-randomization test"
        assert "more than half of the map" in str(found)
    else:  # molecules of 3 and 4 atoms
        assert found.verdict == "undecided"
    assert same(before, state_of(model))


@pytest.mark.parametrize("value", [0.0, 3.0, -2.0])
@pytest.mark.parametrize("noise", [0.0, 1e-5])
def test_a_constant_map_does_not_depend_on_anything(value, noise):
    """It was called "depends on the model", as its similarity counted as 0."""
    model, x, domain = cases()["cnn"]

    def constant(other, x, domain):
        return value + value * noise * attribute(other, x, domain, "gradient").values

    found = sanity_check(model, x, domain, constant, draws=4)
    assert found.verdict == "undecided"
    assert "the map is constant" in found.reason
    assert math.isnan(found.remaining)
    assert "undefined" in str(found)


def test_randomized_models_whose_maps_are_constant_are_no_evidence():
    model, x, domain = cases()["cnn"]

    def dead(other, x, domain):
        found = attribute(other, x, domain, "gradient").values
        return found if other is model else torch.zeros_like(found)

    found = sanity_check(model, x, domain, dead, draws=5)
    assert found.verdict == "undecided"
    assert found.draws == 0
    assert "got 0 randomized models" in found.reason


def spread(*similarities):
    return torch.tensor([similarities], dtype=torch.float64)


def pairs(value, count, wide=0.0):
    noise = torch.randn(count, count, generator=torch.Generator().manual_seed(0)) * wide
    return value + (noise + noise.T).double() / 2


@pytest.mark.parametrize(
    ("alike", "between", "verdict"),
    [
        ((0.9, 0.92, 0.91, 0.9), 0.9, "fails the parameter-randomization test"),
        ((0.95, 0.96, 0.95, 0.96), 0.99, "fails the parameter-randomization test"),
        ((0.61, 0.6, 0.62, 0.61), 0.5, "fails the parameter-randomization test"),
        ((0.61, 0.6, 0.62, 0.61), 0.75, "depends on the model"),
        ((0.31, 0.3, 0.32, 0.31), 0.2, "depends on the model"),
        ((0.24, 0.28, 0.2, 0.25), 0.39, "depends on the model"),
        ((0.1, -0.1, 0.2, -0.15), 0.0, "depends on the model"),
        ((0.24, 0.69, 0.5, 0.4), 0.5, "undecided"),
        ((0.61, 0.65, 0.59, 0.63), 0.62, "undecided"),
    ],
)
def test_the_verdict_is_that_of_the_intervals(alike, between, verdict):
    found = Sanity(("0",), spread(*alike), 49, pairs(between, len(alike), 0.02))
    assert found.verdict == verdict


def test_the_intervals_are_those_of_student_and_of_the_jackknife():
    alike, between = spread(0.24, 0.69, 0.5, 0.4), pairs(0.3, 4, 0.1)
    found = Sanity(("0",), alike, 49, between)
    half = 3.182446 * float(alike.std()) / 2
    assert found.interval.high - found.interval.value == pytest.approx(half, rel=1e-5)
    upper = [float(between[i, j]) for i in range(4) for j in range(i)]
    assert found.reference.value == pytest.approx(sum(upper) / 6)
    left = [
        sum(float(between[i, j]) for i in range(4) for j in range(i) if k not in (i, j)) / 3
        for k in range(4)
    ]
    error = (3 / 4 * sum((v - sum(left) / 4) ** 2 for v in left)) ** 0.5
    assert found.reference.high - found.reference.value == pytest.approx(
        3.182446 * error, rel=1e-5
    )
    assert found.difference.value == pytest.approx(found.remaining - found.reference.value)


def test_single_draws_without_pairs_are_not_enough():
    """From 0.24 to 0.69 the mean said "worthless" at 0.52 and "depends" at 0.46."""
    for draws in ((0.24, 0.69, 0.62, 0.53), (0.24, 0.69, 0.5, 0.41), (0.9,), (0.1, 0.2)):
        assert Sanity(("0",), spread(*draws), 49).verdict == "undecided"
    assert Sanity(("0",), spread(0.9, 0.88, 0.91), 49).verdict.startswith("fails")
    assert Sanity(("0",), spread(0.1, 0.12, 0.09), 49).verdict == "depends on the model"


def test_several_methods_meet_the_same_randomized_models():
    model, x, domain = cases()["cnn"]
    target = attribute(model, x, domain, "gradient").target

    def by(method):
        return lambda m, x, d: attribute(m, x, d, method, target).values

    methods = {name: by(name) for name in ("gradient", "input_gradient")}
    found = sanity_checks(model, x, domain, methods, draws=3, staged=1)
    for name in methods:
        alone = sanity_check(model, x, domain, name, draws=3)
        torch.testing.assert_close(found[name].similarity[-1], alone.similarity[-1])
        torch.testing.assert_close(found[name].similarity[:-1, 0], alone.similarity[:-1, 0])
        assert bool(found[name].similarity[:-1, 1:].isnan().all())


def test_what_follows_the_weights_is_not():
    """Also where the model began with the seed that the copies are randomized with."""
    torch.manual_seed(0)
    x, grid = torch.randn(2, 3, 8, 8), gv.Grid((8, 8))
    # The signal itself stands out nowhere, so all structure of the map is of the weights.
    model = gv.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 3))
    found = sanity_check(model, x, grid, "gradient")
    assert abs(found.remaining) < 0.1
    assert found.verdict == "depends on the model"
    assert str(found).startswith("Depends on the model: ")
    assert "over 20 randomized models" in str(found)


def test_the_same_class_and_layer_are_explained_in_all_copies():
    model, x, domain = cases()["cnn"]
    own = attribute(model, x, domain)
    seen = []

    def spy(other, x, domain):
        found = attribute(other, x, domain, "grad_cam", own.target, own.layer).values
        seen.append(found)
        return found

    by_name = sanity_check(model, x, domain, "grad_cam", draws=1)
    torch.testing.assert_close(
        by_name.similarity, sanity_check(model, x, domain, spy, draws=1).similarity
    )
    torch.testing.assert_close(seen[0], own.values)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_can_be_checked(method):
    model, x, domain = cases()["gcn"]
    options = {"steps": 2} if method == "integrated_gradients" else {}
    found = sanity_check(model, x, domain, method, stages=2, draws=1, **options)
    assert found.layers[-1] == "0"
    known = found.similarity[~found.similarity.isnan()]  # some maps are 0 everywhere
    assert len(known)
    assert bool((known.abs() <= 1 + 1e-9).all())
    assert found.min_sites == int(torch.bincount(sample_of_site(x, domain)).min())


def test_few_sites_decide_nothing():
    found = Sanity(("0",), spread(0.9, 0.9, 0.9), 4)
    assert found.verdict == "undecided"
    assert "4 sites are too few" in str(found)


def test_refused():
    model, x, domain = cases()["gcn"]
    with pytest.raises(ValueError, match="'draws' must be at least 1"):
        sanity_check(model, x, domain, draws=0)
    with pytest.raises(ValueError, match="'method' must be one of 'gradient'"):
        sanity_check(model, x, domain, "magic")
