"""The scripts of the gallery: the same weights on four domains, and what the pages claim."""

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
import torch

import gnnvision as gv

GALLERY = Path(__file__).resolve().parents[2] / "docs" / "gallery"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a script in an empty folder, with replacements; its names."""
    monkeypatch.chdir(tmp_path)
    mpl.use("agg")

    def script(name, **replacements):
        source = (GALLERY / name).read_text(encoding="utf-8")
        for long, short in replacements.items():
            assert source.count(long) == 1, long
            source = source.replace(long, short)
        names = {"__name__": "gallery"}
        exec(compile(source, name, "exec"), names)
        return names

    yield script
    plt.close("all")


@pytest.mark.slow
def test_one_layer_on_four_domains(run, tmp_path):
    names = run("one_kernel.py")
    layer, outputs = names["layer"], names["outputs"]
    domains = [gv.Grid((108, 160)), names["hexagons"], names["superpixels"], names["sphere"]]
    for (x, y), domain in zip(outputs.values(), domains, strict=True):
        assert torch.allclose(layer.reference(x, domain), y, atol=1e-5)
    assert len(names["vertices"]) - names["sphere"].num_edges / 2 + len(names["faces"]) == 2
    assert (tmp_path / "one_kernel.png").stat().st_size > 100_000


@pytest.mark.slow
def test_holes_do_not_leak_into_the_graph(run):
    names = run("holes.py")
    whole, inner = names["whole"], names["inner"]
    assert torch.allclose(names["complete"][:, 1:-1, 1:-1], whole[:, 1:-1, 1:-1], atol=1e-5)
    on_grid, on_graph = (
        (names[name] - whole)[:, inner].square().mean().sqrt() for name in ("zeros", "as_image")
    )
    assert on_graph < on_grid / 5
    missing = names["missing"]
    filled, constant = (
        (names[name] - names["photo"][0])[:, missing].square().mean().sqrt()
        for name in ("filled", "constant")
    )
    assert filled < constant / 3


@pytest.mark.slow
def test_weights_from_pixels_work_on_other_domains(run):
    names = run("grad_cam.py", **{"epochs=14": "epochs=6", "range(3)": "range(2)"})
    model, y = names["models"][0], names["y"]
    found = {}
    for name, (x, domain) in names["domains"].items():
        with torch.no_grad():
            found[name] = float((model(x, domain).argmax(1) == y).double().mean())
        values = gv.explain.attribute(model, x, domain, "grad_cam").values
        assert values.shape == (x[:, 0].shape)
    assert found["pixels"] > 0.5  # chance is 0.1
    assert all(abs(score - found["pixels"]) < 0.15 for score in found.values()), found
