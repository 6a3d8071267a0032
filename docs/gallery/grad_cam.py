# ---
# jupyter:
#   kernelspec:
#     name: python3
#     display_name: Python 3
# ---

# %% [markdown]
"""# Trained on pixels, explained everywhere

A network learns to read digits from the pixels of a grid. Its weights then classify the same
digits on hexagons, on superpixels of each image, and on a piece of a sphere, without any further
training, and one call of Grad-CAM explains all of them.

The operators of its layers are I, S and S², where S is the mean around a site. They exist on every
domain, so the weights do too.
"""

# %%
from functools import singledispatch

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn.functional import grid_sample, interpolate

import gnnvision as gv
from gnnvision.basics.hexagons import HexagonalGrid
from gnnvision.operators import I, mean_adjacency


@singledispatch
def around(domain, dtype):
    return mean_adjacency(domain, dtype)


@around.register
def _(domain: gv.Grid, dtype):  # the pixel graph of a 3x3 window, made once for each grid
    return domain.derived(("around", dtype), lambda: mean_adjacency(domain.to_graph(3), dtype))


@around.register
def _(domain: HexagonalGrid, dtype):  # an edge from each of seven hexagons that lies in the image
    source = torch.stack([shift.source for shift in domain.shifts(dtype)])
    edges = torch.stack([source, torch.arange(domain.num_sites).expand_as(source)])[:, source >= 0]
    return mean_adjacency(gv.Graph(edges, num_nodes=domain.num_sites), dtype)


def family(domain, dtype):
    S = around(domain, dtype)
    return [I(domain, dtype), S, S @ S]


# %% [markdown]
"""## Training on pixels

The digits are enlarged to 16 x 16 pixels. A site has three channels: its brightness, and how far
to the right and down it lies; with means over neighbors alone, a 6 and a 9 would be the same.
"""

# %%
digits = gv.data.load("digits")
size = 16
places = torch.linspace(0, 1, size).expand(len(digits.images), 1, size, size)
large = interpolate(digits.images.float() / 255, (size, size), mode="bilinear")
task = gv.data.from_tensors(
    torch.cat([large, places, places.mT], 1),
    digits.y,
    class_names=digits.class_names,
    split=digits.split,
    name="digits with places",
)


def network():
    return gv.Sequential(
        gv.GraphConvolution(3, 16, family, num_operators=3),
        nn.ReLU(),
        gv.GraphConvolution(16, 32, family, num_operators=3),
        nn.ReLU(),
        gv.GraphConvolution(32, 32, family, num_operators=3),
        nn.ReLU(),
        gv.Readout("max"),
        nn.Linear(32, 10),
    )


recipe = gv.Recipe(epochs=14, lr=0.02, batch_size=96, schedule="one_cycle")
models = [gv.fit(network, task, recipe, seeds=[seed], progress=False).model for seed in range(3)]

# %% [markdown]
"""## Four domains

Each test image is sampled at the sites of another domain. Superpixels are different for every
image (a few rounds of k-means on place and brightness), so every image has its own graph.
"""

# %%
x, grid, y = next(task.batches("test", batch_size=400))


def sample(points):
    """The test images at points (right, down), each from 0 to 1. Shape (B, 3, N)."""
    at = (2 * points - 1).float().expand(len(x), 1, -1, 2)
    return grid_sample(x, at, padding_mode="border", align_corners=False)[:, :, 0]


hexagons = HexagonalGrid(18, 16)
centers = hexagons.centers()
on_hexagons = sample((centers + 0.5) / (centers.amax(0) + 1)).unflatten(2, (18, 16))


def superpixels(image, clusters=14):
    """The graph of about clusters² superpixels, their channels, and the cluster of each pixel."""
    fine = interpolate(image[None], (32, 32), mode="bilinear")[0].flatten(1).T  # (1024, 3)
    where = torch.cartesian_prod(torch.arange(32.0), torch.arange(32.0)) / 32
    features = torch.cat([where, 0.04 * fine[:, :1]], 1)
    start = ((torch.cartesian_prod(*2 * [torch.arange(clusters)]) + 0.5) * 32 / clusters).long()
    means = features[start[:, 0] * 32 + start[:, 1]]
    for _ in range(4):
        cluster = torch.cdist(features, means).argmin(1)
        cluster = cluster.unique(return_inverse=True)[1]
        count = torch.bincount(cluster)[:, None]
        means = torch.zeros(len(count), 3).index_add(0, cluster, features) / count
    pairs = torch.cat(
        [
            torch.stack([c[:, :-1].flatten(), c[:, 1:].flatten()])
            for c in (cluster.view(32, 32), cluster.view(32, 32).T)
        ],
        1,
    )
    pairs = pairs[:, pairs[0] != pairs[1]].sort(0).values.unique(dim=1)
    graph = gv.Graph(torch.cat([pairs, pairs.flip(0)], 1), num_nodes=len(count))
    return graph, torch.zeros(len(count), 3).index_add(0, cluster, fine) / count, cluster


