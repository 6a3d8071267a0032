from math import inf, nan

import pytest

from gnnvision.inspect import Reach


@pytest.mark.parametrize(
    ("reach", "text", "step"),
    [
        (Reach(size=(5.0, 5.0), jump=(2.0, 2.0)), "5 × 5", "2"),
        (Reach(size=(1.0, inf), jump=(0.5, 1.0)), "1 × all", "0.5"),
        (Reach(size=(1027.0, 3.0), jump=(32.0, 1.0)), "1,027 × 3", "32 × 1"),
        (Reach(size=(inf, inf), jump=(1.0, 1.0)), "entire input", ""),
        (Reach(size=(nan,), jump=(nan,)), "?", "?"),
        (Reach(hops=1.0), "1 hop", ""),
        (Reach(hops=0.0), "0 hops", ""),
        (Reach(hops=inf), "entire graph", ""),
        (Reach(count=19.0), "19 sites", ""),
        (Reach(count=1.0), "1 site", ""),
        (Reach(count=nan), "? sites", ""),
        (Reach(count=inf), "entire input", ""),
    ],
)
def test_words(reach, text, step):
    assert str(reach) == text
    assert reach.step == step
