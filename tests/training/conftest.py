"""Tests of forked processes run in a process of which forks can train."""

import subprocess
import sys
from pathlib import Path

import pytest

from gnnvision.training.processes import can_fork, fork_trains

ROOT = Path(__file__).parents[2]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run a test of processes elsewhere where one before it has prepared another device."""
    if pyfuncitem.path.name != "test_processes.py":
        return None
    fork_trains.cache_clear()
    if can_fork():
        return None
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", pyfuncitem.nodeid]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    return True
