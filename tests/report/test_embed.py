import base64
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from gnnvision.report.embed import embed, size


@pytest.fixture
def photograph(tmp_path):
    """A PNG that is large, as of a photograph: a wave and noise."""
    y, x = np.mgrid[:700, :800]
    wave = 120 + 60 * np.sin(x / 40) + 30 * np.cos(y / 25)
    noise = np.random.default_rng(0).normal(0, 6, (700, 800, 3))
    pixels = np.clip(wave[..., None] + noise, 0, 255).astype(np.uint8)
    path = tmp_path / "photograph.png"
    Image.fromarray(pixels).save(path)
    return path, pixels


def test_drawings_are_embedded_as_they_are(tmp_path):
    path = tmp_path / "drawing.png"
    Image.new("RGB", (300, 200), "white").save(path)
    kind, data = embed(path).split(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(data) == path.read_bytes()
    assert size(path) == (300, 200)


def test_photographs_are_packed_and_look_the_same(photograph):
    path, pixels = photograph
    kind, data = embed(path).split(",")
    assert kind == "data:image/webp;base64"
    assert 3 * len(data) < path.stat().st_size
    with Image.open(BytesIO(base64.b64decode(data))) as packed:
        seen = np.asarray(packed.convert("RGB"), dtype=float)
    assert seen.shape == pixels.shape
    assert np.abs(seen - pixels).mean() < 8
