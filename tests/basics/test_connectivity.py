import pytest
import torch

import gnnvision as gv
from gnnvision.basics import as_matrix, layer_matrix, shift_matrices


@pytest.mark.parametrize(("n", "h"), [(5, 3), (8, 3), (100, 3), (12, 5), (4, 1)])
def test_the_counts_of_the_notes(n, h):
    m = n - h + 1
    full, local, shared = (layer_matrix(kind, n, h) for kind in ("full", "local", "shared"))
    assert (full.num_edges, full.num_weights) == (n * m, n * m)
    assert (local.num_edges, local.num_weights) == (h * m, h * m)
    assert (shared.num_edges, shared.num_weights) == (h * m, h)


def test_equal_entries_lie_on_diagonals():
    """Toeplitz: an entry equals the one below and to the right."""
    which = layer_matrix("shared", 9, 3, "same").which
    assert torch.equal(which[1:, 1:], which[:-1, :-1])


def test_with_padding_the_ends_have_fewer():
    which = layer_matrix("shared", 6, 3, "same")
    assert which.num_edges == 3 * 6 - 2
    assert (which.which >= 0).sum(1).tolist() == [2, 3, 3, 3, 3, 2]


@pytest.mark.parametrize("padding", ["valid", "same", "full", 1])
@pytest.mark.parametrize("size", [(7,), (4, 5)])
def test_the_matrix_is_the_layer(size, padding):
    kind = {1: gv.Conv1d, 2: gv.Conv2d}[len(size)]
    layer, grid = kind(1, 1, 3, padding=padding, bias=False), gv.Grid(size)
    x = torch.randn(1, 1, *size)
    pattern = layer_matrix("shared", size, 3, padding)
    matrix = pattern.matrix(layer.weight.flatten())
    torch.testing.assert_close(matrix, as_matrix(layer, grid))
    y = layer.reference(x, grid)
    torch.testing.assert_close(matrix @ x.flatten(), y.flatten())


def test_the_local_layer_is_the_shared_one_without_sharing():
    local, shared = (layer_matrix(kind, 8, 3) for kind in ("local", "shared"))
    assert torch.equal(local.which >= 0, shared.which >= 0)
    numbers = local.which[local.which >= 0]
    assert numbers.tolist() == list(range(local.num_edges))


def test_shifts_fetch_neighbors():
    steps = shift_matrices((4, 5), 3)
    image = torch.rand(4, 5)
    up = (steps[1] @ image.flatten()).view(4, 5)
    torch.testing.assert_close(up[1:], image[:-1])
    assert not up[0].any()
    torch.testing.assert_close(steps[4], torch.eye(20))
    torch.testing.assert_close(steps[3], steps[5].T)


def test_the_layer_is_the_sum_of_its_shifts():
    layer = gv.Conv2d(1, 1, 3, padding="same", bias=False)
    weights = layer.weight.flatten()
    total = (weights[:, None, None] * shift_matrices((4, 4), 3)).sum(0)
    torch.testing.assert_close(total, as_matrix(layer, gv.Grid((4, 4))))


def test_channels_and_graphs_have_a_matrix_too():
    layer, grid = gv.Conv2d(2, 3, 3, stride=2, padding=1, bias=False), gv.Grid((4, 6))
    x = torch.randn(1, 2, 4, 6)
    sites = x[0].flatten(1).T.flatten()  # site after site, each with its channels
    y = layer(x)[0].flatten(1).T.flatten()
    torch.testing.assert_close(as_matrix(layer, grid) @ sites, y)

    graph = gv.Graph.from_edges([(0, 1), (1, 2), (2, 3)], num_nodes=4, undirected=True)
    conv, signal = gv.GCNConv(2, 3, bias=False), torch.randn(4, 2)
    expected = conv.reference(signal, graph).flatten()
    torch.testing.assert_close(as_matrix(conv, graph) @ signal.flatten(), expected)


def test_refusals():
    with pytest.raises(ValueError, match="'kind' must be one of 'full', 'local', 'shared', got"):
        layer_matrix("dense", 5, 3)
    with pytest.raises(ValueError, match="'kernel_size' must fit"):
        layer_matrix("shared", 2, 3)
