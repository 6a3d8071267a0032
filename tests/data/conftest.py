import os
from pathlib import Path

import pytest

from .served import serve

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """Every test has a cache folder of its own and no data root of the user's."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("GNNVISION_CACHE", str(folder))
    monkeypatch.delenv("GNNVISION_DATA", raising=False)
    return folder


@pytest.fixture(scope="session")
def real_data():
    """The folder of the real data sets; tests on it are skipped where it is missing."""
    folder = Path(os.environ.get("GNNVISION_DATA") or SHARED)
    if not (folder / "Cora" / "raw" / "ind.cora.x").is_file():
        pytest.skip(f"needs the real Cora in {folder}")
    return folder


@pytest.fixture
def other_server():
    with serve() as running:
        yield running


@pytest.fixture
def server():
    """A web server on this machine; see `served`."""
    with serve() as server:
        yield server
