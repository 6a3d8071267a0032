"""Inputs as shapes, as tensors and nested, beside torchinfo; and a domain of one's own."""

import pytest
import torch
import torchinfo
from torch import nn

import gnnvision as gv
from gnnvision.inspect import Reach

from .networks import lenet, path


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(3, 4), nn.Embedding(9, 4)

    def forward(self, x1, x2):
        return self.a(x1) + self.b(x2).sum(1)


class Nested(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(3, 4)

    def forward(self, data, scale=1.0, *, more=None):
        out = self.lin(data["x"]) * scale + sum(self.lin(x) for x in data["rest"])
        return {"out": out if more is None else out + self.lin(more)}


class Lengths(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(5, 7, batch_first=True)

    def forward(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
        return nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)[0]


class Chosen(nn.Module):
    def __init__(self):
        super().__init__()
        self.kinds = nn.ModuleDict({"conv": nn.Conv2d(2, 3, 3), "pool": nn.MaxPool2d(2)})

    def forward(self, x, kind):
        return self.kinds[kind](x)


X, IDS = torch.rand(2, 3), torch.zeros(2, 5, dtype=torch.int64)
DATA = {"x": X, "rest": [X, (X)]}
CALLS = {
    "a shape": (lenet, [(4, 1, 32, 32)], {}),
    "a shape without batch": (lenet, [(1, 32, 32)], {"batch_dim": 0}),
    "two shapes": (Two, [[(2, 3), (2, 5)]], {"dtypes": [torch.float32, torch.int64]}),
    "two tensors": (Two, [], {"input_data": [X, IDS]}),
    "by name": (Two, [], {"input_data": {"x1": X, "x2": IDS}}),
    "one by name": (Two, [], {"input_data": X, "x2": IDS}),
    "nested": (Nested, [], {"input_data": [DATA], "scale": 2.0, "more": X}),
    "features": (lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU()), [(5, 3)], {}),
    "tuple of outputs": (lambda: nn.LSTM(5, 7), [(6, 2, 5)], {}),
    "packed": (
        Lengths,
        [],
        {"input_data": torch.rand(2, 4, 5), "lengths": torch.tensor([4, 2])},
    ),
    "training": (
        lambda: nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)),
        [(5, 3)],
        {"mode": "train"},
    ),
    "other arguments": (Chosen, [(1, 2, 8, 8)], {"kind": "conv"}),
    "no input": (lenet, [], {}),
}


@pytest.mark.parametrize("case", CALLS)
def test_calls_and_totals_are_those_of_torchinfo(case):
    make, args, kwargs = CALLS[case]
    model = make()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    ours = gv.summary(model, *args, **kwargs)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    named = dict(zip(["input_size"], args, strict=False))
    peer = torchinfo.summary(model, **named, verbose=0, col_names=(), **{"mode": "eval"} | kwargs)
    assert ours.total_parameters == peer.total_params
    assert ours.trainable_parameters == peer.trainable_params
    out = peer.summary_list[0].output_size
    if case not in ("no input", "tuple of outputs", "packed", "a shape without batch"):
        assert list(ours.output_shape) == list(out)
    assert str(ours)


def test_a_shape_and_its_grid_are_the_same():
    by_shape, by_grid = gv.summary(lenet(), (1, 1, 32, 32)), gv.summary(lenet(), gv.Grid((32, 32)))
    assert by_shape.to_dict() == by_grid.to_dict()


REFUSED = {
    "both": (((1, 1, 32, 32),), {"input_data": X}, ValueError, "'input_data' must not be given"),
    "size": (((1, 0, 32, 32),), {}, ValueError, "'input_size' must be at least 1, got 0"),
    "dtypes": (((2, 3),), {"dtypes": []}, ValueError, "'dtypes' must have 1 elements, got 0"),
    "data": ((), {"input_data": 3}, TypeError, "'input_data' must be a tensor, a list or"),
    "mode": (((2, 3),), {"mode": "test"}, ValueError, "'mode' must be one of"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case):
    args, kwargs, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        gv.summary(lenet(), *args, **kwargs)


# --- the probe and the operators of our layers agree ----------------------------------------


def seen_by_operators(layer, domain):
    """The sites that each output site depends on: the union of the patterns."""
    masks = [S.pattern for S in layer.operators(domain)]
    out = torch.zeros(masks[0].shape, dtype=torch.bool)
    for pattern in masks:
        out[pattern.row.long(), pattern.col.long()] = True
    return out


GRID = gv.Grid((7, 6))
CONVOLUTIONS = {
    "plain": lambda: gv.Conv2d(1, 2, 3),
    "strided": lambda: gv.Conv2d(1, 2, (3, 2), stride=2, padding=1),
    "same, dilated": lambda: gv.Conv2d(1, 2, 3, dilation=2, padding="same"),
    "full": lambda: gv.Conv2d(1, 2, 2, padding="full"),
    "circular": lambda: gv.Conv2d(1, 2, 3, padding=1, padding_mode="circular"),
    "replicate": lambda: gv.Conv2d(1, 2, 3, padding=1, padding_mode="replicate"),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_on_a_grid_the_probe_sees_the_patterns(name):
    layer = CONVOLUTIONS[name]()
    expected, shape = seen_by_operators(layer, GRID), layer.out_domain(GRID).shape
    reach = gv.summary(layer, GRID).network.reach
    for site, row in enumerate(expected):
        index = (0, 0, *(int(i) for i in torch.unravel_index(torch.tensor(site), shape)))
        assert torch.equal(torch.tensor(reach.mask(index)).flatten(), row)


GRAPH_LAYERS = {
    "GCN": (lambda: gv.GCNConv(3, 2), 1),
    "Chebyshev": (lambda: gv.ChebConv(3, 2, K=3), 2),
    "SAGE": (lambda: gv.SAGEConv(3, 2), 1),
}


@pytest.mark.parametrize("name", GRAPH_LAYERS)
def test_on_a_graph_the_probe_sees_the_patterns(name):
    make, hops = GRAPH_LAYERS[name]
    layer, graph = make(), path(8)
    expected = seen_by_operators(layer, graph)

    class Hidden(nn.Module):
        """The same operations, of which the summary does not know that they are a layer's."""

        def forward(self, x, graph):
            return sum(S @ x for S in layer.operators(graph))

    for model in (layer, Hidden()):
        reach = gv.summary(model, graph, 3).network.reach
        assert reach.hops == hops
        masks = [torch.tensor(reach.mask((site, 0))) for site in range(8)]
        assert torch.equal(torch.stack(masks), expected)


def test_a_reach_has_its_former_name():
    reach = Reach(hops=1.0)
    assert reach.sight is reach
    assert reach.mask((0,)) is None


def test_the_former_module():
    from gnnvision.summary import Summary, summary

    assert summary is gv.summary
    assert Summary is gv.inspect.Summary
