"""The script of the pages: in a browser where there is one, else what it relies on."""

import re
import shutil
import subprocess

import pytest

from gnnvision.report.page import write_page
from gnnvision.report.parts import Figure, Section, Table
from gnnvision.report.style import drawing
from gnnvision.report.template import read_file

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
VALUES = ["81.5 ± 0.9 %", "1,234", "undefined", "9.1 %", "-2e-3", "1.814 G", "55 M"]
CHECK = """<script>
const heads = [...document.querySelectorAll("th")];
const column = (n) => [...document.querySelectorAll("tbody tr:not(.total)")]
  .map((row) => row.cells[n].textContent).join("|");
const found = [];
heads[1].firstChild.click();
found.push(column(1), heads[1].getAttribute("aria-sort"));
heads[1].firstChild.click();
found.push(column(1), heads[1].getAttribute("aria-sort"), heads[0].getAttribute("aria-sort"));
heads[0].firstChild.click();
found.push(column(0), document.querySelector("tbody").lastElementChild.className);
const input = document.querySelector(".filter input");
input.value = "15 ROW";
input.dispatchEvent(new Event("input"));
found.push([...document.querySelectorAll("tbody tr:not([hidden]):not(.total)")].length);
document.querySelector(".enlarge").click();
const dialog = document.querySelector("dialog[open] svg");
const before = dialog.getBoundingClientRect().width;
document.querySelector("[aria-label='Zoom in']").click();
found.push((dialog.getBoundingClientRect().width / before).toFixed(2));
document.querySelector("[aria-label='Close']").click();
document.body.replaceChildren(found.join("\\n"));
</script>"""


def test_the_script_asks_nothing_of_the_network():
    script = read_file("script.js")
    assert not re.search(r"https?:|fetch|XMLHttp|import\(|WebSocket|eval|innerHTML", script)
    assert "</" not in script  # or the page would end it there


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
@pytest.mark.slow
def test_tables_sort_and_filter_and_figures_are_enlarged(tmp_path):
    with drawing(tmp_path / "a.svg", 1, 2) as figure:
        figure.add_subplot().plot([1, 2])
    values = [*VALUES, *(str(100 + number) for number in range(8))]
    rows = [(f"row {number}", value) for number, value in enumerate(values, 1)]
    table = Table(("Name", "Value"), [*rows, ("sum", "5")], total=True)
    section = Section("One", "Lead.", [Figure(tmp_path / "a.svg", "A line.")], [table])
    page = write_page(tmp_path, "Page", "", [section])
    page.write_text(page.read_text(encoding="utf-8").replace("</body>", f"{CHECK}</body>"))
    done = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
            f"--user-data-dir={tmp_path / 'profile'}", page.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    body = re.search(r"(?s)<body>(.*)</body>", done.stdout)[1]
    up, is_up, down, is_down, other, names, last, shown, zoom = body.strip().split("\n")
    known = ["-2e-3", "9.1 %", "81.5 ± 0.9 %", *map(str, range(100, 108)), "1,234", "55 M"]
    known.append("1.814 G")
    assert up.split("|") == [*known, "undefined"]
    assert down.split("|") == [*known[::-1], "undefined"]
    assert (is_up, is_down, other) == ("ascending", "descending", "none")
    assert names.split("|") == [f"row {number}" for number in range(1, 16)]
    assert last == "total"
    assert shown == "1"
    assert float(zoom) == pytest.approx(1.25, abs=0.01)
