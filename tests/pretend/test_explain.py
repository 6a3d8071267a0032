"""Explanations and their checks on pretended devices."""

import pytest
import torch

import gnnvision as gv
from gnnvision import explain
from gnnvision.explain import METHODS

from . import pretended
from .networks import graph


def image_case():
    model = gv.models.mnist_cnn(3, 2, (12, 12), head="average")
    return model, torch.rand(2, 3, 12, 12), gv.Grid((12, 12)), {}


def graph_case():
    return gv.models.molecule_gcn(4, 2, 6, num_layers=2), torch.rand(7, 4), graph(), {}


def node_case():
    one = gv.Graph.from_edges([(0, 1), (1, 2), (2, 3)], 5, undirected=True)
    return gv.models.gcn(4, 6, 2), torch.rand(5, 4), one, {"site": 1}


CASES = {"images": image_case, "graphs": graph_case, "a node": node_case}


def on(kind, case):
    model, x, domain, options = CASES[case]()
    return model.eval().to(kind), x.to(kind), domain.to(kind), options


@pytest.mark.parametrize("kind", ["cuda", "mps"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("method", METHODS)
def test_every_method(method, case, kind):
    with pretended(kind) as ledger:
        model, x, domain, options = on(kind, case)
        found = explain.attribute(model, x, domain, method, **options)
        assert found.values.shape == (x[:, 0].shape if x.ndim > 2 else x.shape[:1])
        there = found.values.cpu()
        with ledger.counting() as again:
            explain.attribute(model, x, domain, method, **options)
    assert not ledger.faults, ledger
    if kind == "cuda":  # looks at what is given and at what comes out, and seldom in between
        assert again.stops() <= (18 if method == "occlusion" else 12), again
    assert there.isfinite().all()


@pytest.mark.parametrize("kind", ["cuda", "mps"])
@pytest.mark.parametrize("case", CASES)
def test_the_checks(case, kind):
    with pretended(kind) as ledger:
        model, x, domain, options = on(kind, case)
        one = slice(0, 1) if case == "images" else slice(None)
        few = {"stages": 2, "draws": 3, **options}
        explain.sanity_check(model, x[one], domain, "gradient", **few)
        found = explain.attribute(model, x[one], domain, "gradient", **options)
        curves = explain.faithfulness(model, x[one], domain, found, steps=4, orders=3, **options)
        assert not curves.deletion.is_cuda
    assert not ledger.faults, ledger


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("method", METHODS)
def test_the_host_waits_no_more_for_more_randomized_models(method, case, gpu):
    model, x, domain, options = on("cuda", case)
    stops = []
    for draws in (1, 1, 3):  # the first derives from a graph what is kept
        with gpu.counting() as here:
            explain.sanity_check(model, x, domain, method, stages=2, draws=draws, **options)
        stops.append(here.stops())
    assert 0 < stops[2] <= stops[1], here


@pytest.mark.parametrize("case", ["graphs", "a node"])
def test_occlusion_of_a_neighborhood(case, gpu):
    model, x, domain, options = on("cuda", case)
    there = explain.attribute(model, x, domain, "occlusion", hops=1, **options).values
    here = explain.attribute(
        model.cpu(), x.cpu(), domain.to("cpu"), "occlusion", hops=1, **options
    ).values
    torch.testing.assert_close(there.cpu(), here)


@pytest.mark.parametrize("case", CASES)
def test_maps_fields_and_filters(case, gpu):
    model, x, domain, _ = on("cuda", case)
    layer = explain.last_spatial(model, x, domain).name
    assert explain.feature_maps(model, x, domain, layer) is not None
    assert explain.filters(model, layer) is not None
    site = (2, 2) if case == "images" else 1
    assert explain.receptive_field(model, x, domain, layer, site) is not None


def test_a_generator_of_the_device_is_not_asked_for_numbers_of_the_cpu(gpu):
    """Random orders come from a generator of the CPU, whatever the model is on."""
    model, x, domain, _ = on("cuda", "images")
    found = explain.attribute(model, x[:1], domain, "gradient")
    first, second = (
        explain.faithfulness(
            model, x[:1], domain, found, steps=3, orders=2,
            generator=torch.Generator().manual_seed(3),
        )
        for _ in range(2)
    )  # fmt: skip
    assert torch.equal(first.random_deletion, second.random_deletion)
