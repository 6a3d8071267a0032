"""Meshes that need no file, and what is computed at their vertices."""

import numpy as np
import pytest
import torch

from gnnvision import Graph
from gnnvision.basics.meshes import PARTS, Mesh, draw_mesh, draw_predictions, mesh_task


@pytest.fixture(scope="module")
def mesh():
    return Mesh.bumpy_sphere(3, num_vertices=300)


def test_a_closed_surface_seen_from_outside(mesh):
    graph = mesh.graph
    assert 300 - graph.num_edges // 2 + len(mesh.faces) == 2  # Euler
    a, b, c = mesh.vertices[mesh.faces].unbind(1)
    volume = (torch.linalg.cross(a, b) * c).sum() / 6
    assert 0.8 * 4.19 < float(volume) < 2 * 4.19
    assert set(mesh.parts.tolist()) == {0, 1, 2, 3}


def test_a_seed_gives_the_same_shape_and_another_seed_another(mesh):
    assert torch.equal(mesh.vertices, Mesh.bumpy_sphere(3, num_vertices=300).vertices)
    assert not torch.equal(mesh.vertices, Mesh.bumpy_sphere(4, num_vertices=300).vertices)


def test_features_do_not_change_with_position_rotation_and_scale(mesh):
    x = mesh.features()
    turn = torch.from_numpy(np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]).to(x)
    turn = turn * torch.linalg.det(turn)
    moved = mesh._replace(vertices=3 * mesh.vertices @ turn + 5)
    assert torch.allclose(moved.features(), x, atol=2e-4)
    curvature = x[:, 0]
    assert curvature[mesh.parts == PARTS.index("horn")].max() == curvature.max()
    assert curvature[mesh.parts == PARTS.index("dent")].min() < 0


def test_shapes_are_apart_in_the_splits():
    task = mesh_task(2, 1, 1, num_vertices=200)
    assert task.class_names == PARTS
    sizes = [len(getattr(task.split, name)) for name in ("train", "val", "test")]
    assert sizes == [400, 200, 200]
    whole = Mesh.bumpy_sphere(3, num_vertices=200)
    assert torch.equal(task.y[600:], whole.parts)
    assert torch.allclose(task.x[600:].double(), whole.features().double(), atol=1e-6)
    member = task.graph.edge_index // 200
    assert torch.equal(member[0], member[1])


def test_drawings(mesh, tmp_path):
    from matplotlib.figure import Figure

    ax = Figure().add_subplot(projection="3d")
    draw_mesh(ax, mesh, mesh.parts)
    assert len(ax.collections[0].get_facecolors()) == len(mesh.faces)

    class Zero(torch.nn.Module):
        def forward(self, x: torch.Tensor, graph: Graph) -> torch.Tensor:
            assert graph.num_nodes == len(x)
            return torch.eye(4)[torch.zeros(len(x), dtype=torch.int64)]

    path = draw_predictions(tmp_path / "m.png", [mesh, mesh], {"all body": Zero()})
    assert path.stat().st_size > 20_000
