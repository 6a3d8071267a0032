# ---
# jupyter:
#   kernelspec:
#     name: python3
#     display_name: Python 3
# ---

# %% [markdown]
"""# One set of weights on four domains

A convolution is Y = Σₖ Sₖ X Wₖ + b. The weights Wₖ do not know where they are used: that is said
by the operators Sₖ, and they come from the domain. So the *same layer* runs on the pixels of a
photograph, on hexagons, on superpixels of any shape, and on a sphere.

Here the layer has two operators: a site itself, and the mean of the sites around it. With the
weights chosen below, its first output is the difference of the two, which shows edges; its second
output is their mean, which is smoother than the input.
"""

# %%
from functools import singledispatch

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.collections import PolyCollection
from mpl_toolkits.mplot3d.art3d import Poly3DCollection
from sklearn.cluster import MiniBatchKMeans
from torch.nn.functional import adaptive_avg_pool2d, grid_sample

import gnnvision as gv
from gnnvision.basics.hexagons import HexagonalGrid
from gnnvision.operators import I, mean_adjacency


@singledispatch
def around(domain, dtype):
    """The mean of the sites around each site. This line is for graphs: the mean of neighbors."""
    return mean_adjacency(domain, dtype)


@around.register
def _(domain: gv.Grid, dtype):  # the 3x3 shifts of an ordinary convolution, without the center
    shifts = gv.Conv2d(1, 1, 3, padding=1, padding_mode="replicate").operators(domain)
    return sum(shifts[:4] + shifts[5:], start=0 * shifts[4]) * (1 / 8)


@around.register
def _(domain: HexagonalGrid, dtype):
    center, *ring = domain.shifts(dtype)
    return sum(ring, start=0 * center) * (1 / 6)


layer = gv.GraphConvolution(
    3, 2, lambda domain, dtype: [I(domain, dtype), around(domain, dtype)], num_operators=2
)
gray = torch.tensor(gv.basics.GRAY)
with torch.no_grad():
    layer.weight.copy_(
        torch.stack([torch.stack([gray, gray / 2], 1), torch.stack([-gray, gray / 2], 1)])
    )
    layer.bias.zero_()

# %% [markdown]
"""## Four domains of one photograph

The superpixels are clusters of pixels with a similar position and color; two of them are neighbors
if their pixels touch. The sphere is an icosahedron whose triangles were divided four times; the
photograph covers its front, and its mirror image the back.
"""

# %%
photo = adaptive_avg_pool2d(gv.basics.load_photo().pixels, (108, 160))  # (3, H, W)
height, width = photo.shape[1:]


def sample(points):
    """The colors of the photograph at points (right, down), each from -1 to 1. Shape (N, 3)."""
    found = grid_sample(
        photo[None], points[None, None].float(), padding_mode="border", align_corners=False
    )
    return found[0, :, 0].T


hexagons = HexagonalGrid(rows=62, columns=80)
centers = hexagons.centers()
on_hexagons = hexagons.from_sites(sample(2 * centers / centers.amax(0) - 1)[:, None])

row, column = np.mgrid[:height, :width]
features = np.c_[row.ravel() / 9, column.ravel() / 9, 8 * photo.flatten(1).T]
cluster = (
    MiniBatchKMeans(900, n_init=1, random_state=0).fit_predict(features).reshape(height, width)
)
touching = [(cluster[:, :-1], cluster[:, 1:]), (cluster[:-1], cluster[1:])]
pairs = np.concatenate([np.c_[a.ravel(), b.ravel()] for a, b in touching])
pairs = np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], 1), axis=0)
superpixels = gv.Graph.from_edges(pairs.tolist(), num_nodes=900, undirected=True)
index = torch.from_numpy(cluster).flatten().long()
counts = torch.bincount(index)
on_superpixels = torch.zeros(900, 3).index_add(0, index, photo.flatten(1).T) / counts[:, None]


def icosphere(divisions):
    """The vertices (N, 3) and triangles (F, 3) of a sphere."""
    golden = (1 + 5**0.5) / 2
    points = [(a, b * golden, 0) for a in (-1, 1) for b in (-1, 1)]
    points = np.array([np.roll(p, k) for k in range(3) for p in points])
    near = np.linalg.norm(points[:, None] - points, axis=2) < 2.1
    faces = [
        (i, j, k)
        for i in range(12)
        for j in range(i)
        for k in range(j)
        if near[i, j] and near[j, k] and near[i, k]
    ]
    faces = np.array(faces)
    for _ in range(divisions):
        sides = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [0, 2]]]), 1)
        sides, which = np.unique(sides, axis=0, return_inverse=True)
        a, b, c = len(points) + which.reshape(3, -1)
        points = np.concatenate([points, points[sides].mean(1)])
        i, j, k = faces.T
        faces = np.concatenate([np.c_[i, a, c], np.c_[j, a, b], np.c_[k, b, c], np.c_[a, b, c]])
    return points / np.linalg.norm(points, axis=1, keepdims=True), faces


