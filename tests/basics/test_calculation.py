import pytest

from gnnvision import basics
from gnnvision.basics.calculation import Calculation, format_number


def test_a_worked_number_is_a_number_and_its_lines():
    worked = Calculation(49.5, ("99 / 2", "= 49.5"))
    assert (int(worked), float(worked), str(worked)) == (49, 49.5, "99 / 2\n= 49.5")


def test_numbers_are_written_as_by_hand():
    values = (0, 7.0, -2, 0.5, 3747200, -0.25, 1 / 3)
    assert [format_number(v) for v in values] == [
        "0",
        "7",
        "-2",
        "0.5",
        "3,747,200",
        "-0.25",
        "0.3333",
    ]


def test_former_names_keep_working():
    assert basics.worked_at is basics.output_at
    for former, name in basics._RENAMED.items():
        assert getattr(basics, former) is getattr(basics, name)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = basics.nothing
