import subprocess
import sys
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck

from gnnvision.operators import Sparse, product
from gnnvision.operators.pattern import Pattern
from gnnvision.operators.product import sampled_product, sparse_product


@st.composite
def entries(draw):
    """Rows and columns of entries in any order, several at one place, and the shape."""
    shape = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    place = st.tuples(st.integers(0, shape[0] - 1), st.integers(0, shape[1] - 1))
    places = draw(st.lists(place, max_size=12))
    row, col = torch.tensor(places, dtype=torch.int64).reshape(-1, 2).T
    return row, col, shape


def made(row, col, shape):
    pattern, order = Pattern.from_places(row, col, shape)
    value = torch.randn(row.numel())
    dense = torch.zeros(shape).index_put((row, col), value, accumulate=True)
    return pattern, value[order], dense


@given(entries(), st.integers(0, 3))
def test_equals_dense(where, channels):
    pattern, value, dense = made(*where)
    assert pattern.shape == where[2]
    x = torch.randn(where[2][1], channels)
    torch.testing.assert_close(sparse_product(pattern, value, x), dense @ x)
    torch.testing.assert_close(pattern.row.long().sort()[0], pattern.row.long())
    back, order = pattern.transposed
    y = torch.randn(where[2][0], channels)
    torch.testing.assert_close(sparse_product(back, value[order], y), dense.T @ y)


@given(entries())
def test_gradcheck(where):
    pattern, value, _ = made(*where)
    x = torch.randn(where[2][1], 2, requires_grad=True)
    inputs = (value.requires_grad_(), x)
    assert gradcheck(lambda v, x: sparse_product(pattern, v, x), inputs)
    assert gradgradcheck(lambda v, x: sparse_product(pattern, v, x), inputs, fast_mode=True)


@given(entries())
def test_gradcheck_of_a_constant_matrix(where):
    pattern, value, _ = made(*where)
    back = value[pattern.transposed[1]]
    x = torch.randn(where[2][1], 2, requires_grad=True)
    assert gradcheck(lambda x: sparse_product(pattern, value, x, back), (x,))
    assert gradgradcheck(lambda x: sparse_product(pattern, value, x, back), (x,))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (3, 4)])
def test_without_entries(shape):
    nothing = torch.zeros(0, dtype=torch.int64)
    pattern, _ = Pattern.from_places(nothing, nothing, shape)
    value = torch.zeros(0, requires_grad=True)
    x = torch.randn(shape[1], 2, requires_grad=True)
    y = sparse_product(pattern, value, x)
    assert torch.equal(y, torch.zeros(shape[0], 2))
    y.sum().backward()
    assert torch.equal(x.grad, torch.zeros_like(x))
    assert value.grad.shape == (0,)


@pytest.mark.parametrize("channels", [1, 3, 16, 700])
def test_wide_and_not_contiguous(channels):
    row, col = torch.randint(0, 30, (2, 200))
    pattern, value, dense = made(row, col, (30, 30))
    x = torch.randn(channels, 30).T
    torch.testing.assert_close(sparse_product(pattern, value, x), dense @ x)
    every_other = torch.randn(30, 2 * channels)[:, ::2].requires_grad_()
    value.requires_grad_()
    y = sparse_product(pattern, value, every_other)
    slope = torch.randn(channels, 30).T
    grads = torch.autograd.grad((y * slope).sum(), [every_other, value])
    torch.testing.assert_close(grads[0], dense.T @ slope)
    expected = (slope[pattern.row.long()] * every_other[pattern.col.long()]).sum(1)
    torch.testing.assert_close(grads[1], expected)


def test_large_pieces_of_the_gradient_fit_together():
    """More numbers than one piece of the sampled product."""
    row, col = torch.randint(0, 9, (2, 3000))
    pattern, value, _ = made(row, col, (9, 9))
    x = torch.randn(9, 1024)
    value.requires_grad_()
    sparse_product(pattern, value, x).sum().backward()
    torch.testing.assert_close(value.grad, x.sum(1)[pattern.col.long()])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_precisions(dtype):
    row, col = torch.randint(0, 9, (2, 20))
    pattern, value, dense = made(row, col, (9, 9))
    x = torch.randn(9, 5)
    y = sparse_product(pattern, value.to(dtype), x.to(dtype))
    assert y.dtype is dtype
    tolerance = 20 * torch.finfo(dtype).eps
    torch.testing.assert_close(y.double(), dense @ x, atol=tolerance, rtol=tolerance)


def test_whole_numbers():
    pattern, _ = Pattern.from_places(torch.tensor([0, 1, 1]), torch.tensor([1, 0, 1]), (2, 2))
    x, value = torch.tensor([[1, 2], [3, 4]]), torch.tensor([5, 6, 7])
    assert sparse_product(pattern, value, x).tolist() == [[15, 20], [27, 40]]


