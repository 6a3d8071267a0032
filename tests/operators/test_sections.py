"""Operators of a section are cut out of those of the whole batch, and are the same."""

import pytest
import torch

from gnnvision import Graph
from gnnvision.operators import (
    adjacency,
    arriving,
    laplacian,
    leaving,
    mean_adjacency,
    normalized_adjacency,
)

from ..graphs import batch

OPERATORS = [adjacency, mean_adjacency, normalized_adjacency, laplacian, arriving, leaving]


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize(("start", "stop"), [(0, 6), (1, 5), (3, 4), (4, 5)])
class TestSections:
    def parts(self, start, stop):
        whole = batch()
        return whole.section(start, stop)[0], whole.select(list(range(start, stop)))

    def test_they_are_those_of_the_members_alone(self, operator, start, stop):
        cut, fresh = (operator(graph) for graph in self.parts(start, stop))
        assert torch.equal(cut.to_dense(), fresh.to_dense())
        assert torch.equal(cut.T.to_dense(), fresh.T.to_dense())

    def test_so_are_products_and_gradients(self, operator, start, stop):
        cut, fresh = (operator(graph) for graph in self.parts(start, stop))
        generator = torch.Generator().manual_seed(0)
        given = torch.randn(cut.shape[1], 3, generator=generator)
        results = []
        for op in (cut, fresh):
            x = given.clone().requires_grad_()
            y = op @ x
            y.square().sum().backward()
            results.append((y.detach(), x.grad))
        assert torch.equal(results[0][0], results[1][0])
        assert torch.equal(results[0][1], results[1][1])


def test_the_whole_is_computed_once():
    whole = batch()
    parts = [whole.section(n, n + 1)[0] for n in range(6)]
    kept = {id(normalized_adjacency(part)._section_of[0]) for part in parts}
    assert kept == {id(normalized_adjacency(whole))}


def test_of_a_section_of_a_section():
    whole = Graph.batch([batch(), batch()])
    part, _ = whole.section(2, 11)[0].section(2, 8)
    fresh = whole.select(list(range(4, 10)))
    assert torch.equal(
        normalized_adjacency(part).to_dense(), normalized_adjacency(fresh).to_dense()
    )


@pytest.mark.parametrize(("operator", "end"), [(arriving, 1), (leaving, 0)])
def test_incidence(operator, end):
    graph = batch()
    expected = torch.zeros(graph.num_nodes, graph.num_edges)
    expected[graph.edge_index[end], torch.arange(graph.num_edges)] = 1
    assert torch.equal(operator(graph).to_dense(torch.float32), expected)
