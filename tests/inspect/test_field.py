"""Receptive fields: by hand, and by the gradients of networks with positive weights."""

from itertools import pairwise
from math import inf, isnan, nan

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import gnnvision as gv

from .networks import built, lenet, summarized


def fields(model, size, channels=1):
    layers = gv.summary(model, gv.Grid(size), channels).layers
    return [(layer.receptive_field, layer.jump) for layer in layers]


def test_lenet_by_hand():
    found = [field[0][0] for field in fields(lenet(), (32, 32))]
    assert found == [5, 5, 6, 14, 14, 16, 32, 32, 32, inf, inf, inf]
    assert [field[1] for field in fields(lenet(), (32, 32))][:4] == [(1, 1)] * 2 + [(2, 2)] * 2


def test_vgg16_by_hand():
    """3 x 3 convolutions in blocks of 2, 2, 3, 3, 3 with a pool of 2 after each."""
    size, jump, expected = 1, 1, []
    for convolutions in (2, 2, 3, 3, 3):
        for _ in range(convolutions):
            size += 2 * jump
            expected.append(size)
        size, jump = size + jump, 2 * jump
        expected.append(size)
    assert expected[-1] == 212
    layers = summarized("vgg16_bn").layers
    seen = [r.receptive_field[0] for r in layers if r.kind in ("Conv2d", "MaxPool2d")]
    assert seen == expected


@pytest.mark.slow
def test_resnets_are_as_published():
    """Araujo, Norris, Sim, "Computing Receptive Fields of CNNs", 2019, distill.pub, table 1.

    torchvision's networks stride in the 3 x 3 convolution, not in the 1 x 1 before it, so three
    of those reach 2 sites of the finer grid: 2 (4 + 8 + 16) less.
    """
    for name, size in (("resnet50", 483), ("resnet101", 1027), ("resnet152", 1507)):
        blocks = gv.summary(built(name), gv.Grid((224, 224)), depth=1).layers
        last = next(layer for layer in blocks if layer.name == "layer4")
        assert (last.receptive_field, last.jump) == ((size - 56,) * 2, (32, 32))


def test_axes_differ():
    model = nn.Sequential(nn.Conv2d(1, 2, (3, 5), stride=(1, 2)), nn.Conv2d(2, 2, (1, 3)))
    assert fields(model, (20, 30))[-1] == ((3, 9), (1, 2))
    volume = nn.Sequential(nn.Conv3d(1, 2, (1, 3, 5)), nn.AvgPool3d((1, 2, 2)))
    assert fields(volume, (4, 20, 30))[-1] == ((1, 4, 6), (1, 2, 2))


