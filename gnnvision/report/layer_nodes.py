"""Canvases of graphs: a molecule, a whole graph, or a node of a large graph with its neighbors."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from gnnvision.domains import Graph
from gnnvision.domains.layout import layout_graph, neighbor_distance
from gnnvision.explain import Field, Layer
from gnnvision.report.layer_canvas import FIELD, Canvas, on_scale, two_colors
from gnnvision.report.style import FAINT, INK, MUTED, UNKNOWN, class_color
from gnnvision.report.words import plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from rdkit.Chem import Mol

__all__ = ["GraphCanvas", "MoleculeCanvas", "NodesCanvas", "OnNodes"]

_MAX_LETTERED = 60  # nodes; letters in more are too small to read
_RADIUS = 0.37  # of a node, in edge lengths


class OnNodes(Canvas):
    """A graph with a value for each node, also for layers on its edges or clusters of nodes.

    Args:
        graph: the graph of the input.
        node: the node whose receptive field is shown.
    """

    def __init__(self, graph: Graph, node: int) -> None:
        self.graph = graph
        self.node = node

    def fits(self, layer: Layer) -> bool:
        """Whether the layer's sites are the nodes, clusters of them, or edges between these."""
        if layer.domain is None:
            return False
        ends = layer.edges_of or layer.domain
        return layer.cluster is not None or ends.num_sites == self.graph.num_nodes

    def site(self, layer: Layer) -> int:
        """The site of the node: itself, its cluster, or its first incoming edge."""
        node = self.node
        if layer.cluster is not None:
            kept = layer.cluster[layer.cluster >= 0]
            own = int(layer.cluster[node])
            node = own if own >= 0 else int(kept[0])
        if layer.edges_of is None:
            return node
        arriving = torch.nonzero(layer.edges_of.edge_index[1] == node)
        return int(arriving[0]) if len(arriving) else 0

    def at_nodes(self, values: Tensor, layer: Layer) -> Tensor:
        """The value of each node: its own, that of its cluster, or the mean of incoming edges.

        NaN for a node that pooling dropped. Shape (N,).
        """
        values = values.cpu()
        if layer.edges_of is not None:
            values = _arriving_mean(values, layer.edges_of)
        if layer.cluster is None:
            return values
        padded = torch.cat([values, values.new_full((1,), torch.nan)])
        return padded[layer.cluster.cpu()]  # -1 is the last

    def draw_map(
        self, axes: Axes, values: Tensor, layer: Layer, limit: float | None = None
    ) -> None:
        """Draw the nodes in the color of their value; dropped nodes are gray."""
        at_nodes = self.at_nodes(values, layer)
        known = self.visible(at_nodes)
        known = known[~known.isnan()]
        limit = limit or (self.color_limit(known) if len(known) else 1.0)
        scale = two_colors().with_extremes(bad=UNKNOWN)
        self.paint(axes, scale(np.ma.masked_invalid(on_scale(at_nodes, limit))))

    def visible(self, values: Tensor) -> Tensor:
        """The values of the nodes that are drawn."""
        return values

    @abstractmethod
    def paint(self, axes: Axes, colors: Any) -> None:  # noqa: ANN401
        """Draw the graph with its nodes in these colors. Shape (N, 4)."""


class MoleculeCanvas(OnNodes):
    """A molecule.

    Args:
        mol: the molecule as the featurizer reads it, with its atoms in the order of the nodes.
        graph: the graph of its atoms.
    """

    aspect = 5 / 7
    what = "molecule"
    sites = "atoms"
    field_caption = "orange marks the receptive field of an atom at the end of the molecule"

    def __init__(self, mol: Mol, graph: Graph) -> None:
        super().__init__(graph, _farthest(graph))
        self.mol = mol

    def draw_field(self, axes: Axes, field: Field | None) -> None:
        """Draw the molecule with the atoms of the receptive field in orange."""
        from matplotlib.colors import to_rgb

        atoms = [] if field is None else torch.nonzero(field.mask).flatten().tolist()
        self._draw(axes, dict.fromkeys(atoms, to_rgb(FIELD)))

    def paint(self, axes: Axes, colors: Any) -> None:  # noqa: ANN401
        """Draw the molecule with its atoms in these colors."""
        self._draw(axes, {atom: tuple(color[:3]) for atom, color in enumerate(colors)})

    def _draw(self, axes: Axes, colors: Any) -> None:  # noqa: ANN401
        from gnnvision.report.molecules_draw import draw_molecule

        axes.imshow(draw_molecule(self.mol, colors=colors))


