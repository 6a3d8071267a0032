import copy
import pickle

import pytest
import torch

from gnnvision import Domain, Graph, Grid, Readout

from ..graphs import GRAPHS, batch, directed
from ..rings import Ring

DOMAINS = {
    "ring": Ring(5),
    "line": Grid(4),
    "image": Grid((3, 2)),
    "voxels": Grid((2, 3, 2)),
} | {name: maker() for name, maker in GRAPHS.items()}


@pytest.fixture(params=DOMAINS.values(), ids=DOMAINS)
def domain(request):
    return request.param


def test_a_domain_is_abstract():
    assert Domain.__abstractmethods__ == {"num_sites", "to", "to_sites", "from_sites"}


def test_sites_and_back(domain):
    x = torch.randn(domain.signal_shape(3, 2))
    sites = domain.to_sites(x)
    assert sites.shape[0] == domain.num_sites
    assert sites.shape[-1] == x.shape[1] == 3
    assert torch.equal(domain.from_sites(sites), x)


def test_a_signal_tells_its_domain(domain):
    x = torch.randn(domain.signal_shape(3, 2))
    assert domain.domain_of(x) is domain
    assert domain.domain_of(torch.randn(2)) is None
    if domain.offsets is None:
        assert domain.domain_of(x.flatten(1)) is None


def test_samples(domain):
    x = torch.randn(domain.signal_shape(2, 3))
    count = domain.sample_count(x)
    chosen = [] if count == 0 else [count - 1, 0, count - 1]
    part, where = domain.sample(x, chosen)
    assert where.sample_count(part) == len(chosen)
    mean = Readout("mean")
    torch.testing.assert_close(mean(part, where), mean(x, domain)[chosen])


def test_a_grid_of_another_shape():
    assert Grid((4, 4)).domain_of(torch.zeros(1, 2, 3, 5)) == Grid((3, 5))
    assert Grid((4, 4)).domain_of(torch.zeros(1, 2)) is None


@pytest.mark.parametrize("domain", [Grid(3), Ring(3), directed()], ids=["grid", "ring", "graph"])
def test_what_is_derived_is_computed_once_and_stays_behind(domain):
    calls = []

    def build():
        calls.append(1)
        return torch.ones(1)

    with torch.inference_mode():
        first = domain.derived("key", build)
    assert not first.is_inference()
    assert domain.derived("key", build) is first
    assert calls == [1]
    for other in (copy.deepcopy(domain), pickle.loads(pickle.dumps(domain))):
        assert other.derived("key", build) is not first
        assert type(other) is type(domain)
    assert len(calls) == 3


def test_equal_grids_have_caches_of_their_own():
    one, other = Grid((2, 2)), Grid((2, 2))
    one.derived("key", lambda: 1)
    assert one == other
    assert hash(one) == hash(other)
    assert other.derived("key", lambda: 2) == 2


def test_derived_inside_the_compiler():
    @torch.compile(fullgraph=True, backend="eager")
    def run(x, domain):
        return domain.from_sites(domain.derived("twice", lambda: 2 * domain.to_sites(x)))

    for domain in (Grid((2, 2)), Graph(torch.tensor([[0], [1]]), 2)):
        x = torch.ones(domain.signal_shape(1))
        torch.testing.assert_close(run(x, domain), 2 * x)
        assert domain.derived("twice", lambda: None) is None, "nothing of it stayed"


def test_offsets_belong_to_domains_whose_samples_lie_one_after_another():
    assert Grid(3).offsets is None
    assert Ring(3).offsets is None
    assert batch().offsets.tolist()[-1] == batch().num_sites
