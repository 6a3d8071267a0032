# ---
# jupyter:
#   kernelspec:
#     name: python3
#     display_name: Python 3
# ---

# %% [markdown]
"""# A photograph with holes, convolved as a graph

On a grid, every pixel has a value. If some are missing, a convolution needs a substitute for them,
usually 0, and the substitute leaks into the output. On a graph there is nothing to substitute: the
missing pixels are simply no nodes, and the mean over neighbors is taken over those that are there.
"""

# %%
import matplotlib.pyplot as plt
import torch
from torch.nn.functional import adaptive_avg_pool2d

import gnnvision as gv
from gnnvision.operators import mean_adjacency, nodes_from_pixels

photo = adaptive_avg_pool2d(gv.basics.load_photo().pixels, (108, 160))[None]  # (1, 3, H, W)
grid = gv.Grid((108, 160))
generator = torch.Generator().manual_seed(0)
there = torch.rand(grid.shape, generator=generator) > 0.4  # 40 % of the pixels are missing
there[60:80, 100:130] = False  # and a rectangle
kept = there.flatten().nonzero().squeeze(1)  # the pixels that exist

# %% [markdown]
"""## The graph of the pixels that exist

`grid.to_graph` connects each pixel with the eight around it and with itself; `subgraph` keeps
those that exist.
"""

# %%
pixels = grid.to_graph(kernel_size=3)
graph = pixels.subgraph(kept)
colors = nodes_from_pixels(photo)[kept]  # (N, 3)
print(f"{pixels.num_nodes:,} pixels, of which {graph.num_nodes:,} exist")

# %% [markdown]
"""## The same smoothing, on the grid and on the graph

On the grid, the nine weights of a 3x3 convolution are 1/9. On the graph, the operator is the mean
over the neighbors that exist. Where nothing is missing, both are equal.
"""


# %%
def mean(graph, dtype):
    return [mean_adjacency(graph, dtype)]


on_graph = gv.GraphConvolution(3, 3, operators=mean, bias=False)
on_grid = gv.Conv2d(3, 3, 3, padding=1, bias=False)
with torch.no_grad():
    on_graph.weight.copy_(torch.eye(3)[None])
    on_grid.weight.copy_(torch.eye(3)[:, :, None, None].expand(3, 3, 3, 3) / 9)
    whole = on_grid(photo)[0]
    zeros = on_grid(photo * there)[0]
    nodes = on_graph(colors, graph)
    complete = on_graph(nodes_from_pixels(photo), pixels).T.view(3, *grid.shape)
print(
    "equal without holes:",
    torch.allclose(complete[:, 1:-1, 1:-1], whole[:, 1:-1, 1:-1], atol=1e-5),
)

inner = torch.zeros_like(there)
inner[1:-1, 1:-1] = there[1:-1, 1:-1]
as_image = torch.ones(3, *grid.shape)
as_image.flatten(1)[:, kept] = nodes.T
for name, output in {"grid, holes are 0": zeros, "graph, holes left out": as_image}.items():
    error = (output - whole)[:, inner].square().mean().sqrt()
    print(f"{name:26} RMSE to the smoothing of the whole photograph: {error:.3f}")

# %% tags=["hide-input"]
figure, axes = plt.subplots(2, 2, figsize=(11, 8), layout="constrained")
shown = {
    "the photograph, with holes": torch.where(there, photo[0], 1),
    "3x3 mean of the whole photograph": whole,
    "3x3 mean on the grid, holes are 0": zeros,
    "mean on the graph, holes left out": as_image,
}
for axis, (title, image) in zip(axes.flat, shown.items(), strict=True):
    axis.imshow(image.clamp(0, 1).permute(1, 2, 0).numpy())
    axis.set_title(title)
    axis.axis("off")
figure.savefig("holes.png", dpi=100)

# %% [markdown]
"""## Filling the holes

The same operator repeated is heat that spreads. It flows into the holes if the missing pixels are
nodes again and the pixels that exist keep their colors after each step.
"""

# %%
S = mean_adjacency(pixels)
x = torch.zeros(grid.num_sites, 3)
for _ in range(300):
    x[kept] = colors
    x = S @ x
x[kept] = colors
filled = x.T.view(3, *grid.shape)
missing = ~there
constant = colors.mean(0)[:, None, None].expand_as(filled)
for name, output in {"filled by the operator": filled, "the mean color instead": constant}.items():
    error = (output - photo[0])[:, missing].square().mean().sqrt()
    print(f"{name:22} RMSE on the missing pixels: {error:.3f}")

figure, axes = plt.subplots(1, 3, figsize=(13, 3.2), layout="constrained")
for axis, (title, image) in zip(
    axes,
    {
        "with holes": torch.where(there, photo[0], 1),
        "filled": filled,
        "the photograph": photo[0],
    }.items(),
    strict=True,
):
    axis.imshow(image.clamp(0, 1).permute(1, 2, 0).numpy())
    axis.set_title(title)
    axis.axis("off")
figure.savefig("holes_filled.png", dpi=100)
