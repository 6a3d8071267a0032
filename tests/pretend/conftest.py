import pytest

from ..experiments.conftest import inside, made  # noqa: F401
from . import pretended


@pytest.fixture
def gpu():
    """A pretended GPU for the length of a test, which must do nothing that a real one refuses."""
    with pretended("cuda") as ledger:
        yield ledger
    assert not ledger.faults, ledger


@pytest.fixture
def mps():
    """A pretended device of Apple's, which has no float64."""
    with pretended("mps") as ledger:
        yield ledger
    assert not ledger.faults, ledger