WITHOUT_COMPANIONS = """
import sys
companions = ("torch_sparse", "torch_scatter", "torch_cluster", "pyg_lib")
heavy = ("torch_geometric", "networkx", "rdkit", "torchvision", "scipy", "sklearn", "matplotlib")
for name in companions + heavy:
    sys.modules[name] = None  # importing it raises ImportError
import torch, gnnvision as gv
graph = gv.Graph.from_edges([(0, 1), (1, 2)], 3, undirected=True)
graph = gv.Graph.batch([graph, graph])
x = torch.randn(6, 4, requires_grad=True)
net = gv.Sequential(gv.GCNConv(4, 8), gv.ChebConv(8, 8, 3), gv.SAGEConv(8, 8), gv.GraphPool(2),
    gv.GATv2Conv(8, 8), gv.GINConv(torch.nn.Linear(8, 2)), gv.Readout("max"))
y = net(x, graph)
y.sum().backward()
assert y.shape == (2, 2) and x.grad.isfinite().all()
typed = gv.Grid((3, 3)).to_graph()
assert gv.RGCNConv(4, 2, 9)(torch.randn(9, 4), typed).shape == (9, 2)
print("ran")
"""


@pytest.mark.slow
def test_runs_without_any_compiled_companion_or_heavy_package():
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_COMPANIONS], capture_output=True, text=True, check=False
    )
    assert run.stdout.strip() == "ran", run.stderr


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_gpu_equals_cpu(dtype):
    row, col = torch.randint(0, 30, (2, 200))
    pattern, value, dense = made(row, col, (30, 30))
    there = Pattern(pattern.rowptr.cuda(), pattern.col.cuda(), 30)
    x = torch.randn(30, 16)
    y = sparse_product(there, value.cuda().to(dtype), x.cuda().to(dtype))
    tolerance = 30 * torch.finfo(dtype).eps
    torch.testing.assert_close(y.double().cpu(), dense @ x, atol=tolerance, rtol=tolerance)


def test_sampled_product_and_its_derivatives():
    row, col = torch.tensor([0, 2, 2, 2, 3]), torch.tensor([1, 0, 0, 3, 2])
    pattern, _ = Pattern.from_places(row, col, (5, 4))
    a, b = (torch.randn(n, 3, requires_grad=True) for n in (5, 4))
    expected = (a @ b.T)[row, col]
    torch.testing.assert_close(sampled_product(pattern, a, b), expected)
    assert gradcheck(lambda a, b: sampled_product(pattern, a, b), (a, b))
    assert gradgradcheck(lambda a, b: sampled_product(pattern, a, b), (a, b))
    crowded, _ = Pattern.from_places(torch.zeros(3).long(), torch.zeros(3).long(), (1, 1))
    y = sampled_product(crowded, a.detach()[:1], b.detach()[:1])
    torch.testing.assert_close(y, (a[:1] @ b[:1].T).detach().expand(3, 1).flatten())


def test_interleaved_matrices_are_those_of_one_pattern():
    row, col = torch.tensor([2, 0, 2, 3, 0]), torch.tensor([1, 0, 0, 2, 2])
    pattern, order = Pattern.from_places(row, col, (5, 4))
    value = torch.randn(5, 3)[order.long()]
    copies, place = pattern.interleaved(3)
    S, x = Sparse(copies, value.flatten()[place.long()]), torch.randn(4, 2)
    y = (S @ x).view(5, 3, 2)
    for k in range(3):
        torch.testing.assert_close(y[:, k], Sparse(pattern, value[:, k].contiguous()) @ x)
    torch.testing.assert_close(S.T.to_dense(), S.to_dense().T)


def test_matrix_of_a_gpu_is_kept_as_long_as_its_values():
    pattern, _ = Pattern.from_places(torch.tensor([0, 1, 1]), torch.tensor([1, 0, 1]), (2, 2))
    value = torch.ones(3)
    kept = product._matrix(pattern, value)
    assert product._matrix(pattern, value) is kept
    assert product._matrix(pattern.turned, value) is not kept
    before = product._matrix(pattern, value)
    value.mul_(2)
    again = product._matrix(pattern, value)
    assert again is not before
    torch.testing.assert_close(again.to_dense(), 2 * torch.tensor([[0.0, 1.0], [1.0, 1.0]]))
    count = len(product._matrices)
    del value
    assert len(product._matrices) == count - 1
    assert product._matrix(pattern, torch.ones(3, requires_grad=True)).requires_grad is False
    assert len(product._matrices) == count - 1


@pytest.mark.parametrize("dims", [(None, 0), (None, 1), (None, 2), (0, None), (1, 0), (0, 2)])
def test_batched_products(dims):
    """Under vmap: one wide product, or one for each matrix, also differentiated from outside."""
    torch.manual_seed(0)
    pattern = Pattern.from_places(torch.tensor([0, 2, 1, 2]), torch.tensor([1, 0, 2, 3]), (3, 4))[
        0
    ]
    of_value, of_x = dims
    values = torch.randn((4,) if of_value is None else (5, 4)).requires_grad_()
    signals = torch.randn((4, 2) if of_x is None else (5, 4, 2)).requires_grad_()
    value = values if of_value is None else values.movedim(0, of_value)
    x = signals if of_x is None else signals.movedim(0, of_x)
    run = partial(sparse_product, pattern)
    found = torch.func.vmap(run, in_dims=dims)(value, x)
    each = [
        run(values if of_value is None else values[g], signals if of_x is None else signals[g])
        for g in range(5)
    ]
    torch.testing.assert_close(found, torch.stack(each))
    weight = torch.randn_like(found)
    wanted = torch.autograd.grad((torch.stack(each) * weight).sum(), (values, signals))
    gradients = torch.autograd.grad((found * weight).sum(), (values, signals))
    for one, other in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(one, other)