class GraphCanvas(OnNodes):
    """A whole graph of a dataset, with the types of its nodes.

    Args:
        graph: the graph.
        kinds: the type of each node, an index from 0, or -1 for none.
        names: the names of the types, written in the nodes if there are not too many.
    """

    what = "graph"
    field_caption = "orange marks the receptive field of a node at the end of the graph"

    def __init__(self, graph: Graph, kinds: Sequence[int], names: Sequence[str]) -> None:
        super().__init__(graph, _farthest(graph))
        self.kinds, self.names = list(kinds), list(names)
        self.edges = _pairs(graph)
        self.places, self.aspect = layout_graph(graph.num_nodes, self.edges)
        self.radius = min(_RADIUS, 0.48 * neighbor_distance(self.places))
        several = len(set(self.kinds)) > 1
        self.lettered = several and graph.num_nodes <= _MAX_LETTERED
        counts = [(name, self.kinds.count(number)) for number, name in enumerate(self.names)]
        listed = ", ".join(
            f"{plural(count, 'node')} of type {name}" for name, count in counts if count
        )
        if several:
            shown = "Letters in the nodes" if self.lettered else "Colors of the nodes"
            self.note = f"{shown} show their type, as labeled in the data: {listed}."

    def draw_field(self, axes: Axes, field: Field | None) -> None:
        """Draw the graph with the receptive field in orange, or with the types of its nodes."""
        if field is not None:
            self._draw(axes, [FIELD if inside else "white" for inside in field.mask.tolist()])
            return
        self._draw(axes, [_pale(class_color(kind)) for kind in self.kinds])
        if not self.lettered and len(set(self.kinds)) > 1:
            self._legend(axes)

    def paint(self, axes: Axes, colors: Any) -> None:  # noqa: ANN401
        """Draw the graph with its nodes in these colors."""
        self._draw(axes, colors)

    def _draw(self, axes: Axes, colors: Any) -> None:  # noqa: ANN401
        from matplotlib.collections import LineCollection, PatchCollection
        from matplotlib.patches import Circle

        lines = [self.places[[a, b]] for a, b in self.edges]
        ink = INK if len(self.places) <= _MAX_LETTERED else MUTED
        axes.add_collection(LineCollection(lines, colors=ink, linewidths=0.6, zorder=1))
        circles = [Circle((x, y), self.radius) for x, y in self.places]
        look: dict[str, Any] = {"edgecolors": INK, "linewidths": 0.5, "zorder": 2}
        axes.add_collection(PatchCollection(circles, facecolors=colors, **look))
        if self.lettered:
            letters = [_letter(self.names[k], self.radius) for k in self.kinds if k >= 0]
            ends = [place for place, k in zip(self.places, self.kinds, strict=True) if k >= 0]
            paths = [_moved(letter, place) for letter, place in zip(letters, ends, strict=True)]
            axes.add_collection(PatchCollection(paths, facecolors=INK, linewidths=0, zorder=3))
        low, high = self.places.min(0) - self.radius, self.places.max(0) + self.radius
        edge = 0.03 * (high - low).max()
        axes.set(xlim=(low[0] - edge, high[0] + edge), ylim=(low[1] - edge, high[1] + edge))
        axes.set_aspect("equal")

    def _legend(self, axes: Axes) -> None:
        from matplotlib.lines import Line2D

        held = sorted({kind for kind in self.kinds if kind >= 0})
        look: dict[str, Any] = {"ls": "", "marker": "o", "mec": INK, "mew": 0.5}
        dots = [
            Line2D([], [], mfc=_pale(class_color(k)), label=f"type {self.names[k]}", **look)
            for k in held
        ]
        place: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.0)}
        axes.legend(handles=dots, ncols=4, fontsize=7.5, handletextpad=0.1, **place)


