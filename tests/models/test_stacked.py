from itertools import pairwise

import gnnvision as gv

from .conftest import counts


def convolution(narrow, wide, kernel=3):
    return narrow * wide * kernel**2 + wide


def test_mnist():
    convolutions = [convolution(1, 32), convolution(32, 64)]
    dense = [64 * 14 * 14 * 128 + 128, 128 * 10 + 10]
    assert counts(gv.models.mnist_cnn()) == convolutions + dense
    assert counts(gv.models.mnist_cnn(head="average")) == [*convolutions, 64 * 10 + 10]


def test_cifar():
    widths = [(3, 32), (32, 32), (32, 64), (64, 64)]
    convolutions = [convolution(*pair) for pair in widths]
    dense = [64 * 8 * 8 * 512 + 512, 512 * 10 + 10]
    assert counts(gv.models.cifar_cnn()) == convolutions + dense
    assert counts(gv.models.cifar_cnn(head="average")) == [*convolutions, 64 * 10 + 10]
    assert [m.p for m in gv.models.cifar_cnn() if isinstance(m, gv.Dropout)] == [0.25, 0.25, 0.5]


def test_vgg_like():
    widths = [(3, 32), (32, 32), (32, 64), (64, 64), (64, 128), (128, 128)]
    blocks = [n for pair in widths for n in (convolution(*pair), 2 * pair[1])]
    dense = [128 * 4 * 4 * 1024 + 1024, 1024 * 10 + 10]
    assert counts(gv.models.vgg_like()) == blocks + dense
    assert counts(gv.models.vgg_like(head="average")) == [*blocks, 128 * 10 + 10]


def test_the_global_average_saves_nearly_all_parameters():
    for build in (gv.models.mnist_cnn, gv.models.cifar_cnn, gv.models.vgg_like):
        assert 5 * sum(counts(build(head="average"))) < sum(counts(build()))


def test_the_network_to_look_into():
    network = gv.models.xai_net()
    features = network.features
    assert [type(features[i]).__name__ for i in (0, 4, 7, 8, 12, 15, 20, 40)] == [
        "Conv2d", "Conv2d", "MaxPool2d", "Conv2d", "Conv2d", "MaxPool2d", "Conv2d", "Conv2d"
    ]  # fmt: skip
    widths = [3, 64, 64, 128, 128, 256, 256, 256, *[512] * 6]
    expected = [n for narrow, wide in pairwise(widths) for n in (narrow * wide * 9, 2 * wide)]
    assert counts(network) == [*expected, 512 * 512 + 512, 512 * 2 + 2]
