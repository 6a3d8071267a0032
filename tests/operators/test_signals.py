import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gnnvision import Grid
from gnnvision.operators import nodes_from_pixels, pixels_from_nodes
from gnnvision.operators.signals import (
    is_sparse,
    signal_operator,
    with_values,
)

from ..algebra import assert_operator_laws


@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(0, 2), st.integers(1, 3))
def test_layouts_and_back(size, pictures, channels):
    grid, x = Grid(size), torch.randn(pictures, channels, *size)
    nodes, sites = nodes_from_pixels(x), grid.to_sites(x)
    assert nodes.shape == (pictures * grid.num_sites, channels)
    torch.testing.assert_close(nodes.view(pictures, *size, channels), x.movedim(1, -1))
    torch.testing.assert_close(pixels_from_nodes(nodes, grid), x)
    assert sites.shape == (grid.num_sites, pictures, channels)
    torch.testing.assert_close(grid.from_sites(sites), x)


def forms():
    dense = torch.randn(4, 3) * (torch.rand(4, 3) > 0.4)
    coo = dense.to_sparse()
    twice = torch.sparse_coo_tensor(
        coo.indices().repeat(1, 2), coo.values().repeat(2) / 2, (4, 3), check_invariants=True
    )
    return dense, {"coalesced": coo, "uncoalesced": twice, "csr": dense.to_sparse_csr()}


@pytest.mark.parametrize("form", ["coalesced", "uncoalesced", "csr"])
def test_a_sparse_signal_is_an_operator(form):
    dense, made = forms()
    x = made[form]
    assert is_sparse(x)
    assert not is_sparse(dense)
    S = signal_operator(x)
    torch.testing.assert_close(S.to_dense(), dense)
    assert_operator_laws(S)


def test_its_places_are_sorted_once():
    x = forms()[1]["coalesced"]
    assert signal_operator(x).pattern is signal_operator(x).pattern


def test_edits_in_place_are_seen():
    _, made = forms()
    coo, csr = made["coalesced"], made["csr"]
    for x in (coo, csr):
        signal_operator(x)
    coo.values().mul_(2)
    csr.values().mul_(2)
    for x in (coo, csr):
        torch.testing.assert_close(signal_operator(x).to_dense(), x.to_dense())
    coo.indices()[1] = torch.randint(0, 3, coo.indices()[1].shape)
    torch.testing.assert_close(signal_operator(coo).to_dense(), coo.to_dense())
    csr.col_indices()[0] = 2 - csr.col_indices()[0]
    torch.testing.assert_close(signal_operator(csr).to_dense(), csr.to_dense())
    end = int(csr.crow_indices()[-1])
    csr.crow_indices().copy_(torch.tensor([0, 0, 0, 0, end]))
    torch.testing.assert_close(signal_operator(csr).to_dense(), csr.to_dense())
    coo.zero_()
    torch.testing.assert_close(signal_operator(coo).to_dense(), torch.zeros(4, 3))


@pytest.mark.parametrize("form", ["coalesced", "csr"])
def test_with_values_keeps_the_places(form):
    dense, made = forms()
    x = made[form]
    pattern = signal_operator(x).pattern
    y = with_values(x, 2 * x.values())
    torch.testing.assert_close(y.to_dense(), 2 * dense)
    assert signal_operator(y).pattern is pattern


def test_gradients_by_a_sparse_signal_are_refused():
    with pytest.raises(ValueError, match="'x' must not require gradients if it is sparse"):
        signal_operator(torch.eye(3).to_sparse().requires_grad_())