class Apply(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def windows(x):
    """Sums over windows of 4 x 4, cut out as transformers do."""
    b, c, h, w = x.shape
    cut = x.view(b, c, h // 4, 4, w // 4, 4).permute(0, 2, 4, 3, 5, 1).reshape(-1, 16, c)
    mixed = cut.transpose(1, 2) @ torch.ones(16, 16, dtype=x.dtype)
    mixed = mixed.transpose(1, 2).reshape(b, h // 4, w // 4, 4, 4, c)
    return mixed.permute(0, 5, 1, 3, 2, 4).reshape(b, c, h, w)


def written(x):
    """Moved by two, into a memory of its own."""
    y = torch.zeros_like(x)
    y[..., 2:] = x[..., :-2]
    return y + x


FUNCTIONS = {
    "itself": (lambda x: x.relu() * 2 + 1, (1, 1), (1, 1)),
    "global mean": (lambda x: x.mean((2, 3)), (inf, inf), (1, 1)),
    "mean of rows": (lambda x: x.mean(2, keepdim=True), (inf, 1), (1, 1)),
    "broadcast": (lambda x: x * x.amax((2, 3), keepdim=True), (inf, inf), (1, 1)),
    "channels last": (lambda x: F.linear(x.permute(0, 2, 3, 1), torch.ones(5, 3)), (1, 1), (1, 1)),
    "flattened": (lambda x: F.linear(x.flatten(1), torch.ones(5, 3 * 64)), (inf, inf), (1, 1)),
    "joined": (lambda x: torch.cat([x, F.avg_pool2d(x, 3, 1, 1)], 1), (3, 3), (1, 1)),
    "parts": (lambda x: x.chunk(3, 1)[0] + x[:, :1], (1, 1), (1, 1)),
    "sites and back": (lambda x: x.flatten(2).transpose(1, 2).mT.reshape(x.shape), (1, 1), (1, 1)),
    "windows": (windows, (4, 4), (1, 1)),
    "every other": (lambda x: x[:, :, ::2, ::2], (1, 1), (2, 2)),
    "patches": (
        lambda x: torch.cat([x[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)], 1),
        (2, 2),
        (2, 2),
    ),
    "shuffled": (lambda x: F.pixel_unshuffle(x, 2), (1, 1), (2, 2)),
    "finer": (lambda x: F.interpolate(x, scale_factor=2), (1, 1), (0.5, 0.5)),
    "bilinear": (
        lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
        (2, 2),
        (0.5, 0.5),
    ),
    "adaptive": (lambda x: F.adaptive_avg_pool2d(x, (3, 2)), (4, 4), (8 / 3, 4)),
    "adaptive to one": (lambda x: F.adaptive_max_pool2d(x, 1), (inf, inf), (1, 1)),
    "padded": (lambda x: F.avg_pool2d(F.pad(x, (2, 2, 2, 2), "reflect"), 3), (3, 3), (3, 3)),
    "differences": (lambda x: x[:, :, 1:] - x[:, :, :-1], (2, 1), (1, 1)),
    "far apart": (lambda x: x[..., :3] + x[..., -3:], (1, 6), (1, 1)),
    "cut to fit": (
        lambda x: F.max_pool2d(x, 3, 1) + x[:, :, 1:-1, 1:-1],
        (3, 3),
        (1, 1),
    ),
    "halves": (lambda x: sum(x.split(4, 3)), (1, 5), (1, 1)),
    "one after another": (lambda x: torch.stack(x.unbind(3)).sum(0), (1, inf), (1, 1)),
    "a column": (lambda x: x[..., 2] + x[..., 5], (1, 4), (1, 1)),
    "rolled and back": (
        lambda x: F.avg_pool2d(x.roll(2, 3), 3, 1, 1).roll(-2, 3) + x,
        (3, 3),
        (1, 1),
    ),
    "to one side": (lambda x: F.avg_pool2d(F.pad(x, (2, 0, 2, 0)), 3, 1) + x, (3, 3), (1, 1)),
    "around": (lambda x: F.avg_pool2d(F.pad(x, (1, 1, 1, 1), "circular"), 3, 1), (3, 3), (1, 1)),
    "written into": (written, (1, 3), (1, 1)),
    "group norm": (lambda x: F.group_norm(x, 1), (inf, inf), (1, 1)),
    "layer norm": (
        lambda x: F.layer_norm(x.permute(0, 2, 3, 1), (3,)).permute(0, 3, 1, 2),
        (1, 1),
        (1, 1),
    ),
    "instance norm": (lambda x: F.instance_norm(x), (inf, inf), (1, 1)),
    "softmax of columns": (lambda x: x.softmax(3), (1, inf), (1, 1)),
    "stacked": (lambda x: torch.stack([x, x]).sum(0), (1, 1), (1, 1)),
    "not known": (lambda x: x.cumsum(2).sort(3)[0][..., [1, 0]], (nan, nan), (1, 1)),
}


def residual_windows(x):
    """Windows of 4 x 4, then others half across them, each beside what was there."""
    x = x + windows(x)
    return x + windows(x.roll((-2, -2), (2, 3))).roll((2, 2), (2, 3))


def attended(x):
    tokens = x.flatten(2).mT
    return F.scaled_dot_product_attention(tokens, tokens, tokens).mT.reshape(x.shape)


# Of these each site sees just what the field says, at the border too; of the hulls, no more.
EXACT = {
    "a flip": (lambda x: F.avg_pool2d(x.flip(3), 3, 2), (3, 3)),
    "a roll": (lambda x: x.roll((3, -1), (2, 3)), (1, 1)),
    "reflected": (lambda x: F.avg_pool2d(F.pad(x, (3,) * 4, "reflect"), 3, 1), (3, 3)),
    "replicated": (lambda x: F.avg_pool2d(F.pad(x, (3,) * 4, "replicate"), 3, 1), (3, 3)),
    "around twice": (lambda x: around(around(x)), (5, 5)),
    "around, coarser": (lambda x: F.avg_pool2d(F.pad(x, (1,) * 4, "circular"), 3, 2), (3, 3)),
    "a quarter": (lambda x: F.interpolate(x, scale_factor=0.25, mode="bilinear"), (2, 2)),
    "nearest": (lambda x: F.interpolate(x, size=(3, 13), mode="nearest-exact"), (1, 1)),
    "transposed": (
        lambda x: F.conv_transpose2d(x, torch.ones(3, 2, 3, 1), stride=2, padding=1),
        (2, 1),
    ),
    "means of windows": (lambda x: x.view(-1, 3, 2, 4, 2, 4).mean((3, 5)), (4, 4)),
    "halves the other way": (lambda x: torch.cat([x[..., 4:], x[..., :4]], 3), (1, 1)),
    "behind zeros": (lambda x: torch.cat([torch.zeros_like(x), x], 3), (1, 1)),
    "windows, shifted": (residual_windows, (8, 8)),
    "Fourier": (lambda x: torch.fft.fft(x, dim=3).abs(), (1, inf)),
    "less the mean": (lambda x: x - x.mean(2, keepdim=True), (inf, 1)),
    "attention": (attended, (inf, inf)),
}
HULLS = {
    "beside its roll": (lambda x: x + x.roll(2, 3), (1, 3)),
    "rolled when coarse": (lambda x: F.avg_pool2d(x, 3, 2, 1).roll((1, -1), (2, 3)), (3, 3)),
    "corners": (
        lambda x: F.interpolate(x, size=(13, 5), mode="bilinear", align_corners=True),
        (2, 2),
    ),
    "pairs of tokens": (lambda x: x.flatten(2).mT @ x.flatten(2), (8, 8)),
}
# A result is not always as the arguments of its operation let expect.
HULLS |= {
    "squeezed in place": (lambda x: (x * 2).squeeze_(0).unsqueeze_(0), (1, 1)),
    "one stride for all axes": (
        lambda x: torch.conv2d(x, torch.ones(1, 3, 3, 3), None, [2]),
        (3, 3),
    ),
    "written at one row": (lambda x: x.select_scatter(x[:, :, 0], 2, 3), (1, 1)),
    "copies of rows": (lambda x: torch.unbind_copy(x, 2)[1][:, :, None], (1, 1)),
}
# Operations without a rule: what they copy, or the entire axis along which they work.
MOVED = {
    "roll of all": (lambda x: x.roll(5), (1, 1)),
    "running sum": (lambda x: x.cumsum(3), (1, inf)),
    "order": (lambda x: x.sort(3)[0], (1, inf)),
    "gathered": (lambda x: x.gather(3, torch.zeros(1, 3, 8, 8, dtype=torch.int64)), (1, inf)),
    "beside its transpose": (lambda x: x + x.mT, (8, 8)),
    "which are positive": (lambda x: x * (x > 0).all(3, keepdim=True), (1, inf)),
    "a triangle": (lambda x: x.triu(), (1, 1)),
}
LOST = {
    "picked": lambda x: x[..., torch.arange(7, -1, -1)],
    "solved": lambda x: torch.linalg.inv(x),
    "where a maximum stood": lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2),
    "where the maxima stand": lambda x: F.adaptive_max_pool2d(x, 8, return_indices=True)[1],
    "a sparse copy": lambda x: x.to_sparse().to_dense(),
}


def around(x):
    return F.avg_pool2d(F.pad(x, (1,) * 4, "circular"), 3, 1)


def seen(function):
    """For some numbers of a result: what the field says, and what has a gradient."""
    x = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0)) + 0.1
    x.requires_grad_()
    y = function(x)
    reach = gv.summary(Apply(function), gv.Grid((8, 8)), 3).layers[-1].reach
    places = [(0, 0), (1, 1), (2, 5), (-1, -1), (0, -2)]
    for place in places:
        index = [0] * (y.ndim - 2) + [i % n for i, n in zip(place, y.shape[-2:], strict=True)]
        (slope,) = torch.autograd.grad(y[tuple(index)], x, retain_graph=True)
        yield reach.mask(index), (slope[0].abs().sum(0) > 1e-12).numpy()


