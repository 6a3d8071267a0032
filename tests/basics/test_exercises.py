import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.basics import (
    ALEXNET,
    ALEXNET_ON_TWO_GPUS,
    LENET,
    Conv,
    Dense,
    Flatten,
    Pool,
    exercise,
)

FIRST_EXERCISE = (
    Conv(32, 3, padding="same"),
    Conv(64, 3, padding="same"),
    Flatten(),
    Dense(10),
    Dense(28 * 28 * 64),
)
SECOND_EXERCISE = (
    *(Conv(filters, 3, stride=2, padding="same") for filters in (32, 64, 128)),
    Flatten(),
    Dense(10),
)


def outputs(done):
    return [row.output_shape for row in done.rows]


def parameters(done):
    return [int(row.parameters) for row in done.rows]


def test_the_first_exercise_of_the_notes():
    done = exercise((28, 28, 3), FIRST_EXERCISE)
    shapes = [(28, 28, 32), (28, 28, 64), (50_176,), (10,), (50_176,)]
    assert outputs(done) == shapes
    assert parameters(done) == [896, 18_496, 0, 501_770, 551_936]


def test_the_second_exercise_of_the_notes():
    done = exercise((100, 75, 3), SECOND_EXERCISE)
    shapes = [(50, 38, 32), (25, 19, 64), (13, 10, 128), (16_640,), (10,)]
    assert outputs(done) == shapes
    assert parameters(done) == [896, 18_496, 73_856, 0, 166_410]
    assert "height:" in str(done)
    assert "width:" in str(done)


def test_alexnet():
    done = exercise((227, 227, 3), ALEXNET)
    convolutions = [number for number in parameters(done) if number]
    assert convolutions == [34_944, 614_656, 885_120, 1_327_488, 884_992]
    assert done.parameters == done.convolution_parameters == 3_747_200
    assert outputs(done)[0] == (55, 55, 96)
    split = [int(row.parameters) for row in exercise((227, 227, 3), ALEXNET_ON_TWO_GPUS).rows]
    assert [n for n in split if n] == [34_944, 307_456, 885_120, 663_936, 442_624]


def test_lenet():
    done = exercise((32, 32, 1), LENET)
    assert parameters(done) == [156, 0, 2_416, 0, 48_120, 0, 10_164, 850]
    assert done.convolution_parameters == 50_692
    assert done.parameters - done.convolution_parameters == 11_014


def build(input_shape, layers):
    """The same network from layers that run."""
    channels = input_shape[2]
    made = []
    for layer in layers:
        match layer:
            case Conv(filters, f, s, p, groups):
                made.append(gv.Conv2d(channels, filters, f, s, p, groups=groups))
                channels = filters
            case Pool(f, s):
                made.append(nn.MaxPool2d(f, s))
            case Flatten():
                made.append(nn.Flatten())
            case Dense(units):
                made.append(nn.LazyLinear(units))
    return made


NETWORKS = {
    "first": ((28, 28, 3), FIRST_EXERCISE),
    "second": ((100, 75, 3), SECOND_EXERCISE),
    "lenet": ((32, 32, 1), LENET),
    "alexnet": ((227, 227, 3), ALEXNET_ON_TWO_GPUS),
    "mixed": ((19, 14, 2), (Conv(4, 4, 3, "full"), Pool(3, 1), Conv(6, 2, 1, 1, 2), Flatten())),
}


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
@pytest.mark.parametrize("name", NETWORKS)
def test_the_table_is_what_the_network_does(name):
    shape, layers = NETWORKS[name]
    x = torch.zeros(1, shape[2], *shape[:2])
    for row, layer in zip(exercise(shape, layers).rows, build(shape, layers), strict=True):
        x = layer(x)
        size = tuple(x.shape[2:]) + tuple(x.shape[1:2])  # channels last
        assert size == row.output_shape
        assert sum(p.numel() for p in layer.parameters()) == int(row.parameters)


def test_the_page_shows_every_step():
    text = str(exercise((28, 28, 3), FIRST_EXERCISE))
    for line in ("= 3²·3·32 + 32", "= 864 + 32 = 896", "28×28×64 = 50,176", "= 50,176·10 + 10"):
        assert line in text
    assert text.endswith("total: 1,073,098 parameters")


def test_refusals():
    with pytest.raises(ValueError, match=r"'input_shape' must be \(height, width, channels\)"):
        exercise((28, 28), [])
    with pytest.raises(ValueError, match="'layers' must have Flatten before Dense 10"):
        exercise((28, 28, 3), [Dense(10)])
    with pytest.raises(ValueError, match="must have Pool 2×2 before Flatten"):
        exercise((28, 28, 3), [Flatten(), Pool(2)])
    with pytest.raises(TypeError, match="'layers' must be Conv, Pool, Flatten or Dense, got"):
        exercise((28, 28, 3), [nn.ReLU()])
