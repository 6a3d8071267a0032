import pytest

import gnnvision as gv
from gnnvision.report.boxes import steps_of

from ..inspect.networks import lenet, path, summarized


def named(result):
    return [(step.name, step.shape, step.times) for step in steps_of(result)]


def test_the_boxes_of_lenet():
    steps = steps_of(gv.summary(lenet(), gv.Grid((32, 32))))
    assert [(step.name, step.shape, step.after) for step in steps] == [
        ("Input", (1, 32, 32), ()),
        ("Conv2d", (6, 28, 28), ("Tanh",)),
        ("AvgPool2d", (6, 14, 14), ()),
        ("Conv2d", (16, 10, 10), ("Tanh",)),
        ("AvgPool2d", (16, 5, 5), ()),
        ("Conv2d", (120, 1, 1), ("Tanh", "Flatten")),
        ("Linear", (84,), ("Tanh",)),
        ("Linear", (10,), ()),
    ]
    assert [step.kind for step in steps[:3]] == ["input", "convolution", "pooling"]


def test_the_boxes_of_a_graph():
    result = gv.summary(gv.models.gcn(4, 8, 3), path(6))
    assert named(result) == [("Input", (6, 4), 1), ("GCNConv", (6, 8), 1), ("GCNConv", (6, 3), 1)]


def test_blocks_with_several_ways_stay_whole():
    names = [step.name for step in steps_of(summarized("resnet18"))]
    assert names == [
        "Input",
        "Conv2d",
        "MaxPool2d",
        *["BasicBlock"] * 8,
        "AdaptiveAvgPool2d",
        "Linear",
    ]
    assert {step.kind for step in steps_of(summarized("resnet18")) if "Block" in step.name} == {
        "block"
    }


def test_long_networks_repeat_their_blocks():
    found = named(summarized("resnet152"))
    assert [step for step in found if step[0] == "Bottleneck"] == [
        ("Bottleneck", (256, 56, 56), 3),
        ("Bottleneck", (512, 28, 28), 8),
        ("Bottleneck", (1024, 14, 14), 36),
        ("Bottleneck", (2048, 7, 7), 3),
    ]
    shallow = [step.name for step in steps_of(summarized("resnet152").at_depth(1))]
    assert shallow == [
        "Input",
        "Conv2d",
        "MaxPool2d",
        *["Sequential"] * 4,
        "AdaptiveAvgPool2d",
        "Linear",
    ]


@pytest.mark.parametrize(
    "name", ["resnet18", "googlenet", "shufflenet_v2_x0_5", "vgg11", "alexnet"]
)
def test_boxes_hold_all_parameters(name):
    result = summarized(name)
    idle = sum(r.parameters for r in result.layers if not r.was_called)
    steps = steps_of(result)
    assert sum(step.parameters for step in steps) == result.total_parameters - idle
    assert len(steps) <= 20
