"""What feature maps are drawn on: the picture, the molecule, or the nodes around one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.domains import Graph
from gnnvision.explain import Layer
from gnnvision.explain.receptive import Field
from gnnvision.report.style import CLASS_COLORS, FAINT, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from rdkit.Chem import Mol

__all__ = ["SEEN", "Canvas", "MoleculeCanvas", "NodesCanvas", "PictureCanvas", "two_colours"]

SEEN = CLASS_COLORS[1]
# Blue, white and red, light enough at the ends for letters and lines to be read on them.
_ENDS = ("#3f8fc9", "#b3d4ea", "white", "#f3bfa8", "#d8604c")
_FULL = 0.99  # else a few outliers leave the rest of a map without colour
_FEWEST_STRENGTH = 0.12  # of a map over a picture, so that its small numbers are seen as well


def two_colours() -> Colormap:
    """The scale of all maps: blue for negative numbers, white for 0, red for positive ones."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("maps", _ENDS)


class Canvas(ABC):
    """One input, on which maps and receptive fields are drawn."""

    aspect: float = 1.0  # of a drawing, height over width
    what: str = "input"
    seen: str = ""  # what the first picture of a row shows, in words
    note: str = ""

    @abstractmethod
    def site(self, layer: Layer) -> int:
        """The site of a layer whose receptive field is shown."""

    @abstractmethod
    def draw_field(self, axes: Axes, field: Field | None) -> None:
        """The input, and on it what one site of a layer sees; the input alone if not known."""

    @abstractmethod
    def draw_map(
        self, axes: Axes, values: Tensor, layer: Layer, most: float | None = None
    ) -> None:
        """One map over the input: red for positive numbers, blue for negative ones.

        Args:
            axes: where.
            values: a number for each site of the layer. Shape (S,).
            layer: that made them.
            most: the number that has the full colour; that of `self.most` if not given.
        """

    def fits(self, layer: Layer) -> bool:
        """Whether the sites of a layer have a place on it."""
        return layer.domain is not None

    def most(self, values: Tensor) -> float:
        """The number of a map that has the full colour: the largest, but for one in a hundred."""
        sizes = values.float().abs()
        return float(sizes.quantile(_FULL)) or float(sizes.max())


class PictureCanvas(Canvas):
    """A picture.

    Args:
        picture: uint8 (C, H, W).
    """

    what = "picture"
    seen = "the frame is what one number in the middle of a map can see of the picture"

    def __init__(self, picture: Tensor) -> None:
        pixels = picture.cpu().permute(1, 2, 0).numpy()
        self.pixels = pixels if pixels.shape[2] == 3 else pixels.mean(2)
        self.grey = pixels.mean(2)
        self.height, self.width = pixels.shape[:2]
        self.aspect = self.height / self.width

    def site(self, layer: Layer) -> int:
        """The one in the middle."""
        rows, columns = layer.domain.size  # type: ignore[union-attr]
        return int(rows // 2 * columns + columns // 2)

    def draw_field(self, axes: Axes, field: Field | None) -> None:
        """The picture, with the box of what is seen."""
        from matplotlib.patches import Rectangle

        axes.imshow(self.pixels, cmap="gray", vmin=0, vmax=255)
        if field is None or field.box is None:
            return
        (top, bottom), (left, right) = field.box
        box = Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, fill=False)
        box.set(edgecolor="white", linewidth=3.4, clip_on=False)
        axes.add_patch(box)
        inner = Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, fill=False)
        inner.set(edgecolor=SEEN, linewidth=1.8, clip_on=False)
        axes.add_patch(inner)

    def draw_map(
        self, axes: Axes, values: Tensor, layer: Layer, most: float | None = None
    ) -> None:
        """The map's pixels over the picture in grey."""
        size = layer.domain.size  # type: ignore[union-attr]
        shares = 2 * _places(values, most or self.most(values)).reshape(size) - 1
        place = (-0.5, self.width - 0.5, self.height - 0.5, -0.5)
        axes.imshow(128 + self.grey / 2, cmap="gray", vmin=0, vmax=255)
        strength = np.where(shares == 0, 0.0, _FEWEST_STRENGTH + 0.78 * np.abs(shares))
        look: dict[str, Any] = {"cmap": two_colours(), "vmin": -1, "vmax": 1, "alpha": strength}
        axes.imshow(shares, extent=place, interpolation="nearest", **look)


