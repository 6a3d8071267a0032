from unittest.mock import Mock

import pytest

from gnnvision.report import draw
from gnnvision.report.draw import background_work, draw_sections
from gnnvision.report.parts import Section


def test_sections_in_order_with_their_names_before_each():
    def first_one(run):
        calls.append(run)
        return Section("First", "")

    def nothing(run):
        calls.append(run)

    calls = []
    drawn = draw_sections(
        "the run", [first_one, nothing, first_one], lambda *given: calls.append(given)
    )
    assert [section.title for section in drawn] == ["First", "First"]
    numbered = [(1, 3, "first one"), (2, 3, "nothing"), (3, 3, "first one")]
    assert calls[::2] == numbered
    assert calls[1::2] == ["the run"] * 3


def test_the_maps_are_drawn_last_and_stand_where_they_belong(monkeypatch):
    def maps(run):
        return Section("Maps", "")

    def other(run):
        return Section("Other", "")

    monkeypatch.setattr(draw, "projection", maps)
    names = []
    drawn = draw_sections("the run", [maps, other], lambda *given: names.append(given[2]))
    assert names == ["other", "maps"]
    assert [section.title for section in drawn] == ["Maps", "Other"]


def test_the_process_that_makes_maps_is_ended_when_a_section_fails():
    run = Mock()
    with pytest.raises(ZeroDivisionError), background_work(run, [draw.projection]):
        raise ZeroDivisionError
    run.maps.stop.assert_called_once()
