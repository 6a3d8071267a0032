"""A backbone is its network: features, head, another head, and the same checkpoint as before."""

import copy

import pytest
import torch
from torch import nn

import gnnvision as gv
from gnnvision.layers import Rescale
from gnnvision.training.seed_run import initialize
from gnnvision.transfer import Backbone

from .tasks import pictures, small_network

GRAPH = gv.Graph.batch([gv.Graph.from_edges([(0, 1), (1, 2)], 3, undirected=True)] * 2)


PICTURE, ATOMS = (torch.randn(2, 3, 32, 32), gv.Grid((32, 32))), (torch.randn(6, 4), GRAPH)
CASES = {
    "whitened_cnn": (lambda: gv.models.whitened_cnn(widths=(8, 8, 16)), PICTURE),
    "small_resnet": (lambda: gv.models.small_resnet(3), PICTURE),
    "mobilenet_v2": (lambda: gv.models.build("mobilenet_v2", num_classes=4), PICTURE),
    "shufflenet": (lambda: gv.models.torchvision_network("shufflenet_v2_x0_5"), PICTURE),
    "molecule_gcn": (lambda: gv.models.molecule_gcn(4, 3, 8), ATOMS),
    "classic_gcn": (lambda: gv.models.classic_gcn(4, 8, 3, norm="batch"), ATOMS),
}


@pytest.mark.parametrize("name", list(CASES))
def test_head_of_features_is_the_whole(name):
    make, (x, domain) = CASES[name]
    network = make()
    backbone = Backbone(network).eval()
    with torch.no_grad():
        features = backbone.features(x, domain)
        torch.testing.assert_close(backbone.head(features, domain), network(x, domain))
    assert features.shape[1] == backbone.num_features
    assert sum(len(b.names) for b in backbone.blocks) > 1
    assert not [m for m in network.modules() if m._forward_pre_hooks]


@pytest.mark.parametrize("name", list(CASES))
def test_another_head_makes_the_network_that_its_spec_builds(name):
    make, (x, domain) = CASES[name]
    network = make()
    backbone = Backbone(network).eval()
    backbone.reset_head(7)
    with torch.no_grad():
        assert backbone(x, domain).shape[1] == 7
    again = gv.models.build(backbone.spec["name"], **backbone.spec["arguments"]).eval()
    again.load_state_dict(network.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(again(x, domain), backbone(x, domain))


def test_every_weight_is_in_one_block_or_the_head():
    for make, _ in CASES.values():
        network = make()
        backbone = Backbone(network)
        blocks = [id(p) for b in backbone.blocks for m in b.modules for p in m.parameters()]
        found = blocks + [id(p) for p in backbone.head.parameters()]
        assert sorted(found) == sorted(map(id, network.parameters()))


def test_a_new_seed_draws_the_head_and_nothing_else():
    backbone = Backbone(small_network())
    before = copy.deepcopy(backbone.state_dict())
    backbone.reset_parameters()
    initialize(backbone, pictures())  # whitening would follow the new pictures otherwise
    changed = {n for n, t in backbone.state_dict().items() if not torch.equal(t, before[n])}
    assert changed == {f"network.{len(backbone.network) - 2}.weight"}


def test_the_scale_of_targets_follows_the_head():
    backbone = Backbone(gv.models.molecule_gcn(4, 3, 8))
    backbone.reset_head(2)
    assert [m.mean.shape for m in backbone.modules() if isinstance(m, Rescale)] == [(2,)]


def test_networks_without_a_dense_end_are_refused():
    with pytest.raises(ValueError, match=r"'network' must end in a dense layer.*got Sequential"):
        Backbone(nn.Sequential(nn.Linear(3, 4), nn.Conv2d(3, 4, 1)))
    with pytest.raises(ValueError, match=r"'num_classes' must be at least 1, got 0"):
        Backbone(small_network()).reset_head(0)


def test_old_names_still_import():
    assert gv.transfer.PicturePreprocessing is gv.transfer.ImagePreprocessing
    assert gv.transfer.frozen_part is gv.transfer.frozen_features
    with pytest.raises(AttributeError, match="no attribute 'frozen'"):
        gv.transfer.frozen  # noqa: B018