graphs, signals, clusters = zip(*map(superpixels, x), strict=True)

# Points at equal distances on a sphere, on a spiral from pole to pole; the image covers the front.
n = torch.arange(1000)
up, turn = 1 - (2 * n + 1) / 1000, n * torch.pi * (3 - 5**0.5)
points = torch.stack([(1 - up**2).sqrt() * turn.cos(), up, (1 - up**2).sqrt() * turn.sin()], 1)
piece = points[(points[:, 2] > 0.35) & (points[:, :2].abs() < 0.75).all(1)]
near = torch.cdist(piece, piece).topk(8, largest=False)  # itself and seven others
source, target = near.indices.flatten(), torch.arange(len(piece)).repeat_interleave(8)
sphere = gv.Graph(torch.stack([source, target]), num_nodes=len(piece))
on_sphere = sample(piece[:, :2] * torch.tensor([1, -1]) / 1.5 + 0.5)

domains = {
    "pixels": (x, grid),
    "hexagons": (on_hexagons, hexagons),
    "superpixels": (torch.cat(signals), gv.Graph.batch(graphs)),
    "sphere": (on_sphere.mT.flatten(0, 1), gv.Graph.batch([sphere] * len(x))),
}

# %% [markdown]
"""## The same weights on all of them

Test accuracy, mean and standard deviation over three seeds. The networks saw only pixels.
"""

# %%
for name, (signal, domain) in domains.items():
    with torch.no_grad():
        found = [(m.eval()(signal, domain).argmax(1) == y).double().mean() for m in models]
    mean, std = torch.std_mean(torch.stack(found))[::-1]
    sites = signal.shape[2:].numel() if signal.dim() == 4 else len(signal) / len(x)
    print(f"{name:12} {sites:4.0f} sites per image: {100 * mean:.1f} ± {100 * std:.1f} %")

# %% [markdown]
"""## Grad-CAM on all of them with one call

`gv.explain.attribute` takes a signal and its domain, of any kind. Bright sites are
evidence for the predicted class, which is the title of each image.
"""

# %% tags=["hide-input"]
shown = [int((y == digit).nonzero()[1]) for digit in (0, 3, 7)]
model = models[0].eval()
ends = {name: d.offsets for name, (_, d) in domains.items() if isinstance(d, gv.Graph)}


def of_image(name, values, image):
    """The values of one image: a row of a grid, or the nodes of one graph of the batch."""
    if name not in ends:
        return values[image]
    return values[ends[name][image] : ends[name][image + 1]]


def draw(axis, name, values, image, colors):
    if name == "pixels":
        axis.imshow(values.numpy(), cmap=colors)
    elif name == "superpixels":
        axis.imshow(values[clusters[image]].view(32, 32).numpy(), cmap=colors)
    else:
        at, marker, area = (centers, "h", 40) if name == "hexagons" else (piece, "o", 45)
        down = at[:, 1] if name == "hexagons" else -at[:, 1]
        axis.scatter(
            at[:, 0].numpy(),
            down.numpy(),
            c=values.flatten().numpy(),
            s=area,
            marker=marker,
            cmap=colors,
        )
        axis.invert_yaxis()
        axis.set_aspect("equal")
    axis.set(xticks=[], yticks=[])


figure, axes = plt.subplots(6, 4, figsize=(9, 13), layout="constrained")
for column, (name, (signal, domain)) in enumerate(domains.items()):
    found = gv.explain.attribute(model, signal, domain, "grad_cam")  # the call
    brightness = signal[:, 0]
    for row, image in enumerate(shown):
        top, below = axes[2 * row : 2 * row + 2, column]
        draw(top, name, of_image(name, brightness, image), image, "gray")
        draw(below, name, of_image(name, found.values, image), image, "inferno")
        top.set_title(f"{name}: {task.class_names[found.target[image]]}")
for row in range(6):
    axes[row, 0].set_ylabel("Grad-CAM" if row % 2 else "input")
figure.savefig("grad_cam.png", dpi=80)