vertices, faces = icosphere(4)
sphere = gv.Graph.from_triangles(torch.from_numpy(faces), len(vertices))
right, up, front = vertices.T
turn = np.arctan2(right, front)  # 0 in front, ±π/2 at the sides
across = np.where(abs(turn) > np.pi / 2, np.sign(turn) * np.pi - turn, turn) / (np.pi / 2)
on_sphere = sample(torch.from_numpy(np.c_[across, -np.arcsin(up) / (np.pi / 2)]))

# %% [markdown]
"""## The same layer, four times

Nothing is converted: each call gets a signal and its domain.
"""

# %%
with torch.no_grad():
    outputs = {
        "pixels": (photo[None], layer(photo[None], gv.Grid((height, width)))),
        "hexagons": (on_hexagons, layer(on_hexagons, hexagons)),
        "superpixels": (on_superpixels, layer(on_superpixels, superpixels)),
        "sphere": (on_sphere, layer(on_sphere, sphere)),
    }
for name, (x, y) in outputs.items():
    print(f"{name:12} {tuple(x.shape)!s:20} -> {tuple(y.shape)}")

# %% tags=["hide-input"]
# Drawing: each kind of domain has a way to color its sites, with colors of shape (N, 4).
angles = torch.arange(6) * torch.pi / 3
corners = torch.stack([angles.sin(), angles.cos()], 1) / 3**0.5


def draw_pixels(axis, colors):
    axis.imshow(colors.reshape(height, width, -1))


def draw_hexagons(axis, colors):
    axis.add_collection(
        PolyCollection(
            (centers[:, None] + corners).numpy(),
            facecolors=colors,
            edgecolors=colors,
            linewidths=0.3,
        )
    )
    axis.set(xlim=(1, 78.5), ylim=(60 * 0.75**0.5, 0.5), aspect="equal")


def draw_superpixels(axis, colors):
    axis.imshow(colors[cluster])


def draw_sphere(axis, colors):
    seen = vertices[faces].mean(1) @ np.array([-0.5, 0, 0.75**0.5]) > 0  # from 30 degrees left
    shown = colors[faces[seen]].mean(1)
    triangles = vertices[faces[seen]][:, :, [0, 2, 1]]
    axis.add_collection3d(
        Poly3DCollection(triangles, facecolors=shown, linewidths=0, antialiased=False)
    )
    axis.view_init(0, 60)
    axis.set(xlim=(0.6, -0.6), ylim=(-0.6, 0.6), zlim=(-0.6, 0.6), box_aspect=(1, 1, 1))


figure = plt.figure(figsize=(13, 7.8), layout="constrained")
draw = [draw_pixels, draw_hexagons, draw_superpixels, draw_sphere]
edges, smooth = plt.Normalize(-0.2, 0.2), plt.Normalize(0, 1)
grid = figure.add_gridspec(3, 4)
for column_of, ((name, (x, y)), paint) in enumerate(zip(outputs.items(), draw, strict=True)):
    x, y = (s.flatten(2)[0].T if s.dim() == 4 else s for s in (x, y))  # (N, C)
    rows = {
        f"{name}: {len(x):,} sites": x.clamp(0, 1).numpy(),
        "output 1: site - mean around": plt.cm.RdBu_r(edges(y[:, 0].numpy())),
        "output 2: mean of both": plt.cm.gray(smooth(y[:, 1].numpy())),
    }
    for row_of, (title, colors) in enumerate(rows.items()):
        flat = None if paint is not draw_sphere else "3d"
        axis = figure.add_subplot(grid[row_of, column_of], projection=flat)
        paint(axis, colors)
        axis.set_title(title, fontsize=10)
        axis.axis("off")
figure.colorbar(
    plt.cm.ScalarMappable(edges, "RdBu_r"), ax=figure.axes[1::3], shrink=0.8, label="output 1"
)
figure.colorbar(
    plt.cm.ScalarMappable(smooth, "gray"), ax=figure.axes[2::3], shrink=0.8, label="output 2"
)
figure.savefig("one_kernel.png", dpi=100)