@pytest.mark.parametrize("name", [*EXACT, *HULLS, *MOVED])
def test_each_site_sees_what_its_gradient_says(name):
    function, size = (EXACT | HULLS | MOVED)[name]
    assert fields(Apply(function), (8, 8), 3)[-1][0] == size
    for mask, slope in seen(function):
        assert (mask >= slope).all()
        assert name not in EXACT or (mask == slope).all()


@pytest.mark.parametrize("name", LOST)
def test_what_an_unknown_operation_leaves_is_not_known(name):
    """The result has the shape of the input, but its sites are not those of the input."""
    reach = gv.summary(Apply(LOST[name]), gv.Grid((8, 8)), 3).network.reach
    assert all(isnan(size) for size in reach.size)
    assert all(isnan(first) for first in reach.first)
    assert str(reach) == "? × ?"
    assert reach.mask((0, 0, 1, 1)) is None


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("batch_size", [1, 2])
def test_functions(name, batch_size):
    function, size, jump = FUNCTIONS[name]
    result = gv.summary(Apply(function), gv.Grid((8, 8)), 3, batch_size=batch_size)
    found = result.layers[-1]
    assert [None if isnan(n) else n for n in found.receptive_field] == [
        None if isnan(n) else n for n in size
    ]
    if not any(isnan(n) for n in size):
        assert found.jump == jump


def test_what_does_not_see_the_picture():
    assert gv.summary(Apply(lambda x: torch.ones(3)), gv.Grid((8, 8)), 3).layers[0].reach is None


