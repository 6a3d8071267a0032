import gc
import os
import sys
from pathlib import Path

import hypothesis
import pytest
import torch

if "PYTEST_XDIST_WORKER" in os.environ:
    # The workers share the cores; threads that wait for one another would only be in the way.
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)

# What `make quick` leaves out whole: these train, draw pages or start scripts in most tests.
SLOW = (
    "benchmarks",
    "citizens",
    "docs",
    "experiments",
    "explain",
    "pretend",
    "report",
    "runs",
    "transfer",
)
TESTS = Path(__file__).resolve().parent
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"

hypothesis.settings.register_profile(
    "gnnvision",
    deadline=None,
    derandomize=True,
    max_examples=25,
    database=None,
    # The autouse fixtures set a dtype and a seed, which examples may share.
    suppress_health_check=[
        hypothesis.HealthCheck.too_slow,
        hypothesis.HealthCheck.function_scoped_fixture,
        hypothesis.HealthCheck.differing_executors,
    ],
)
hypothesis.settings.load_profile("gnnvision")


def pytest_addoption(parser):
    parser.addoption("--device", default="cpu", help="where the contract suite runs: cpu or cuda")


def pytest_generate_tests(metafunc):
    """A contract's class lists its cases; each of its tests that asks for one runs for all."""
    for name in ("make", "domain"):
        cases = getattr(metafunc.cls, f"{name}_cases", None)
        if cases and name in metafunc.fixturenames:
            metafunc.parametrize(name, list(cases.values()), ids=list(cases))


def _is_slow(path):
    return path.is_relative_to(TESTS) and path.relative_to(TESTS).parts[:1] in {(n,) for n in SLOW}


def pytest_ignore_collect(collection_path, config):
    """With -m "not slow" do not even import the slow folders."""
    return True if config.option.markexpr == "not slow" and _is_slow(collection_path) else None


def pytest_collection_finish():
    """Keep twelve thousand tests and torch out of every later garbage collection."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish():
    gc.unfreeze()  # what is left at the end may be released


def pytest_collection_modifyitems(items):
    for item in items:
        if _is_slow(item.path):
            item.add_marker(pytest.mark.slow)
    if not torch.cuda.is_available():
        missing = pytest.mark.skip(reason="needs a CUDA device, and there is none")
        for item in items:
            if "gpu" in item.keywords:
                item.add_marker(missing)


@pytest.fixture(autouse=True)
def seed():
    """Every test draws the same numbers, whichever ran before it."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def fork():
    """Whether a fork can train is found anew: a test before may have prepared another device."""
    if processes := sys.modules.get("gnnvision.training.processes"):
        processes.fork_trains.cache_clear()


@pytest.fixture
def device(request):
    """The device asked for with --device."""
    device = torch.device(request.config.getoption("--device"))
    if device.type == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device, and there is none")
    return device


@pytest.fixture
def double():
    """float64 as the default dtype, on one thread: small tests lose by more.

    The folders of the lower floors use it for every test.
    """
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    yield
    torch.set_default_dtype(dtype)
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def data_root():
    """The folder of real data sets, None where there is none."""
    folder = Path(os.environ.get("GNNVISION_DATA") or SHARED)
    return folder if folder.is_dir() else None
