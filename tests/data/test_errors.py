from pathlib import Path

import pytest

from gnnvision.data import ChecksumError, DataNotFound, UnsafePickleError


def test_data_not_found_says_which_files_go_where():
    error = DataNotFound("No data.", ["a.x", "a.y"], Path("/data/A/raw"), ["https://h/a.x"])
    assert str(error).split("\n") == [
        "No data.",
        "Put these files into /data/A/raw:",
        "  a.x  (https://h/a.x)",
        "  a.y",
    ]
    assert error.files == ("a.x", "a.y")
    assert error.folder == Path("/data/A/raw")


@pytest.mark.parametrize(
    ("kind", "base"),
    [
        (DataNotFound, FileNotFoundError),
        (ChecksumError, ValueError),
        (UnsafePickleError, ValueError),
    ],
)
def test_each_is_caught_as_what_it_is(kind, base):
    assert issubclass(kind, base)
