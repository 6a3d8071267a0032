from gnnvision.report.draw import draw_sections
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
