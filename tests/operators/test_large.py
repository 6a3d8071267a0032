"""A large signal, in blocks of rows, gives what torch's own operations give."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

import gnnvision as gv
from gnnvision.operators import Sparse, fused, large
from gnnvision.operators.large import large_sum
from gnnvision.operators.pattern import Pattern

N, WIDE, NARROW = 11, 4, 3


def operator(dtype=torch.float64):
    torch.manual_seed(0)
    row, col = torch.randint(1, N, (2, 30))
    pattern, _ = Pattern.from_places(row, col, (N, N))
    return Sparse(pattern, torch.randn(30, dtype=dtype))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(large, "ROWS", 4)
    monkeypatch.setattr(fused, "FEW", 2)


@pytest.mark.parametrize("with_root", [False, True])
@pytest.mark.parametrize("with_bias", [False, True])
def test_blocks_equal_the_formula(with_root, with_bias):
    S = operator()
    x, W, root = (torch.randn(s).requires_grad_() for s in ((N, WIDE), *[(WIDE, NARROW)] * 2))
    bias = torch.randn(NARROW, requires_grad=True) if with_bias else None
    root = root if with_root else None
    given = [t for t in (x, W, root, bias) if t is not None]
    y = large_sum(S, x, W, root, bias)
    expected = S.to_dense() @ x @ W
    expected = expected if root is None else expected + x @ root
    expected = expected if bias is None else expected + bias
    torch.testing.assert_close(y, expected)
    factor = torch.randn_like(y)
    for ours, theirs in zip(
        torch.autograd.grad((y * factor).sum(), given),
        torch.autograd.grad((expected * factor).sum(), given),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)
    with torch.no_grad():
        torch.testing.assert_close(large_sum(S, x, W, root, bias), expected)


def test_derivatives_and_the_ones_that_are_not_wanted():
    S = operator()
    x, W, root, bias = (
        torch.randn(s).requires_grad_() for s in ((N, WIDE), *[(WIDE, NARROW)] * 2, (NARROW,))
    )
    assert gradcheck(lambda *given: large_sum(S, *given), (x, W, root, bias))
    assert gradgradcheck(lambda *given: large_sum(S, *given), (x, W, root, bias))
    for chosen in (x, W, root, bias):
        frozen = [t if t is chosen else t.detach() for t in (x, W, root, bias)]
        alone = torch.autograd.grad(large_sum(S, *frozen).sum(), chosen)
        among = torch.autograd.grad(large_sum(S, x, W, root, bias).sum(), chosen)
        torch.testing.assert_close(alone, among)


@pytest.mark.parametrize("make", [gv.GCNConv, gv.SAGEConv, gv.GraphConv])
def test_layers_equal_their_reference(make, monkeypatch):
    graph = gv.Graph(torch.randint(0, N, (2, 30)), N)
    layer, x = make(WIDE, NARROW).double(), torch.randn(N, WIDE, requires_grad=True)
    used = []
    monkeypatch.setattr(fused, "large_sum", lambda *given: used.append(1) or large_sum(*given))
    inputs = (x, *layer.parameters())
    ours, theirs = layer(x, graph), layer.reference(x, graph)
    assert used
    torch.testing.assert_close(ours, theirs)
    factor = torch.randn_like(ours)
    torch.testing.assert_close(
        torch.autograd.grad((ours * factor).sum(), inputs),
        torch.autograd.grad((theirs * factor).sum(), inputs),
    )


def test_bfloat16_sums_gradients_in_float32():
    S, half = operator(), operator().to(torch.bfloat16)
    x, W = (torch.randn(s).bfloat16().requires_grad_() for s in ((N, WIDE), (WIDE, NARROW)))
    found = torch.autograd.grad(large_sum(half, x, W, None, None).sum(), (x, W))
    given = [t.detach().double().requires_grad_() for t in (x, W)]
    exact = torch.autograd.grad((S.to_dense() @ given[0] @ given[1]).sum(), given)
    for ours, theirs in zip(found, exact, strict=True):
        assert ours.dtype is torch.bfloat16
        torch.testing.assert_close(ours.double(), theirs, atol=0.1, rtol=0.05)
