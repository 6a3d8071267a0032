"""A third kind of domain, as one class in a script."""

import sys

import pytest
import torch
from torch import nn

import gnnvision as gv

from .test_every_flag import script_of


@pytest.fixture(scope="module")
def hexagonal():
    script = script_of("hexagonal")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "hexagonal", script)
        yield script


@pytest.fixture(params=[(1, 1), (2, 3), (5, 4), (6, 7)], ids=str)
def grid(hexagonal, request):
    return hexagonal.HexagonalGrid(*request.param)


def test_neighbors_are_all_sites_at_distance_1(grid):
    distance = torch.cdist(grid.centers().double(), grid.centers().double())
    center, *others = (S.to_dense() for S in grid.shifts(torch.float64))
    assert torch.equal(center, torch.eye(grid.num_sites, dtype=center.dtype))
    near = (distance - 1).abs() < 1e-6
    assert torch.equal(sum(others), near.to(center.dtype))


def test_the_opposite_direction_is_the_transpose(grid):
    shifts = [S.to_dense() for S in grid.shifts(torch.float64)]
    for one, other in zip(shifts[1:4], shifts[4:], strict=True):
        assert torch.equal(one, other.T)


def test_a_coarser_grid_has_every_second_hexagon(hexagonal):
    grid = hexagonal.HexagonalGrid(6, 8)
    taken = grid.shifts(torch.float64, stride=2)[0].source
    torch.testing.assert_close(grid.centers()[taken], 2 * grid.coarser().centers())


def test_layers_equal_their_reference(hexagonal, grid):
    x = torch.randn(2, 3, grid.rows, grid.columns)
    layer = gv.GraphConvolution(3, 4, type(grid).shifts, num_operators=7)
    torch.testing.assert_close(layer(x, grid), layer.reference(x, grid))
    if grid.columns > 1:
        pool = gv.Propagation(type(grid).means, out_domain=type(grid).coarser)
        torch.testing.assert_close(pool(x, grid), pool.reference(x, grid))
        assert pool(x, grid).shape[2:] == (grid.coarser().rows, grid.coarser().columns)


def test_receptive_fields_are_rings_of_hexagons(hexagonal):
    """By the patterns of the operators, and measured by the gradient of positive weights."""
    kind, grid = hexagonal.HexagonalGrid, hexagonal.HexagonalGrid(30, 26)
    layers = [gv.GraphConvolution(1, 1, kind.shifts, num_operators=7) for _ in range(2)]
    pool = gv.Propagation(kind.means, out_domain=kind.coarser)
    blocks = layers[0], nn.ReLU(), pool, nn.BatchNorm2d(1), layers[1], pool
    model = gv.Sequential(*blocks, gv.Readout("mean")).eval()
    counts = 7, 7, 19, 19, 61, 127
    found = [str(layer.reach) for layer in gv.summary(model, grid, channels=1).layers]
    assert found == [*(f"{count} sites" for count in counts), "entire input"]
    for layer in layers:
        nn.init.ones_(layer.weight)
        nn.init.ones_(layer.bias)
    x = torch.zeros(1, 1, grid.rows, grid.columns, requires_grad=True)
    for depth, count in enumerate(counts, 1):
        y = model[:depth](x, grid)[0, 0]
        (slope,) = torch.autograd.grad(y[y.shape[0] // 2, y.shape[1] // 2], x)
        assert int((slope > 0).sum()) == count


def test_two_branches_and_unknown_operations(hexagonal):
    """The field of a sum is the union; sites that an operation moves are not counted."""
    grid = hexagonal.HexagonalGrid(8, 8)

    def ahead(grid, dtype):
        return [grid.shifts(dtype)[1]]

    class Sum(nn.Module):
        def __init__(self, change):
            super().__init__()
            self.change = change
            self.one = gv.Propagation(ahead)
            seven = hexagonal.HexagonalGrid.shifts
            self.other = gv.GraphConvolution(1, 1, seven, num_operators=7)

        def forward(self, x, domain):
            y = self.other(self.change(x), domain)
            return (self.one(y, domain).permute(0, 2, 3, 1) + y.permute(0, 2, 3, 1)) @ torch.ones(
                1, 2
            )

    changes = [torch.relu, lambda x: x.flip(3), lambda x: x - x.mean((2, 3), keepdim=True)]
    found = [str(gv.summary(Sum(c), grid, channels=1).network.reach) for c in changes]
    assert found == ["10 sites", "? sites", "entire input"]


def test_a_run_leaves_everything(inside, tmp_path):
    done = inside(
        "hexagonal", "--dataset", "digits", "--epochs", "1", "--seeds", "1", "--out", "a"
    )
    assert done.returncode == 0, done.stderr
    assert "GraphConvolution (18 →" in done.stdout  # a narrow terminal breaks the line
    assert "19 sites" in done.stdout
    assert done.stdout.count("\ntest ") == 2
    (run,) = (tmp_path / "a" / "hexagonal").iterdir()
    assert (run / "figures" / "hexagons.png").stat().st_size > 10_000
    assert (run / "result.json").is_file()


def test_other_data_ends_with_one_line(inside):
    done = inside("hexagonal", "--dataset", "karate")
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: '--dataset' must have images of one channel, got")