class MoleculeCanvas(Canvas):
    """A molecule.

    Args:
        mol: as the featurizer reads it, so that its atoms are the nodes in order.
        graph: of its atoms.
    """

    aspect = 5 / 7
    what = "molecule"
    seen = "the orange atoms are those that one atom at the end can have heard from"
    note = (
        "Where the sites are edges, of each bond one in either direction, an atom is shown with "
        "the mean of those that arrive, and seen is what the edge to the chosen atom sees."
    )

    def __init__(self, mol: Mol, graph: Graph) -> None:
        self.mol = mol
        self.graph = graph

    def site(self, layer: Layer) -> int:
        """An atom far from another, whose field can be seen to grow; or the edge that arrives."""
        atom = _farthest(self.graph)
        if layer.edges_of is None:
            return atom
        return int(torch.nonzero(self.graph.edge_index[1] == atom)[0])

    def fits(self, layer: Layer) -> bool:
        """Whether its sites are atoms or bonds."""
        sites = layer.domain.num_sites if layer.domain is not None else 0
        return layer.edges_of is not None or sites == self.graph.num_nodes

    def draw_field(self, axes: Axes, field: Field | None) -> None:
        """The molecule, with the atoms that are seen."""
        from matplotlib.colors import to_rgb

        seen = [] if field is None else torch.nonzero(field.mask).flatten().tolist()
        self._draw(axes, dict.fromkeys(seen, to_rgb(SEEN)))

    def draw_map(
        self, axes: Axes, values: Tensor, layer: Layer, most: float | None = None
    ) -> None:
        """The atoms in the colour of their number; of bonds the mean of those that arrive."""
        if layer.edges_of is not None:
            values = _arriving_mean(values, self.graph)
        colors = two_colours()(_places(values, most or self.most(values)))
        self._draw(axes, {atom: tuple(color[:3]) for atom, color in enumerate(colors)})

    def _draw(self, axes: Axes, colors: Any) -> None:  # noqa: ANN401
        from gnnvision.report.molecules_draw import molecule_picture

        axes.imshow(molecule_picture(self.mol, colors=colors))


class NodesCanvas(Canvas):
    """A node of a large graph among those around it.

    Args:
        graph: the graph.
        node: in the middle.
        most: nodes that are drawn, the nearest first.
    """

    what = "node"
    seen = "the orange nodes are those that the large one can have heard from"

    def __init__(self, graph: Graph, node: int, most: int = 60) -> None:
        import networkx as nx

        self.graph = graph
        near = graph.neighborhood(node, 2).cpu()
        self.nodes = near[:most].tolist()
        if len(near) > len(self.nodes):
            self.note = (
                f"Drawn are the nearest {len(self.nodes)} of the {len(near):,} nodes within two "
                "edges."
            )
        shown = graph.subgraph(self.nodes)
        self.edges = [(a, b) for a, b in shown.edge_index.T.tolist() if a < b]
        drawn = nx.Graph(self.edges)
        drawn.add_nodes_from(range(len(self.nodes)))
        found = nx.kamada_kawai_layout(drawn) if len(self.nodes) > 1 else {0: (0.0, 0.0)}
        self.places = np.array([found[n] for n in range(len(self.nodes))])

    def site(self, layer: Layer) -> int:
        """The node."""
        return int(self.nodes[0])

    def fits(self, layer: Layer) -> bool:
        """Whether its sites are the nodes."""
        return layer.domain is not None and layer.domain.num_sites == self.graph.num_nodes

    def draw_field(self, axes: Axes, field: Field | None) -> None:
        """The nodes, with those that are seen."""
        seen = [field is not None and bool(field.mask[n]) for n in self.nodes]
        self._draw(axes, [SEEN if one else "white" for one in seen])

    def draw_map(
        self, axes: Axes, values: Tensor, layer: Layer, most: float | None = None
    ) -> None:
        """The nodes in the colour of their number."""
        shown = values[self.nodes]
        self._draw(axes, two_colours()(_places(shown, most or self.most(shown))))

    def _draw(self, axes: Axes, colors: Any) -> None:  # noqa: ANN401
        for a, b in self.edges:
            axes.plot(*self.places[[a, b]].T, color=FAINT, lw=0.7, zorder=1)
        sizes = [70.0, *[22.0] * (len(self.nodes) - 1)]
        x, y = self.places.T
        lines = [1.6, *[0.5] * (len(sizes) - 1)]
        axes.scatter(x, y, sizes, colors, zorder=2, edgecolors=INK, linewidths=lines)
        axes.margins(0.08)


def _places(values: Tensor, most: float) -> NDArray[np.float64]:
    """Where numbers lie on a scale of two colours, from 0 to 1 with 0.5 for none."""
    shares = values.double().cpu().numpy() / (most or 1.0)
    return np.asarray(0.5 + 0.5 * shares.clip(-1, 1))


def _arriving_mean(values: Tensor, graph: Graph) -> Tensor:
    """The mean over the bonds that lead to each atom: (E,) -> (N,)."""
    sums = values.new_zeros(graph.num_nodes).index_add(0, graph.edge_index[1], values)
    counts = torch.bincount(graph.edge_index[1], minlength=graph.num_nodes)
    return sums / counts.clamp(min=1)


def _farthest(graph: Graph) -> int:
    """A node as far from another as there is one, and 0 if all are alone."""
    if not graph.num_edges:
        return 0
    first = int(graph.edge_index[0, 0])
    return int(graph.neighborhood(first, graph.num_nodes)[-1])
