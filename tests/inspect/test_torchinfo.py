"""Against torchinfo, on torchvision's networks: the same parameters, shapes and, by rules, MACs.

torchinfo multiplies parameters where we count products, so it differs by three rules, tested
layer by layer:

* a bias counts like a weight: once for each site of a convolution;
* a layer that is not a convolution counts each parameter once for each picture, so a norm counts
  its scales and shifts, and a linear layer on many rows counts one row;
* products outside of layers, as in attention, do not count.
"""

import pytest
import torchinfo
from torch import nn

from .networks import built, size, summarized

QUICK = (
    "alexnet",
    "vgg11",
    "resnet18",
    "squeezenet1_1",
    "shufflenet_v2_x0_5",
    "mnasnet0_5",
    "googlenet",
)
MORE = (
    "vgg16_bn",
    "resnet50",
    "resnext50_32x4d",
    "wide_resnet50_2",
    "densenet121",
    "squeezenet1_0",
    "inception_v3",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "mobilenet_v3_large",
    "mnasnet1_0",
    "shufflenet_v2_x1_0",
    "efficientnet_b0",
    "efficientnet_v2_s",
    "regnet_x_400mf",
    "regnet_y_400mf",
    "convnext_tiny",
    "vit_b_32",
    "swin_t",
    "swin_v2_t",
    "maxvit_t",
)
NAMES = [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in MORE)]


def peer(name):
    model = built(name)
    device = next(model.parameters()).device
    return torchinfo.summary(
        model, (1, 3, *size(name)), device=device, verbose=0, mode="eval", col_names=()
    )


def by_rule(layer, module):
    """What torchinfo counts for a layer of which we count `layer.macs`."""
    held = sum(p.numel() for p in module.parameters(recurse=False))
    if not isinstance(module, nn.modules.conv._ConvNd):
        return held
    bias = 0 if module.bias is None else module.bias.numel()
    sites = layer.output_shape[2] * layer.output_shape[3]
    return layer.macs + bias * sites


@pytest.mark.parametrize("name", NAMES)
def test_parameters_shapes_and_products(name):
    ours, theirs = summarized(name), peer(name)
    assert ours.total_parameters == theirs.total_params
    assert ours.trainable_parameters == theirs.trainable_params
    assert list(ours.output_shape) == theirs.summary_list[0].output_size
    names = dict(built(name).named_modules())
    rows = [r for r in ours.layers if r.was_called and not list(names[r.name].children())]
    leaves = [info for info in theirs.summary_list if info.is_leaf_layer and info.executed]
    assert len(rows) == len(leaves)
    for row, info in zip(rows, leaves, strict=True):
        assert names[row.name] is info.module
        assert list(row.output_shape) == info.output_size
        assert info.macs == by_rule(row, info.module)
    assert theirs.total_mult_adds == sum(by_rule(row, names[row.name]) for row in rows)


@pytest.mark.parametrize("name", ["resnet18", "alexnet"])
def test_the_difference_of_the_totals_by_hand(name):
    """ResNet-18: 9,600 numbers of norms and 1,000 biases; AlexNet: biases, many times over."""
    convolutions = 64 * 55**2 + 192 * 27**2 + (384 + 256 + 256) * 13**2
    difference = {"resnet18": 9_600 + 1_000, "alexnet": convolutions + 4096 + 4096 + 1000}
    assert peer(name).total_mult_adds - summarized(name).total_macs == difference[name]
