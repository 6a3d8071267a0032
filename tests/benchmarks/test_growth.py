import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import growth


def test_slope_is_the_exponent_of_a_power():
    rows = [{"edges": e, "seconds": 3 * e**1.5} for e in (10, 100, 5_000)]
    assert growth.slope(rows, "seconds") == pytest.approx(1.5)


def test_sizes_are_between_the_ends():
    assert growth.sizes(1e5, 1e6) == [100_000, 300_000, 1_000_000]


def test_a_size_is_measured_and_estimated(tmp_path):
    row = growth.measured("gcn", 1_400, 2)
    assert row["edges"] == 1_400
    assert row["seconds"] > 0
    assert row["estimate"] == 100 * growth.CHANNELS * 4 / 2**20
    growth.draw(
        [row | {"peak": 1.0}, row | {"edges": 2_800, "peak": 2.0}], "GCN", tmp_path / "a.png"
    )
    assert (tmp_path / "a.png").stat().st_size > 1000
