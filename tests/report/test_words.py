import pytest

from gnnvision.report.words import sentence


@pytest.mark.parametrize("note", ["made larger", "Made larger.", "made larger."])
def test_a_remark_becomes_a_sentence(note):
    assert sentence(note) == "Made larger."