class NodesCanvas(OnNodes):
    """A node of a large graph with its two-hop neighborhood.

    Args:
        graph: the graph.
        node: the central node.
        max_nodes: the largest number of nodes to draw, the nearest first.
    """

    what = "node"
    field_caption = "orange marks the receptive field of the large node"

    def __init__(self, graph: Graph, node: int, max_nodes: int = 60) -> None:
        super().__init__(graph, node)
        near = graph.neighborhood(node, 2).cpu()
        self.nodes = near[:max_nodes].tolist()
        if len(near) > len(self.nodes):
            self.note = (
                f"Only the nearest {len(self.nodes)} of the {len(near):,} nodes within two hops "
                "are shown."
            )
        self.edges = _pairs(graph.subgraph(self.nodes))
        self.places, _ = layout_graph(len(self.nodes), self.edges)

    def draw_field(self, axes: Axes, field: Field | None) -> None:
        """Draw the nodes with the receptive field in orange."""
        inside = [field is not None and bool(field.mask[n]) for n in self.nodes]
        self._draw(axes, [FIELD if one else "white" for one in inside])

    def visible(self, values: Tensor) -> Tensor:
        """The values of the central node and the nodes around it."""
        return values[self.nodes]

    def paint(self, axes: Axes, colors: Any) -> None:  # noqa: ANN401
        """Draw the nodes in these colors."""
        self._draw(axes, colors[self.nodes])

    def _draw(self, axes: Axes, colors: Any) -> None:  # noqa: ANN401
        for a, b in self.edges:
            axes.plot(*self.places[[a, b]].T, color=FAINT, lw=0.7, zorder=1)
        sizes = [70.0, *[22.0] * (len(self.nodes) - 1)]
        x, y = self.places.T
        lines = [1.6, *[0.5] * (len(sizes) - 1)]
        axes.scatter(x, y, sizes, colors, zorder=2, edgecolors=INK, linewidths=lines)
        axes.margins(0.08)


def _pairs(graph: Graph) -> list[tuple[int, int]]:
    """The undirected edges, each once, without self-loops."""
    return sorted({(min(e), max(e)) for e in graph.edge_index.T.tolist() if e[0] != e[1]})


def _arriving_mean(values: Tensor, graph: Graph) -> Tensor:
    """The mean over the incoming edges of each node: (E,) -> (N,)."""
    target = graph.edge_index[1].cpu()
    sums = values.new_zeros(graph.num_nodes).index_add(0, target, values)
    counts = torch.bincount(target, minlength=graph.num_nodes)
    return sums / counts.clamp(min=1)


def _farthest(graph: Graph) -> int:
    """The node farthest from the first edge; 0 in a graph without edges."""
    if not graph.num_edges:
        return 0
    first = int(graph.edge_index[0, 0])
    return int(graph.neighborhood(first, graph.num_nodes)[-1])


def _pale(color: str) -> tuple[float, float, float]:
    """A lighter version of a color, for dark text on top."""
    from matplotlib.colors import to_rgb

    red, green, blue = (0.45 * part + 0.55 for part in to_rgb(color))
    return red, green, blue


def _letter(text: str, radius: float) -> Any:  # noqa: ANN401
    """Up to three letters as a shape around 0 that fits into a node."""
    from matplotlib.textpath import TextPath
    from matplotlib.transforms import Affine2D

    path = TextPath((0, 0), text[:3], size=1.0)
    box = path.get_extents()
    middle = Affine2D().translate(-(box.x0 + box.x1) / 2, -(box.y0 + box.y1) / 2)
    size = min(1.35 * radius / 0.75, 1.5 * radius / max(box.width, 1e-9))
    return path.transformed(middle.scale(size))


def _moved(path: Any, place: Any) -> Any:  # noqa: ANN401
    from matplotlib.patches import PathPatch
    from matplotlib.transforms import Affine2D

    return PathPatch(path.transformed(Affine2D().translate(*place)))
