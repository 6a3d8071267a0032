"""A script whose output is no longer read, as by `head`."""

import subprocess
import sys

import pytest

SCRIPT = """
from dataclasses import dataclass
from gnnvision import cli

@dataclass(frozen=True, kw_only=True)
class Config:
    rows: int = 1

def main(config):
    for row in range(config.rows):
        print(row)

cli.run(Config, main, None)
"""


@pytest.mark.slow
def test_a_closed_pipe_ends_the_script_without_a_message(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    for rows in ("300000", "3"):  # while it writes, and at its end
        command = [sys.executable, path, "--rows", rows]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
            running.stdout.close()
            errors = running.stderr.read().decode()
            assert running.wait() == 141, errors
            assert errors == ""
