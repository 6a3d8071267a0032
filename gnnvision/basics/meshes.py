"""Triangle meshes that need no file: bumpy spheres whose vertices belong to parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gnnvision._colors import class_color
from gnnvision.data import NodeTask, Split, from_arrays
from gnnvision.domains import Graph
from gnnvision.operators import mean_adjacency
from gnnvision.report.parts import Figure, Section, Table
from gnnvision.report.style import drawing
from gnnvision.training import Result
from gnnvision.training.measures import format_stats

__all__ = ["PARTS", "Mesh", "draw_mesh", "draw_predictions", "mesh_section", "mesh_task"]

# The names of the parts of a mesh, in the order of their indices.
# The parts of the example meshes, which are the classes of their nodes.
PARTS = ("body", "horn", "hump", "dent")
_BUMPS = ((1, 0.7, 0.22), (2, 0.4, 0.45), (3, -0.35, 0.3))  # part, height, width in radians
_APART = 0.75  # radians between the middles of two bumps
_EDGE = 0.35  # of its height, where a bump ends


class Mesh(NamedTuple):
    """A closed surface of triangles.

    Args:
        vertices: positions. Shape (V, 3).
        faces: three vertices of each triangle, counterclockwise from outside. Shape (F, 3).
        parts: the index in `PARTS` of each vertex. Shape (V,).
    """

    vertices: Tensor
    faces: Tensor
    parts: Tensor

    @classmethod
    def bumpy_sphere(cls, seed: int, num_vertices: int = 500) -> Self:
        """A sphere with two to three horns, humps and dents each, in random places.

        Args:
            seed: another seed gives another shape, turned another way.
            num_vertices: V.

        Example:
            >>> mesh = Mesh.bumpy_sphere(0, num_vertices=100)
            >>> len(mesh.vertices), len(mesh.faces)
            (100, 196)
        """
        from scipy.spatial import ConvexHull

        generator = np.random.default_rng(seed)
        # A spiral from pole to pole; its convex hull connects neighboring points by triangles.
        height = 1 - (2 * np.arange(num_vertices) + 1) / num_vertices
        angle = np.pi * (1 + 5**0.5) * np.arange(num_vertices)
        radius = np.sqrt(1 - height**2)
        sphere = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], 1)
        sphere = sphere @ np.linalg.qr(generator.standard_normal((3, 3)))[0]
        faces = ConvexHull(sphere).simplices.astype(np.int64)
        a, b, c = (sphere[faces[:, corner]] for corner in range(3))
        inward = (np.cross(b - a, c - a) * a).sum(1) < 0
        faces[inward] = faces[inward][:, ::-1]
        distance, parts = np.ones(num_vertices), np.zeros(num_vertices, np.int64)
        middles: list[NDArray[np.float64]] = []
        for part, bump_height, width in _BUMPS:
            for _ in range(generator.integers(2, 4)):
                middle = _free_place(generator, middles)
                middles.append(middle)
                away = np.arccos(np.clip(sphere @ middle, -1, 1)) / width
                bump = np.exp(-(away**2))
                distance += bump_height * generator.uniform(0.8, 1.2) * bump
                parts[bump > _EDGE] = part
        vertices = torch.from_numpy(sphere * distance[:, None]).float()
        return cls(vertices, torch.from_numpy(faces.copy()), torch.from_numpy(parts))

    @property
    def graph(self) -> Graph:
        """The vertices, connected along the sides of the triangles."""
        return Graph.from_triangles(self.faces, len(self.vertices))

    def features(self) -> Tensor:
        """Two numbers for each vertex that stay the same if the mesh is moved, turned or scaled.

        They are the offset of the vertex from the mean of its neighbors along the normal (the
        curvature, positive where the surface bulges), and the offset across the normal, both as
        multiples of the mean edge length. Shape (V, 2).
        """
        graph = self.graph
        source, target = graph.edge_index
        length = (self.vertices[source] - self.vertices[target]).norm(dim=1).mean()
        offset = (self.vertices - mean_adjacency(graph) @ self.vertices) / length
        a, b, c = self.vertices[self.faces].unbind(1)
        of_faces = torch.linalg.cross(b - a, c - a)
        normals = torch.zeros_like(self.vertices)
        for corner in range(3):
            normals.index_add_(0, self.faces[:, corner], of_faces)
        normals = normals / normals.norm(dim=1, keepdim=True)
        along = (offset * normals).sum(1, keepdim=True)
        return torch.cat([along, (offset - along * normals).norm(dim=1, keepdim=True)], 1)


def mesh_task(num_train: int, num_val: int, num_test: int, num_vertices: int = 500) -> NodeTask:
    """The task to tell the parts of meshes apart, on shapes that were not seen in training.

    Args:
        num_train: shapes for training.
        num_val: shapes for validation.
        num_test: shapes for test.
        num_vertices: vertices of each shape.

    Returns:
        A task on the disjoint union of all shapes; the shape with number n has seed n.
    """
    counts = (num_train, num_val, num_test)
    meshes = [Mesh.bumpy_sphere(seed, num_vertices) for seed in range(sum(counts))]
    graph = Graph.batch([mesh.graph for mesh in meshes])
    ends = np.cumsum([0, *counts]) * num_vertices
    return from_arrays(
        graph.edge_index,
        torch.cat([mesh.features() for mesh in meshes]),
        torch.cat([mesh.parts for mesh in meshes]),
        split=Split("shapes", *(np.arange(ends[k], ends[k + 1]) for k in range(3))),
        class_names=PARTS,
        name="bumpy spheres",
    )


def draw_mesh(ax: Any, mesh: Mesh, parts: Tensor) -> None:  # noqa: ANN401 - 3-D axes have no types
    """Draw a mesh with its vertices in the colors of their parts, under a light from the left.

    Args:
        ax: matplotlib axes with `projection="3d"`.
        mesh: the mesh.
        parts: of each vertex. Shape (V,).
    """
    from matplotlib.colors import to_rgb
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection  # type: ignore[import-untyped]

    corners = mesh.vertices[mesh.faces].numpy()
    of_faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    of_faces /= np.linalg.norm(of_faces, axis=1, keepdims=True)
    light = 0.65 + 0.35 * of_faces @ np.array([0.5, -0.6, 0.62])
    palette = np.array([to_rgb("#d9dee4"), *(to_rgb(class_color(n)) for n in range(3))])
    colors = palette[parts[mesh.faces].numpy()].mean(1) * light[:, None]
    surface = Poly3DCollection(corners, facecolors=np.clip(colors, 0, 1))
    surface.set_clip_on(False)  # tips may reach beyond the axes
    ax.add_collection3d(surface)
    reach = 0.66 * float(mesh.vertices.abs().max())
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), zlim=(-reach, reach))
    ax.set_box_aspect((1, 1, 1))
    ax.set_axis_off()


def draw_predictions(path: Path, meshes: Sequence[Mesh], models: Mapping[str, nn.Module]) -> Path:
    """Draw meshes in columns, with their true parts in the first row, then those predicted.

    Args:
        path: a PNG.
        meshes: the meshes.
        models: networks from `Mesh.features` to one logit for each part, by their names.

    Returns:
        The path.
    """
    from matplotlib.patches import Patch

    rows = {"true parts": [mesh.parts for mesh in meshes]}
    with torch.inference_mode():
        for name, model in models.items():
            rows[name] = [model(mesh.features(), mesh.graph).argmax(1) for mesh in meshes]
    with drawing(path, 1.9 * len(rows) + 0.3, 1.9 * len(meshes)) as figure:
        for number, (name, held) in enumerate(rows.items()):
            for column, (mesh, parts) in enumerate(zip(meshes, held, strict=True)):
                place: Any = (len(rows), len(meshes), number * len(meshes) + column + 1)
                ax = figure.add_subplot(*place, projection="3d")
                draw_mesh(ax, mesh, parts)
                if not column:
                    ax.set_title(name)
        colors = ("#d9dee4", *(class_color(n) for n in range(3)))
        handles = [Patch(fc=color, label=part) for color, part in zip(colors, PARTS, strict=True)]
        figure.legend(handles=handles, loc="outside lower left", ncols=4)
    return path


def mesh_section(path: Path, meshes: Sequence[Mesh], results: Mapping[str, Result]) -> Section:
    """A section with a drawing of predictions, and the balanced accuracies on the test split.

    Args:
        path: of the drawing, a PNG.
        meshes: some meshes of the test split.
        results: trained networks by their names.
    """
    draw_predictions(path, meshes, {name: result.model for name, result in results.items()})
    metric = "balanced_accuracy"
    rows = [
        (name, format_stats(metric, result.metrics()["test"][metric], len(result.outcomes)))
        for name, result in results.items()
    ]
    lead = "Some of the shapes that no network saw in training. The accuracy is of all of them."
    alt = f"True parts of {len(meshes)} shapes, and those predicted by {' and '.join(results)}."
    table = Table(("network", "balanced accuracy"), rows)
    return Section("Parts of new shapes", lead, [Figure(path, alt)], [table])


def _free_place(
    generator: np.random.Generator, taken: list[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """A random direction away from others, or the farthest of many that were tried."""
    tried = generator.standard_normal((200, 3))
    tried /= np.linalg.norm(tried, axis=1, keepdims=True)
    if not taken:
        first: NDArray[np.float64] = tried[0]
        return first
    nearest = np.arccos(np.clip(tried @ np.array(taken).T, -1, 1)).min(1)
    fitting = np.flatnonzero(nearest > _APART)
    chosen: NDArray[np.float64] = tried[fitting[0] if len(fitting) else nearest.argmax()]
    return chosen
