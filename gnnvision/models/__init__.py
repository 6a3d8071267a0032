"""Networks, each a few lines of layers, which can be built by name."""

from gnnvision.models.autoencoder import autoencoder
from gnnvision.models.baseline import graph_baseline
from gnnvision.models.fashion import fashion_cnn, fashion_dnn, strided_cnn
from gnnvision.models.gcn import Block, classic_gcn, gcn, graphsage
from gnnvision.models.lenet import lenet5, lenet5_notes
from gnnvision.models.links import gae
from gnnvision.models.molecules import BondMessages, MoleculeHead, bond_network, molecule_gcn
from gnnvision.models.network_names import network_name
from gnnvision.models.registry import argument_types, build, names, register
from gnnvision.models.resnet import ResidualBlock, small_resnet
from gnnvision.models.stacked import cifar_cnn, mnist_cnn, vgg_like, xai_net
from gnnvision.models.torchvision_networks import TorchvisionNetwork, torchvision_network
from gnnvision.models.whitened import IdentityConv2d, Stage, whitened_cnn

__all__ = [
    "Block",
    "BondMessages",
    "IdentityConv2d",
    "MoleculeHead",
    "ResidualBlock",
    "Stage",
    "TorchvisionNetwork",
    "argument_types",
    "autoencoder",
    "bond_network",
    "build",
    "cifar_cnn",
    "classic_gcn",
    "fashion_cnn",
    "fashion_dnn",
    "gae",
    "gcn",
    "graph_baseline",
    "graphsage",
    "lenet5",
    "lenet5_notes",
    "mnist_cnn",
    "molecule_gcn",
    "names",
    "network_name",
    "register",
    "small_resnet",
    "strided_cnn",
    "torchvision_network",
    "vgg_like",
    "whitened_cnn",
    "xai_net",
]
