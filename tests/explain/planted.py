"""Two datasets with known relevant sites."""

import torch
import torch.nn.functional as F
from torch import nn

import gnnvision as gv

SIDE, PATCH = 16, 4
COLORS = torch.tensor([[2.0, -1.0, -1.0], [-1.0, 2.0, -1.0], [-1.0, -1.0, 2.0]])
GRAYS = 3


def images(count, seed=0):
    """Noise with three gray patches and one in color, whose color is the class.

    Returns:
        The pictures (count, 3, 16, 16), the classes, and which pixels are of the colored patch.
    """
    generator = torch.Generator().manual_seed(seed)
    x = 0.5 * torch.randn(count, 3, SIDE, SIDE, generator=generator)
    y = torch.randint(3, (count,), generator=generator)
    planted = torch.zeros(count, SIDE, SIDE, dtype=torch.bool)
    cells = SIDE // PATCH
    for number in range(count):
        places = torch.randperm(cells * cells, generator=generator)[: GRAYS + 1].tolist()
        for turn, place in enumerate(places):
            top, left = PATCH * (place // cells), PATCH * (place % cells)
            here = (slice(top, top + PATCH), slice(left, left + PATCH))
            sign = 1 if torch.rand(1, generator=generator) < 0.5 else -1
            color = COLORS[y[number]] if not turn else sign * torch.full((3,), 2**0.5)
            x[number, :, *here] += color[:, None, None]
            if not turn:
                planted[number][here] = True
    return x, y, planted


def molecules(count, seed=0):
    """Random trees of atoms, three of them nitrogens and three oxygens.

    In class 1 one nitrogen is bound to one oxygen; in class 0 none is.

    Returns:
        The atoms' elements as columns, the batch, the classes, and which atoms are the pair.
    """
    generator = torch.Generator().manual_seed(seed)
    graphs, elements, planted = [], [], []
    y = torch.arange(count) % 2
    while len(graphs) < count:
        n = int(torch.randint(13, 19, (1,), generator=generator))
        parent = [
            int(torch.randint(max(0, i - 3), i, (1,), generator=generator)) for i in range(1, n)
        ]
        edges = torch.tensor([list(range(1, n)), parent])
        kind = torch.zeros(n, dtype=torch.int64)
        kind[torch.randperm(n, generator=generator)[:6]] = torch.tensor([1, 1, 1, 2, 2, 2])
        bound = kind[edges].sum(0) * (kind[edges] > 0).all(0) == 3
        if int(bound.sum()) != int(y[len(graphs)]):
            continue
        pair = torch.zeros(n, dtype=torch.bool)
        pair[edges[:, bound].flatten()] = True
        graphs.append(gv.Graph.from_edges(edges.T.tolist(), num_nodes=n, undirected=True))
        elements.append(F.one_hot(kind, 3).to(torch.get_default_dtype()))
        planted.append(pair)
    return torch.cat(elements), gv.Graph.batch(graphs), y, torch.cat(planted)


def picture_network():
    return gv.Sequential(
        gv.Conv2d(3, 16, 3, padding=1), nn.ReLU(), gv.MaxPool2d(2),
        gv.Conv2d(16, 16, 3, padding=1), nn.ReLU(), gv.Readout("max"), nn.Linear(16, 3),
    )  # fmt: skip


def molecule_network():
    return gv.Sequential(
        gv.SAGEConv(3, 24), nn.ReLU(), gv.SAGEConv(24, 24), nn.ReLU(),
        gv.Readout("sum"), nn.Linear(24, 2),
    )  # fmt: skip


def trained(model, x, domain, y, steps, lr=1e-2):
    """The model after so many steps on all items at once."""
    optimizer = torch.optim.Adam(model.parameters(), lr)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(x, domain), y).backward()
        optimizer.step()
    return model.eval()
