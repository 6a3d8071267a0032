import pytest


@pytest.fixture(autouse=True)
def _double(double):
    """Every check computes in float64, unless it says otherwise."""
