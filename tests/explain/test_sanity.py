import pytest
import torch

import gnnvision as gv
from gnnvision.explain import METHODS, attribute, sanity_check
from gnnvision.explain.members import member_of
from gnnvision.explain.sanity import Sanity, similarity

from .nets import cases, same, state_of


@pytest.fixture(autouse=True)
def _quiet(double):
    """float64, one thread."""


def test_similarity_is_the_rank_correlation_of_absolute_values():
    member = torch.zeros(5, dtype=torch.int64)
    a = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
    assert similarity(a, -(a**3), member) == pytest.approx(1)
    assert similarity(a, a.flip(0), member) == pytest.approx(-1)
    swapped = torch.tensor([2.0, 1.0, 4.0, 3.0, 5.0])
    assert similarity(a, swapped, member) == pytest.approx(1 - 6 * 4 / (5 * 24))
    assert similarity(a, torch.ones(5), member) == 0
    assert similarity(torch.ones(5), torch.zeros(5), member) == 1
    two = torch.tensor([0, 0, 0, 1, 1])
    both = torch.tensor([3.0, 2.0, 1.0, 9.0, 10.0])
    assert similarity(a, both, two) == pytest.approx(0)  # -1 in the one, 1 in the other


@pytest.mark.parametrize("name", ["cnn", "gcn"])
def test_what_does_not_look_at_the_model_is_worthless(name):
    model, x, domain = cases()[name]
    before = state_of(model)
    found = sanity_check(model, x, domain, lambda model, x, domain: x.abs().sum(1), draws=2)
    assert found.similarity.shape == (4, 2)
    torch.testing.assert_close(found.similarity, torch.ones(4, 2))
    assert "Worthless here" in str(found) or "Undecided" in str(found)
    assert same(before, state_of(model))


def test_what_follows_the_weights_is_not():
    """Also where the model began with the seed that the copies are drawn with."""
    torch.manual_seed(0)
    x, grid = torch.randn(2, 3, 8, 8), gv.Grid((8, 8))
    # The signal itself stands out nowhere, so all structure of the map is of the weights.
    model = gv.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 3))
    found = sanity_check(model, x, grid, "gradient")
    assert abs(found.remaining) < 0.3
    assert found.verdict == "depends on the model"
    assert "It depends on what was learnt" in str(found)


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
    assert bool((found.similarity.abs() <= 1).all())
    assert found.fewest == int(torch.bincount(member_of(x, domain)).min())


def test_few_sites_decide_nothing():
    found = Sanity(("0",), torch.tensor([[0.9]]), 4)
    assert found.verdict == "undecided"
    assert "4 sites are too few" in str(found)
    assert Sanity(("0",), torch.tensor([[0.9, 0.7]]), 9).verdict == "worthless"
    assert "similarity 0.80" in str(Sanity(("0",), torch.tensor([[0.9, 0.7]]), 9))


def test_refused():
    model, x, domain = cases()["gcn"]
    with pytest.raises(ValueError, match="'draws' must be at least 1"):
        sanity_check(model, x, domain, draws=0)
    with pytest.raises(ValueError, match="'method' must be the name of a method"):
        sanity_check(model, x, domain, "magic")
