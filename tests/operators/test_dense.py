"""The dense product of every backend equals torch's, with all derivatives."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck

from gnnvision.operators import dense
from gnnvision.operators.dense import dense_product, padded, quick_products, rounded_up


@pytest.fixture(params=["this processor's", "another's"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """oneDNN where torch has it, and torch's own product."""
    is_amd = request.param == "another's" and torch.backends.mkldnn.is_available()
    monkeypatch.setattr(dense, "_is_amd", lambda: is_amd)
    monkeypatch.setattr(dense, "LEAST", 1)


def operands(rows: int) -> list[Tensor]:
    made = torch.Generator().manual_seed(0)
    shapes = ((rows, 24), (24, 40), (40,))
    return [
        torch.randn(shape, generator=made, dtype=torch.float32).requires_grad_()
        for shape in shapes
    ]


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("rows", [1, 127, 128, 300])
def test_the_product_and_its_gradients_are_torchs(rows: int) -> None:
    found, expected = operands(rows), operands(rows)
    seed = torch.randn(rows, 40, dtype=torch.float32)
    ours, theirs = dense_product(*found), torch.addmm(expected[2], *expected[:2])
    ours.backward(seed)
    theirs.backward(seed)
    torch.testing.assert_close(ours, theirs)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("backend")
def test_a_weight_that_is_stored_transposed_and_no_bias() -> None:
    x, W = torch.randn(50, 8, dtype=torch.float32), torch.randn(16, 8, dtype=torch.float32)
    torch.testing.assert_close(dense_product(x, W.t()), x @ W.t())
    with torch.no_grad():
        torch.testing.assert_close(dense_product(x, W.t()), x @ W.t())


@pytest.mark.usefixtures("backend")
def test_a_gradient_of_one_number_for_all_entries() -> None:
    x, W, _ = operands(7)
    dense_product(x, W).sum().backward()
    torch.testing.assert_close(x.grad, W.detach().sum(1).expand(7, -1))


def test_second_derivatives_in_double() -> None:
    given = [value.detach()[:5].double().requires_grad_() for value in operands(5)[:1]]
    W = torch.randn(24, 3, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(3, dtype=torch.float64, requires_grad=True)
    assert gradcheck(dense_product, (*given, W, bias))
    assert gradgradcheck(dense_product, (*given, W, bias))


@pytest.mark.usefixtures("backend")
def test_a_second_derivative_is_torchs() -> None:
    def second(product: object) -> Tensor:
        x, W, bias = operands(130)
        y = product(x, W, bias).sin().sum()  # type: ignore[operator]
        (first,) = torch.autograd.grad(y, x, create_graph=True)
        (found,) = torch.autograd.grad(first.square().sum(), W)
        return found

    expected = second(lambda x, W, bias: torch.addmm(bias, x, W))
    torch.testing.assert_close(second(dense_product), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.usefixtures("backend")
def test_vmap_and_forward_mode_use_torchs_own() -> None:
    x, W, bias = (value.detach() for value in operands(6))
    stacked = torch.func.vmap(dense_product, (None, 0, None))(x, torch.stack([W, 2 * W]), bias)
    torch.testing.assert_close(stacked[1], torch.addmm(bias, x, 2 * W))
    _, tangent = torch.func.jvp(lambda v: dense_product(v, W), (x,), (torch.ones_like(x),))
    torch.testing.assert_close(tangent, torch.ones_like(x) @ W)


def test_rows_are_rounded_up_for_onednn_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    if not torch.backends.mkldnn.is_available():
        pytest.skip("torch has no oneDNN")
    x = torch.ones(130, 3, dtype=torch.float32)
    monkeypatch.setattr(dense, "_is_amd", lambda: True)
    assert (rounded_up(x, 130), rounded_up(x.double(), 130)) == (256, 130)
    below = padded(x, 256)
    assert below.shape == (256, 3)
    assert below[130:].eq(0).all()
    assert below[:130].equal(x)
    monkeypatch.setattr(dense, "_is_amd", lambda: False)
    assert rounded_up(x, 130) == 130


@pytest.mark.usefixtures("backend")
def test_linear_layers_in_the_context() -> None:
    network = nn.Sequential(nn.Linear(24, 40), nn.ReLU(), nn.Linear(40, 5)).float()
    x = operands(140)[0]
    plain = network(x)
    with quick_products(x):
        quick = network(x)
    torch.testing.assert_close(quick, plain)


@pytest.mark.usefixtures("backend")
def test_the_result_can_be_edited_in_place() -> None:
    x, W, bias = operands(130)
    edited = nn.ReLU(inplace=True)(dense_product(x, W, bias))
    torch.testing.assert_close(edited, torch.addmm(bias, x, W).relu())
    edited.sum().backward()
    assert x.grad is not None
