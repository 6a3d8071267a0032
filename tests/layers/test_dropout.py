import copy

import pytest
import torch
from torch import nn
from torch.autograd import gradgradcheck

from gnnvision import Dropout, GCNConv

from ..graphs import undirected

SIZE = 200_000


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("p", [0.01, 0.3, 0.5, 0.75, 0.999])
def test_rate_and_mean(p, dtype):
    x = torch.ones(SIZE, dtype=dtype)
    y = Dropout(p)(x)
    rate, spread = (y == 0).double().mean().item(), (p * (1 - p) / SIZE) ** 0.5
    # 1/65536 is the step in which p is rounded.
    assert abs(rate - p) < 5 * spread + 2**-17
    kept = y[y != 0]
    assert (kept == kept[0]).all()
    assert kept[0].item() == pytest.approx(1 / (1 - p), rel=0.01)
    assert abs(y.double().mean().item() - 1) < 5 * spread / (1 - p) + 1e-6


def test_neighbors_fall_independently():
    dropped = (Dropout(0.5)(torch.ones(SIZE)) == 0).double()
    for lag in (1, 2, 7, 8, 64):
        both = (dropped[lag:] * dropped[:-lag]).mean().item()
        assert abs(both - 0.25) < 5 * (0.1875 / SIZE) ** 0.5


@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 1.0])
def test_seed_decides(p):
    x = torch.randn(17, 9)
    torch.manual_seed(1)
    first = Dropout(p)(x)
    torch.manual_seed(1)
    assert torch.equal(Dropout(p)(x), first)
    if 0 < p < 1:
        assert not torch.equal(Dropout(p)(x), first)


@pytest.mark.parametrize("shape", [(), (0, 3), (1,), (5, 7), (2, 3, 4, 5)])
@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 1.0])
def test_gradient_is_what_multiplied(p, shape):
    x = torch.rand(shape, requires_grad=True)
    with torch.no_grad():
        x.add_(1)
    y = Dropout(p)(x)
    assert y.shape == x.shape
    slope = torch.randn(shape)
    (y * slope).sum().backward()
    torch.testing.assert_close(x.grad, slope * (y.detach() / x.detach()))


def test_second_derivatives():
    x, layer = torch.randn(4, 3, requires_grad=True), Dropout(0.5)

    def run(x):
        torch.manual_seed(0)
        return layer(x).square()

    assert gradgradcheck(run, (x,))


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_the_ends(p):
    x = torch.randn(50)
    torch.testing.assert_close(Dropout(p)(x), x * (1 - p))


def test_evaluation_passes_the_signal_itself():
    for x in (torch.randn(5), torch.eye(3).to_sparse()):
        assert Dropout(0.5).eval()(x) is x
    assert isinstance(Dropout(), nn.Dropout)
    assert repr(Dropout(0.3)) == repr(nn.Dropout(0.3))
    assert copy.deepcopy(Dropout(0.3)).p == 0.3


def test_in_place():
    x = torch.ones(1000)
    y = Dropout(0.5, inplace=True)(x)
    assert y is x
    assert set(x.tolist()) == {0.0, 2.0}
    other = torch.ones(1000)
    Dropout(0.5)(other)
    assert (other == 1).all()


def test_not_contiguous_and_other_precisions():
    x = torch.rand(40, 30).T + 1
    y = Dropout(0.5)(x)
    torch.testing.assert_close(y[y != 0], 2 * x[y != 0])
    half = Dropout(0.5)(x.bfloat16())
    assert half.dtype is torch.bfloat16
    torch.testing.assert_close(half[half != 0], 2 * x.bfloat16()[half != 0])


@pytest.mark.parametrize("form", ["coalesced", "uncoalesced", "csr"])
@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 1.0])
def test_sparse_stays_sparse_at_the_same_places(p, form):
    dense = (torch.rand(60, 50) + 1) * (torch.rand(60, 50) > 0.7)
    x = dense.to_sparse_csr() if form == "csr" else dense.to_sparse()
    if form == "uncoalesced":
        x = torch.sparse_coo_tensor(
            x.indices().repeat(1, 2), x.values().repeat(2) / 2, x.shape, check_invariants=True
        )
    y = Dropout(p)(x)
    assert y.layout is x.layout
    if form == "csr":
        assert torch.equal(y.col_indices(), x.col_indices())
        assert torch.equal(y.crow_indices(), x.crow_indices())
        values = y.values()
    else:
        assert torch.equal(y.coalesce().indices(), x.coalesce().indices())
        values = y.coalesce().values()
    got = y.to_dense()
    kept = got != 0
    torch.testing.assert_close(got[kept], dense[kept] / (1 - p), rtol=1e-4, atol=0)
    rate, n = (values == 0).double().mean().item(), values.numel()
    assert abs(rate - p) <= 5 * (p * (1 - p) / n) ** 0.5
    torch.testing.assert_close(x.to_dense(), dense)


def test_a_layer_reads_what_dropout_left():
    """The places of the entries are handed on; the numbers are those after dropout."""
    layer, graph = GCNConv(4, 2), undirected()
    x = torch.rand(5, 4).to_sparse()
    layer(x, graph)
    for _ in range(3):
        y = Dropout(0.5)(x)
        torch.testing.assert_close(layer(y, graph), layer(y.to_dense(), graph))


def test_refusals():
    for p in (-0.1, 1.5):
        with pytest.raises(ValueError, match=f"'p' must be from 0 to 1, got {p}"):
            Dropout(p)
    with pytest.raises(ValueError, match="'input' must not require gradients if it is sparse"):
        Dropout(0.5)(torch.eye(3).to_sparse().requires_grad_())
