"""Networks of the tests, built where they take no memory."""

from functools import cache

import torch
import torchvision
from torch import nn

import gnnvision as gv

UNSEEDED = {"googlenet": {"init_weights": False}, "inception_v3": {"init_weights": False}}
MEASURED = ("regnet_x_400mf", "regnet_y_400mf")  # compute their widths with tensors


@cache
def built(name):
    """A network of torchvision without weights."""
    with torch.device("cpu" if name in MEASURED else "meta"):
        return torchvision.models.get_model(name, weights=None, **UNSEEDED.get(name, {}))


def size(name):
    return (299, 299) if name == "inception_v3" else (224, 224)


@cache
def summarized(name):
    return gv.summary(built(name), gv.Grid(size(name)))


def lenet():
    """LeNet-5 of 1998 with full connections, on 32 x 32."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Conv2d(16, 120, 5),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(120, 84),
        nn.Tanh(),
        nn.Linear(84, 10),
    )


def star(leaves):
    return gv.Graph.from_edges([(0, i) for i in range(1, leaves + 1)], leaves + 1, undirected=True)


def path(nodes, undirected=True):
    edges = [(i, i + 1) for i in range(nodes - 1)]
    return gv.Graph.from_edges(edges, nodes, undirected=undirected)
