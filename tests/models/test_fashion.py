import torch

import gnnvision as gv

from .conftest import counts


def test_the_dense_network_uses_all_its_layers():
    network = gv.models.fashion_dnn()
    assert counts(network) == [784 * 256 + 256, 256 * 128 + 128, 128 * 10 + 10]
    x = torch.rand(2, 1, 28, 28)
    hidden = torch.relu(x.flatten(1) @ network[1].weight.T + network[1].bias)
    hidden = torch.relu(hidden @ network[4].weight.T + network[4].bias)
    expected = hidden @ network[6].weight.T + network[6].bias
    torch.testing.assert_close(network.eval()(x), expected)


def test_the_convolutional_network():
    convolutions = [32 * 9 + 32, 64, 64 * 32 * 9 + 64, 128]
    dense = [2304 * 600 + 600, 600 * 120 + 120, 120 * 10 + 10]
    assert counts(gv.models.fashion_cnn()) == convolutions + dense


def test_strides_in_place_of_pooling():
    convolutions = [9 * 32 + 32, 32 * 9 * 64 + 64, 64 * 9 * 128 + 128]
    fashion = [128 * 2 * 2 * 512 + 512, 512 * 10 + 10]
    assert counts(gv.models.strided_cnn()) == convolutions + fashion
    cifar = gv.models.strided_cnn(3, 10, 32)
    assert counts(cifar)[3:] == [128 * 3 * 3 * 1024 + 1024, 1024 * 10 + 10]
    assert [m.p for m in cifar if isinstance(m, gv.Dropout)] == [0.5, 0.2]
    assert [m.p for m in gv.models.strided_cnn() if isinstance(m, gv.Dropout)] == [0.2, 0.2]


def test_sizes_that_a_checkpoint_holds_come_first():
    before = {"in_channels": 3, "num_classes": 10, "image_size": 32}
    before |= {"hidden_channels": 512, "dropout": [0.2, 0.2]}
    network = gv.models.build("strided_cnn", **before)
    assert counts(network)[3:] == [128 * 3 * 3 * 512 + 512, 512 * 10 + 10]
    assert [m.p for m in network if isinstance(m, gv.Dropout)] == [0.2, 0.2]
