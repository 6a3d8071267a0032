"""One pass over the entries equals torch's own operations, whatever the blocks."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from gnnvision.operators import attend as file
from gnnvision.operators.attend import AdditiveScores, DotScores, attend, attention_weights
from gnnvision.operators.pattern import Pattern

M, N, H, C, D, E = 7, 6, 2, 3, 4, 40


def made(kind, dtype=torch.float64, edges=False, own=False):
    """A pattern with an empty row and a crowded one, scores, and values."""
    torch.manual_seed(0)
    row, col = torch.randint(1, M, (E,)), torch.randint(0, N, (E,))
    row[:15] = 3
    pattern, _ = Pattern.from_places(row, col, (M, N))
    values, asked, keys, attributes, matrix, parameter = (
        torch.randn(shape, dtype=dtype).requires_grad_()
        for shape in ((N, H, C), (M, H, C), (N, H, C), (E, D), (H * C, D), (H, C))
    )
    keys = values if own else keys
    pair = (attributes, matrix) if edges else (None, None)
    if kind == "dot":
        return pattern, DotScores(asked, keys, *pair), values
    parameter = parameter if kind == "additive" else None
    return pattern, AdditiveScores.of_slope(0.1, asked, keys, *pair, parameter), values


def gradients(results, scores, values, weights):
    total = sum((y.double() * w).sum() for y, w in zip(results, weights, strict=True))
    inputs = [t for t in (values, *scores.tensors) if t is not None]
    return torch.autograd.grad(total, inputs)


@pytest.mark.parametrize("entries", [1, 4, 10_000])
@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize(("edges", "carried"), [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("kind", ["dot", "additive", "plain"])
def test_blocks_equal_the_composed_form(kind, own, edges, carried, dropped, entries, monkeypatch):
    monkeypatch.setattr(file, "CACHE_BYTES", entries * H * C * 8)
    pattern, scores, values = made(kind, edges=edges, own=own)
    assert (len(pattern.row_blocks(entries)) > 1) == (entries < E)
    keep = torch.randint(0, 2, (E, H)) * 2.0 if dropped else None
    y, weight = attend(pattern, scores, values, keep, carried=carried)
    expected = file._composed(pattern, scores, values, keep, None, carried)
    torch.testing.assert_close((y, weight), expected)
    torch.testing.assert_close(weight, attention_weights(pattern, scores, keep))
    assert (y[0] == 0).all()
    factors = torch.randn_like(y), torch.randn_like(weight)
    torch.testing.assert_close(
        gradients((y, weight), scores, values, factors),
        gradients(expected, scores, values, factors),
    )


@pytest.mark.parametrize("kind", ["dot", "additive"])
def test_derivatives(kind, monkeypatch):
    monkeypatch.setattr(file, "CACHE_BYTES", 4 * H * C * 8)
    pattern, scores, values = made(kind, edges=True)
    inputs = tuple(t for t in (values, *scores.tensors) if t is not None)

    def of(values, *tensors):
        return attend(pattern, scores.given(*tensors), values, carried=True)

    assert gradcheck(of, inputs)
    assert gradgradcheck(of, inputs)
    y, tangent = torch.func.jvp(lambda v: of(v, *inputs[1:])[0], (values,), (values.detach(),))
    torch.testing.assert_close(tangent, y - of(torch.zeros_like(values), *inputs[1:])[0])


def test_attention_does_not_keep_what_every_edge_and_channel_has():
    pattern, scores, values = made("additive", edges=True)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()), lambda t: t):
        attend(pattern, scores, values)
    assert max(kept) == max(E * H, E * D) < E * H * C


@pytest.mark.parametrize("kind", ["dot", "additive"])
def test_bfloat16_sums_in_float32(kind):
    pattern, scores, values = made(kind)
    y, _ = attend(pattern, scores, values)
    factors = torch.ones_like(y)
    expected = gradients((y,), scores, values, (factors,))
    half = [None if t is None else t.detach().bfloat16().requires_grad_() for t in scores.tensors]
    short = values.detach().bfloat16().requires_grad_()
    z, weight = attend(pattern, scores.given(*half), short)
    assert z.dtype is weight.dtype is torch.bfloat16
    torch.testing.assert_close(z.double(), y, atol=0.05, rtol=0.05)
    found = gradients((z,), scores.given(*half), short, (factors,))
    for ours, exact in zip(found, expected, strict=True):
        torch.testing.assert_close(ours.double(), exact, atol=0.2, rtol=0.1)
