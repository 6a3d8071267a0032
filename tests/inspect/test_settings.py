import pytest
from torch import nn

import gnnvision as gv
from gnnvision.inspect.layer import settings

SHORT = {
    "3 → 64, 7 × 7, stride 2": nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False),
    "8 → 8, 3 × 5, stride 1 × 2, dilation 2, 8 groups": gv.Conv2d(
        8, 8, (3, 5), stride=(1, 2), dilation=2, groups=8
    ),
    "2 → 4, 3": gv.Conv1d(2, 4, 3),
    "5 → 2": nn.Linear(5, 2),
    "2": gv.MaxPool2d(2),
    "3, stride 2": nn.MaxPool2d(3, 2),
    "1 × 2": nn.AvgPool2d((1, 2)),
    "to 7 × 7": nn.AdaptiveAvgPool2d((7, 7)),
    "to 1": nn.AdaptiveMaxPool1d(1),
    "16": nn.BatchNorm2d(16),
    "p=0.5": gv.Dropout(0.5),
    "": nn.Flatten(),
    "4 → 8": gv.GCNConv(4, 8),
    "4 → 8, 2 heads": gv.GATv2Conv(4, 8, heads=2),
    "4 → 8, 3 polynomials": gv.ChebConv(4, 8, K=3),
    "mean": gv.Readout("mean"),
    "2, max": gv.GraphPool(2),
}


@pytest.mark.parametrize("expected", SHORT)
def test_a_layer_in_few_letters(expected):
    assert settings(SHORT[expected]) == expected
