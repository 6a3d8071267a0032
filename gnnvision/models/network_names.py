"""The usual spelling of the names of networks, for headings and tables."""

from __future__ import annotations

import contextlib

from torch import nn

from gnnvision.layers import Convolution, OnDomain
from gnnvision.layers.calling import form_of

__all__ = ["network_name"]

# Of a registered network; its arguments fill the gaps.
NAMES = {
    "autoencoder": "autoencoder, {latent_channels}-d latent",
    "bond_network": "D-MPNN, {depth} layers",
    "cifar_cnn": "CIFAR-10 CNN",
    "classic_gcn": "tuned GCN, {num_layers} layers",
    "fashion_cnn": "Fashion-MNIST CNN",
    "fashion_dnn": "Fashion-MNIST DNN",
    "gae": "graph autoencoder with dot product",
    "gcn": "GCN, {num_layers} layers",
    "graph_baseline": "structure-agnostic baseline",
    "graphsage": "GraphSAGE, {num_layers} layers",
    "inception_v3": "Inception v3",
    "lenet5": "LeNet-5",
    "lenet5_notes": "LeNet-5 of the lecture",
    "mnist_cnn": "MNIST CNN",
    "mobilenet_v2": "MobileNetV2",
    "molecule_gcn": "GCN with mean readout, {num_layers} layers",
    "resnet18": "ResNet-18",
    "resnet34": "ResNet-34",
    "resnet50": "ResNet-50",
    "small_resnet": "small ResNet",
    "strided_cnn": "strided CNN",
    "vgg16": "VGG-16",
    "vgg19": "VGG-19",
    "vgg_like": "VGG-like CNN",
    "whitened_cnn": "whitened CNN",
    "xai_net": "VGG-16 of the lecture",
}
# Of a network whose convolutions are all of one class; "GCN" for GCNConv, and so on.
BY_CONVOLUTION = {
    "ChebConv": "ChebNet",
    "GraphConv": "GraphConv",
    "GraphConvolution": "graph convolution",
    "SAGEConv": "GraphSAGE",
    "SGConv": "SGC",
}


def network_name(model: nn.Module) -> str:
    """The usual spelling of the name of a network, in one line.

    A network of `gnnvision.models` has the name of its architecture, a registered one of yours
    that of its function. Another network is named by its convolutions if they are of one kind,
    else by its class.

    Args:
        model: any module.

    Example:
        >>> import gnnvision as gv
        >>> network_name(gv.models.gcn(1433, 16, 7))
        'GCN, 2 layers'
        >>> network_name(gv.models.build("mobilenet_v2", num_classes=2))
        'MobileNetV2'
        >>> network_name(nn.Sequential(nn.Conv2d(1, 8, 3), nn.Flatten(), nn.Linear(8, 2)))
        'CNN, 1 convolution'
    """
    if spec := getattr(model, "spec", None):
        arguments = spec["arguments"]
        name = arguments["name"] if spec["name"] == "torchvision_network" else spec["name"]
        return _singular(NAMES.get(name, name).format(**arguments))
    parts = list(model.modules())
    convolutions = [m for m in parts if isinstance(m, Convolution) or _is_convolution(m)]
    if convolutions and all(isinstance(m, nn.modules.conv._ConvNd) for m in convolutions):
        return _singular(f"CNN, {len(convolutions)} convolutions")
    kinds = {type(module).__name__ for module in convolutions}
    if len(kinds) == 1:
        kind = kinds.pop()
        name = BY_CONVOLUTION.get(kind, kind.removesuffix("Conv"))
        return _singular(f"{name}, {len(convolutions)} layers")
    weighted = [m for m in parts if any(True for _ in m.parameters(recurse=False))]
    dense = bool(weighted) and all(isinstance(module, nn.Linear) for module in weighted)
    if dense and not any(map(_reads_domain, parts)):
        return _singular(f"MLP, {len(weighted)} layers")
    return type(model).__name__


def _is_convolution(module: nn.Module) -> bool:
    """Whether it is a convolution of torch or, by its name, of torch-geometric."""
    return isinstance(module, nn.modules.conv._ConvNd) or type(module).__name__.endswith("Conv")


def _reads_domain(module: nn.Module) -> bool:
    """Whether a module of the user's own, which may do anything, takes the graph."""
    with contextlib.suppress(TypeError):  # a module that a network does not call with a signal
        return not (isinstance(module, OnDomain) or form_of(module).signal_alone)
    return False


def _singular(name: str) -> str:
    return name[:-1] if name.endswith((", 1 layers", ", 1 convolutions")) else name