@pytest.mark.slow
def test_transformers():
    """Windows of 7 patches of 4 pixels, then the same windows shifted; ViT sees all at once."""
    swin = gv.summary(built("swin_t"), gv.Grid((224, 224)), depth=2).layers
    (first,) = (layer for layer in swin if layer.name == "features.1")
    # A shifted window lies across two windows along each axis: 2 x 7 patches.
    assert first.receptive_field == (2 * 7 * 4,) * 2
    vit = summarized("vit_b_32").layers
    assert vit[0].receptive_field == (32, 32)
    attention = next(layer for layer in vit if layer.kind == "MultiheadAttention")
    assert attention.receptive_field == (inf, inf)


# --- by gradients ---------------------------------------------------------------------------


def positive(model):
    """No two contributions cancel."""
    for parameter in model.parameters():
        parameter.data = torch.rand_like(parameter) + 0.1
    return model


def measured(model, length, channels):
    """The most sites that an output sees, and the distance of two outputs far from the ends.

    These networks are linear, so their gradients are their answers to one site after another.
    """
    sites = torch.eye(length, dtype=torch.float64)[:, None].expand(-1, channels, -1)
    answers = model.double()(sites) - model(torch.zeros_like(sites))
    gradients = answers.abs().sum(1).T  # (outputs, sites)
    spans = [(int(g.nonzero()[0]), int(g.nonzero()[-1])) for g in gradients if g.any()]
    inner = [(a, b) for a, b in spans if a > 0 and b < length - 1]
    widest = max(b - a + 1 for a, b in inner)
    full = [a + b for a, b in inner if b - a + 1 == widest]
    return widest, [(b - a) / 2 for a, b in pairwise(full)]


layer = st.one_of(
    st.tuples(st.just("conv"), st.integers(1, 4), st.integers(1, 2), st.integers(1, 2)),
    st.tuples(st.just("pool"), st.integers(1, 3), st.integers(1, 2)),
)


def stack(layers):
    parts = []
    for kind, *sizes in layers:
        if kind == "conv":
            kernel, stride, dilation = sizes
            parts.append(nn.Conv1d(2, 2, kernel, stride=stride, dilation=dilation))
        else:
            parts.append(nn.AvgPool1d(*sizes))
    return positive(nn.Sequential(*parts))


def test_where_the_first_field_begins():
    """f' = f - p j, with the jump j before the layer; `inf` where nothing is seen."""
    model = nn.Sequential(
        nn.Conv1d(2, 2, 5, stride=2, padding=2), nn.Conv1d(2, 2, 3, padding=2, dilation=2),
        nn.MaxPool1d(3, 2, padding=1), nn.ConvTranspose1d(2, 2, 2, stride=2),
    )  # fmt: skip
    layers = gv.summary(model, gv.Grid(40), 2).layers
    assert [layer.reach.first for layer in layers] == [(-2,), (-2 - 4,), (-6 - 2,), (-8,)]
    assert [layer.jump for layer in layers] == [(2,), (2,), (4,), (2,)]
    assert gv.summary(gv.Readout("mean"), gv.Grid(40), 2).network.reach.first == (-inf,)


@settings(max_examples=12)
@given(st.lists(layer, min_size=1, max_size=4))
def test_any_stack_sees_what_its_gradient_says(layers):
    """Zero outside the field, and not zero at both of its ends."""
    model = stack(layers)
    last = gv.summary(model, gv.Grid(160), 2).layers[-1]
    (size,), (jump,) = last.receptive_field, last.jump
    widest, steps = measured(model, 160, 2)
    assert widest == size
    assert set(steps) == {jump}


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.short, self.long = nn.Conv1d(2, 2, 1), nn.Conv1d(2, 2, 7, padding=3)
        self.last = nn.Conv1d(4, 2, 3)

    def forward(self, x):
        return self.last(torch.cat([self.short(x), x + self.long(x)], 1))


NETWORKS = {
    "branches": Branches,
    "transposed": lambda: nn.Sequential(nn.Conv1d(2, 2, 3), nn.ConvTranspose1d(2, 2, 5, stride=2)),
    "encoder and decoder": lambda: nn.Sequential(
        nn.Conv1d(2, 2, 3, stride=2), nn.Upsample(scale_factor=2), nn.Conv1d(2, 2, 3)
    ),
    "linear upsampling": lambda: nn.Upsample(scale_factor=2, mode="linear"),
    "transposed, dilated": lambda: nn.ConvTranspose1d(2, 2, 3, stride=2, dilation=2),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_see_what_their_gradient_says(name):
    model = positive(NETWORKS[name]())
    (size,) = gv.summary(model, gv.Grid(40), 2).network.receptive_field
    widest, _ = measured(model, 40, 2)
    # Sites of different phases see different windows; the field is the hull of each.
    assert widest <= size
    assert widest == size or name == "encoder and decoder"
