"""Deterministic algorithms on a pretended GPU, which refuses those that add in a varying order."""

import pytest
import torch

import gnnvision as gv
from gnnvision.training.devices import use_deterministic
from gnnvision.training.kernels import kernels_for

from . import pretended, tasks
from .networks import OF_GRAPHS, ON_GRAPHS, ON_GRIDS, graph, network, of_images
from .test_networks import back_and_forth


@pytest.fixture
def deterministic(monkeypatch):
    """Deterministic algorithms for the length of a test."""
    cudnn = torch.backends.cudnn
    for name in ("deterministic", "benchmark", "allow_tf32"):
        monkeypatch.setattr(cudnn, name, getattr(cudnn, name))
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    use_deterministic()
    yield
    torch.use_deterministic_algorithms(False)
    for backend in (torch.backends.cuda.matmul, torch.backends.mkldnn.matmul):
        backend.fp32_precision = "none"


@pytest.mark.parametrize("name", ON_GRAPHS)
def test_layers_on_graphs(name, deterministic):
    back_and_forth(ON_GRAPHS[name](), torch.rand(7, 4), graph(), "cuda")


@pytest.mark.parametrize("name", ON_GRIDS)
def test_layers_on_grids(name, deterministic):
    make, size = ON_GRIDS[name]
    back_and_forth(make(), torch.rand(2, 3, *size), gv.Grid(size), "cuda")


@pytest.mark.parametrize("mode", ["zeros", "replicate", "reflect", "circular"])
@pytest.mark.parametrize(
    ("kind", "size"), [(gv.Conv1d, (9,)), (gv.Conv2d, (9, 8)), (gv.Conv3d, (5, 4, 6))]
)
def test_padding(kind, size, mode, deterministic):
    layer = kind(3, 2, 4, padding="same", padding_mode=mode)
    back_and_forth(layer, torch.rand(2, 3, *size), gv.Grid(size), "cuda")


@pytest.mark.parametrize("name", OF_GRAPHS)
def test_networks_for_graphs(name, deterministic):
    back_and_forth(network(name), torch.rand(7, 4), graph(), "cuda")


@pytest.mark.parametrize("name", of_images())
def test_networks_for_images(name, deterministic):
    size = (16, 16) if name == "autoencoder" else (32, 32)
    back_and_forth(network(name), torch.rand(2, 3, *size), gv.Grid(size), "cuda", 1e-3)


CASES = {
    "nodes": (tasks.nodes, lambda: gv.models.gcn(34, 8, 2), {}),
    "graphs": (tasks.graphs, lambda: gv.models.molecule_gcn(1, 2, 8, num_layers=2), {"lr": 0.02}),
    "images": (tasks.images, lambda: gv.models.small_resnet(3, 2, (12, 12)), {"lr": 0.003}),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_two_runs_have_the_same_bits(case, device, deterministic):
    make, model, settings = CASES[case]
    if case != "nodes":
        settings = {"batch_size": 16, **settings}
    recipe, found = gv.Recipe(epochs=6, **settings), []
    for _ in range(2):
        with pretended("cuda") as ledger:
            result = gv.fit(model, make(), recipe, device=device, progress=False)
            found.append({k: v.cpu() for k, v in result.model.state_dict().items()})
        assert not ledger.faults, ledger
    for name, value in found[0].items():
        assert torch.equal(value, found[1][name]), name
    said = result.facts.get("GPU arithmetic")
    words = "Float32 products in full precision, deterministic algorithms."
    assert said == (words if device == "cuda" else None)


def settings():
    backends = torch.backends
    return (
        torch.get_float32_matmul_precision(),
        backends.cuda.matmul.fp32_precision,
        backends.cudnn.allow_tf32,
        backends.cudnn.benchmark,
    )


IMAGES = torch.nn.Sequential(gv.Conv2d(1, 1, 3))
GRAPHS = torch.nn.Sequential(gv.GCNConv(1, 1))


@pytest.mark.parametrize(
    ("device", "precision", "model", "during"),
    [
        ("cuda", "auto", GRAPHS, ("high", "tf32", True, False)),
        ("cuda:0", "bfloat16", IMAGES, ("high", "tf32", True, True)),
        ("cuda", "float32", IMAGES, ("highest", "ieee", False, True)),
        ("cpu", "auto", IMAGES, None),
    ],
)
def test_how_a_gpu_computes_is_set_for_the_training_alone(device, precision, model, during):
    before = settings()
    kernels = kernels_for(device, precision, model)
    with kernels.used():
        assert settings() == (during or before)
    assert settings() == before
    assert kernels_for(device, precision, model) == kernels
    assert bool(kernels.facts()) == (device != "cpu")


def test_what_the_user_set_stays(monkeypatch):
    try:
        torch.set_float32_matmul_precision("medium")
        with kernels_for("cuda", "auto", GRAPHS).used():
            assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")
        torch.backends.cuda.matmul.fp32_precision = "none"
        torch.backends.mkldnn.matmul.fp32_precision = "none"
    torch.backends.cuda.matmul.fp32_precision = "ieee"
    try:
        assert kernels_for("cuda", "auto", GRAPHS).tf32 is None
    finally:
        torch.backends.cuda.matmul.fp32_precision = "none"


def test_a_report_says_how_the_gpu_computed(gpu):
    task = tasks.nodes()
    model = gv.models.gcn(task.in_channels, 4, task.num_classes)
    facts = {
        precision: gv.fit(
            model, task, gv.Recipe(epochs=1), device="cuda", precision=precision, progress=False
        ).facts["GPU arithmetic"]
        for precision in ("auto", "float32")
    }
    assert facts == {
        "auto": "Float32 products in TensorFloat32, with 10 bits of mantissa.",
        "float32": "Float32 products in full precision.",
    }
