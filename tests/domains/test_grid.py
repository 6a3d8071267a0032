import copy
import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gnnvision import Domain, Grid
from gnnvision.domains import Window


@given(st.lists(st.integers(1, 50), min_size=1, max_size=3))
def test_a_grid_is_its_shape(size):
    grid = Grid(size)
    assert grid == Grid(tuple(size)) == Grid(torch.Size(size))
    assert hash(grid) == hash(Grid(size))
    assert grid.ndim == len(size)
    assert grid.num_sites == torch.Size(size).numel()
    assert grid != Grid([*size[:-1], size[-1] + 1])
    assert isinstance(grid, Domain)


def test_one_axis_may_be_a_number():
    assert Grid(7) == Grid((7,))
    assert repr(Grid((2, 3))) == "Grid((2, 3))"


def test_immutable_and_the_same_everywhere():
    grid = Grid((2, 3))
    with pytest.raises(AttributeError):
        grid.shape = (3, 3)
    assert grid.to("cpu") is grid


def test_copies_leave_what_is_derived_behind():
    grid = Grid((20, 30))
    before = len(pickle.dumps(grid))
    grid.to_graph()
    assert len(pickle.dumps(grid)) == before
    for other in (pickle.loads(pickle.dumps(grid)), copy.deepcopy(grid), copy.copy(grid)):
        assert other == grid
        assert other.to_graph().num_edges == grid.to_graph().num_edges


@pytest.mark.parametrize("padding_mode", ["zeros", "circular", "replicate", "reflect"])
@pytest.mark.parametrize("size", [(5,), (4, 3), (3, 2, 4)])
def test_pixel_graph_by_loops(size, padding_mode):
    """An edge into every site from each site of its window, typed by the offset."""
    grid = Grid(size)
    graph = grid.to_graph(3, padding_mode=padding_mode)
    sites = list(torch.cartesian_prod(*[torch.arange(n) for n in size]).view(-1, len(size)))
    offsets = list(torch.cartesian_prod(*[torch.arange(-1, 2)] * len(size)).view(-1, len(size)))
    expected = set()
    for k, offset in enumerate(offsets):
        for target, site in enumerate(sites):
            place = []
            for value, n in zip((site + offset).tolist(), size, strict=True):
                inside = {
                    "zeros": value if 0 <= value < n else None,
                    "circular": value % n,
                    "replicate": min(max(value, 0), n - 1),
                    "reflect": -value
                    if value < 0
                    else 2 * (n - 1) - value
                    if value >= n
                    else value,
                }[padding_mode]
                place.append(inside)
            if None not in place:
                source = 0
                for value, n in zip(place, size, strict=True):
                    source = source * n + value
                expected.add((source, target, k))
    got = zip(*graph.edge_index.tolist(), graph.edge_type.tolist(), strict=True)
    assert sorted(got) == sorted(expected)
    assert graph.num_relations == 3 ** len(size)
    assert graph.num_nodes == grid.num_sites


def test_the_torus_is_regular():
    graph = Grid((4, 5)).to_graph(3, padding_mode="circular")
    assert (graph.degree() == 9).all()
    assert (graph.degree("in") == 9).all()
    path = Grid((6,)).to_graph(2)
    assert path.edge_index.tolist() == [[*range(6), *range(1, 6)], [*range(6), *range(5)]]


def test_pixel_graphs_are_made_once():
    grid = Grid((4, 4))
    assert grid.to_graph(3) is grid.to_graph((3, 3))
    assert grid.to_graph(3) is not grid.to_graph(3, dilation=2)
    window = Window.make(2, 3)
    assert grid.derived("key", lambda: window) is grid.derived("key", lambda: None)


def test_refusals():
    with pytest.raises(ValueError, match="'shape' must have one, two or three axes, got 4"):
        Grid((1, 2, 3, 4))
    with pytest.raises(ValueError, match="'shape' must have one, two or three axes, got 0"):
        Grid(())
    with pytest.raises(ValueError, match=r"'shape' must be at least 1, got \(3, 0\)"):
        Grid((3, 0))
    for size in (1.5, (2.0, 3), "ab"):
        with pytest.raises(TypeError, match="'shape' must be an integer, or one for each"):
            Grid(size)


def test_the_former_name_of_the_shape():
    grid = Grid(size=(2, 3))
    assert grid == Grid((2, 3))
    assert grid.size == grid.shape == (2, 3)
    with pytest.raises(TypeError, match="'size' must not be given together with 'shape'"):
        Grid(size=(2, 3), shape=(2, 3))
