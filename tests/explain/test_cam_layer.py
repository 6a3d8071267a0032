"""The default layer of Grad-CAM in common architectures."""

from functools import partial

import pytest
import torch
from torch import nn
from torchvision import models as zoo
from torchvision.models import swin_transformer as swin

import gnnvision as gv
from gnnvision.explain import attribute, last_spatial
from gnnvision.explain.tokens import token_layouts

CHOSEN = {
    "vit": ("encoder.layers.encoder_layer_1", (4, 4)),
    "swin": ("features.3.1", (8, 8)),
    "swin_v2": ("features.3.1", (8, 8)),
    "maxvit": ("blocks.1.layers.0.layers.grid_attention", (8, 8)),
    "convnext": ("features.3.1", (8, 8)),
    "efficientnet": ("features.8.0", (2, 2)),
    "densenet": ("features.denseblock2", (8, 8)),
    "googlenet": ("inception5b", (2, 2)),
    "resnet": ("layer4.1", (2, 2)),
    "vgg": ("0.8", (16, 16)),
}


def network(name):
    torch.manual_seed(0)
    small_swin = partial(
        swin.SwinTransformer, [4, 4], 16, [2, 2], [2, 2], [4, 4], num_classes=5
    )  # fmt: skip
    block = zoo.convnext.CNBlockConfig
    makes = {
        "vit": lambda: zoo.VisionTransformer(64, 16, 3, 2, 16, 32, num_classes=5),
        "swin": small_swin,
        "swin_v2": partial(
            small_swin, block=swin.SwinTransformerBlockV2, downsample_layer=swin.PatchMergingV2
        ),
        "maxvit": lambda: zoo.maxvit.MaxVit(
            (64, 64), 8, 4, [8, 16], [1, 1], 4, 0.0, num_classes=5
        ),
        "convnext": lambda: zoo.convnext.ConvNeXt([block(8, 16, 1), block(16, None, 2)]),
        "efficientnet": lambda: zoo.efficientnet_b0(num_classes=5),
        "densenet": lambda: zoo.DenseNet(8, (2, 2), 8, num_classes=5),
        "googlenet": lambda: zoo.googlenet(init_weights=False, aux_logits=True, num_classes=5),
        "resnet": lambda: zoo.resnet18(num_classes=5),
        "vgg": lambda: nn.Sequential(  # without its large head
            zoo.vgg.make_layers([8, "M", 8, "M", 8, "M"], batch_norm=True)[:10],
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        ),
    }
    return makes[name]().eval()


def picture(count=1):
    return torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(1))


GRID = gv.Grid((64, 64))


class Patches(nn.Module):
    """A transformer without any convolution, with its class token first, last, or absent."""

    def __init__(self, place=None, by_column=False, batch_first=True):
        super().__init__()
        self.embed = nn.Linear(3 * 64, 8)
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=batch_first)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 3)
        self.place, self.by_column, self.batch_first = place, by_column, batch_first

    def forward(self, x):
        tiles = x.unflatten(2, (8, 8)).unflatten(4, (8, 8))  # (B, C, h, 8, w, 8)
        order = (0, 4, 2, 3, 5, 1) if self.by_column else (0, 2, 4, 3, 5, 1)
        tokens = self.embed(tiles.permute(order).reshape(len(x), 64, 192))
        token = self.token.expand(len(x), 1, 8)
        if self.place == "first":
            tokens = torch.cat([token, tokens], 1)
        if self.place == "last":
            tokens = torch.cat([tokens, token], 1)
        if not self.batch_first:
            return self.head(self.encoder(tokens.transpose(0, 1)).mean(0))
        return self.head(self.encoder(tokens).mean(1))


@pytest.mark.parametrize("name", CHOSEN)
def test_a_late_layer_on_every_path_to_the_output(name):
    model = network(name)
    found = last_spatial(model, picture(), GRID)
    assert (found.name, found.domain.shape) == CHOSEN[name]


@pytest.mark.parametrize("place", [None, "first", "last"])
@pytest.mark.parametrize("by_column", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
def test_the_patch_of_each_token_is_found(place, by_column, batch_first):
    torch.manual_seed(0)
    model = Patches(place, by_column, batch_first).eval()
    layout = token_layouts(model, picture(), GRID)[-1]
    expected = torch.arange(64).view(8, 8)
    expected = (expected.T if by_column else expected).flatten() + (place == "first")
    assert layout.index.tolist() == expected.tolist()
    assert (layout.size, layout.batch_dim) == ((8, 8), int(not batch_first))
    assert layout.others == (place is not None)


@pytest.mark.parametrize("batch_first", [False, True])
def test_grad_cam_of_tokens_follows_the_definition(batch_first):
    torch.manual_seed(0)
    model, x = Patches("first", batch_first=batch_first).double().eval(), picture(2).double()
    found = attribute(model, x, GRID, "grad_cam", 1)
    assert found.layer == "encoder.layers.1"
    assert "8 × 8 image patches; its class token is left out" in found.notes[0]
    kept = []
    handle = model.encoder.layers[1].register_forward_hook(lambda m, i, o: kept.append(o))
    (grad,) = torch.autograd.grad(model(x)[:, 1].sum(), kept[0])
    handle.remove()
    maps = kept[0].detach()
    if not batch_first:
        maps, grad = maps.transpose(0, 1), grad.transpose(0, 1)
    maps, grad = maps[:, 1:], grad[:, 1:]
    coarse = (maps * grad.mean(1, keepdim=True)).sum(2).relu().view(2, 1, 8, 8)
    expected = nn.functional.interpolate(coarse, (64, 64), mode="bilinear")[:, 0]
    torch.testing.assert_close(found.values, expected)


def test_a_class_token_alone_is_read_from_the_block_before():
    """After the last attention of a ViT the patches have no say any more."""
    model = network("vit")
    nn.init.normal_(model.heads.head.weight)
    found = attribute(model, picture(), GRID, "grad_cam", 1)
    assert found.layer == "encoder.layers.encoder_layer_1"
    by_name = attribute(model, picture(), GRID, "grad_cam", 1, "encoder.ln")
    assert not by_name.values.any()


def test_one_branch_of_two_is_not_enough():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)
            self.act, self.head = nn.ReLU(), nn.Linear(4, 2)

        def forward(self, x):
            return self.head(self.act(self.a(x) + self.b(x)).mean((2, 3)))

    assert last_spatial(Two(), picture(), GRID).name == "act"


def test_what_cannot_be_derived_is_refused():
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.patch, self.mix = nn.Conv2d(3, 8, 8, 8), nn.Linear(64, 20)
            self.each, self.head = nn.Linear(8, 8), nn.Linear(8, 2)

        def forward(self, x):
            tokens = self.mix(self.patch(x).flatten(2)).transpose(1, 2)
            return self.head(self.each(tokens).mean(1))

    with pytest.raises(ValueError, match=r"'layer' must be named for Mixed, .* layer= .*'patch'"):
        attribute(Mixed(), picture(), GRID, "grad_cam")
    assert attribute(Mixed(), picture(), GRID, "grad_cam", layer="patch").layer == "patch"
    flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 2))
    with pytest.raises(
        ValueError, match=r"must have a layer with weights .* 'integrated_gradients'"
    ):
        attribute(flat, picture(), GRID, "grad_cam")
