import pytest


@pytest.fixture(autouse=True)
def _double(double):
    """Every test of this floor computes in float64."""
