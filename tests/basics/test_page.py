import json
import re

import pytest
import torch

from gnnvision.basics import Photo, write_page
from gnnvision.basics.page import CHAPTERS


@pytest.mark.slow
def test_a_page_from_a_small_and_even_photograph(tmp_path):
    """The least that is allowed, without any edge in it: nothing to find, nothing to fail on."""
    photo = Photo("even.png", torch.full((3, 64, 90), 0.5))
    seen = []
    path = write_page(
        tmp_path, photo, "python page.py --photo even.png", lambda *step: seen.append(step)
    )
    assert seen[0] == (1, len(CHAPTERS), "formula")
    assert len(seen) == len(CHAPTERS)
    text = path.read_text(encoding="utf-8")
    assert len(re.findall("<section id=", text)) == len(CHAPTERS) + 1  # Reproduce
    images = re.findall(r'<img src="([^"]*)"', text)
    assert len(images) == len(list((tmp_path / "figures").glob("*.png")))
    assert all(source.startswith("data:image/") for source in images)
    assert "python page.py --photo even.png" in text
    assert "nan" not in re.sub(r'"data:[^"]*"', "", text).lower().split()
    assert "http" not in re.sub(r'"data:[^"]*"', "", text)  # no credit is due, no network used
    result = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert result["photo"] == "even.png"
    assert result["chapters"]["pooling"]["change"]["no pooling"] == [0, 0, 0, 0, 0]
