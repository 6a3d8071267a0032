"""Lessons as a page: what is run, what is shown, and what is refused."""

import json
import os
import re
import traceback
from pathlib import Path

import pytest

from gnnvision.report import write_lesson
from gnnvision.report.lesson_text import Cell, Text, read_lesson, render_markdown

LESSON = """---
file_format: mystnb
kernelspec:
  name: python3
  display_name: Python 3
---
# First <lesson>

The text with `code`, a [link](https://example.org/a), [another page](../guides/transfer.md),
{py:class}`~gnnvision.GCNConv`, {doc}`the next one <second>` and [it again](second.md).

```{code-cell} ipython3
:tags: [parameters]

name = "default"
size = 3
```

## Part one

:::{admonition} Exercise `1`
:class: tip

Try *it*.

- one
- two
:::

```{code-cell} ipython3
:tags: [hide-cell]

print("<b>printed</b>", name)
size * 7
```

```python
not_run
```

<script>alert(1)</script>

```{code-cell} ipython3
---
tags: [hide-input, other]
---
import matplotlib.pyplot as plt

figure, axes = plt.subplots()
axes.set_title("A curve")
axes.plot([1, 2])
```

| a | b |
| --- | --- |
| 1 | {func}`f` |

```{code-cell} ipython3
:tags: [remove-cell]

results = {"size": size, "name": name}
print("nobody sees this")
```
"""
SECOND = """# Second

```{code-cell} ipython3
"name" in globals(), __name__
```
"""


@pytest.fixture
def lesson(tmp_path):
    """A path of a lesson with this text."""

    def write(text, name="first"):
        path = tmp_path / f"{name}.md"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def page(tmp_path, lesson):
    """Write a page of lessons; its text without what is the same on every page, and its numbers"""

    def write(*texts, **options):
        names = ("first", "second", "third")
        paths = [lesson(text, name) for text, name in zip(texts, names, strict=False)]
        folder = tmp_path / "page"
        folder.mkdir()
        path = write_lesson(folder, paths, title="A title", about="About it.", **options)
        assert path == folder / "report.html"
        text = path.read_text(encoding="utf-8")
        return text.partition("<main>")[2], json.loads((folder / "result.json").read_text())

    return write


def test_cells_are_run_and_shown(page, tmp_path):
    text, result = page(LESSON)
    assert '<pre class="output">&lt;b&gt;printed&lt;/b&gt; default</pre>' in text
    assert '<pre class="output">21</pre>' in text
    (figure,) = re.findall(r'<img src="data:image/png;base64,[^"]*" [^>]*alt="([^"]*)"', text)
    assert figure == "Figure: A curve"
    assert "matplotlib.lines" not in text  # the value of the last expression
    assert len(list((tmp_path / "page" / "figures").glob("first_*.png"))) == 1
    assert result["chapters"] == {"first": {"size": 3, "name": "default"}}
    assert result["inputs"] == {}
    assert "torch" in result["versions"]


def test_tags_fold_and_leave_out(page):
    text, _ = page(LESSON)
    assert "nobody sees this" not in text
    assert "results" not in text.partition("<footer>")[0]
    part = r"<details><summary>Show the (solution|code)</summary>(.*?)</details>"
    folded = re.findall(part, text, re.DOTALL)
    assert [kind for kind, _ in folded] == ["solution", "code"]
    assert "printed" in folded[0][1]
    assert "21" in folded[0][1]
    assert "<img" not in folded[1][1]


def test_markdown_and_what_only_the_site_has(page):
    text, _ = page(LESSON, SECOND)
    assert '<a href="https://example.org/a">link</a>' in text
    assert "another page,\n<code>GCNConv</code>, the next one and" in text
    assert '<a href="#lesson-second">it again</a>' in text
    assert '<span id="lesson-second"></span>' in text
    assert '<p class="name">Exercise <code>1</code></p><p>Try <em>it</em>.</p>' in text
    assert "<td><code>f</code></td>" in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "file_format" not in text


def test_headings_are_sections_with_numbers(page):
    text, _ = page(LESSON, SECOND, command="python x.py '<a>'")
    ids = re.findall(r'<section id="([^"]*)"', text)
    assert ids == ["1-first-lesson", "1-1-part-one", "2-second", "reproduce"]
    assert "<h2>1. First &lt;lesson&gt;</h2>" in text
    assert "<pre>python x.py &#39;&lt;a&gt;&#39;</pre>" in text


def test_values_take_the_place_of_parameters(page):
    text, result = page(LESSON, values={"name": "<i>", "size": 4})
    assert "name = &#39;&lt;i&gt;&#39;  # set by this run" in text
    assert "<i>" not in text
    assert '<pre class="output">28</pre>' in text
    assert result["chapters"]["first"] == {"size": 4, "name": "<i>"}
    assert result["inputs"] == {"name": "<i>", "size": 4}


def test_a_list_is_shown_as_a_list(page):
    text, result = page(LESSON, values={"name": ("A-B", "c.png")})
    assert "name = [&#39;A-B&#39;, &#39;c.png&#39;]  # set by this run" in text
    assert result["inputs"] == {"name": ["A-B", "c.png"]}


def test_each_lesson_has_names_and_a_folder_of_its_own(page):
    write = (
        '# A\n\n```{code-cell}\nfrom pathlib import Path\n\nPath("a.txt").write_text("a")\n```\n'
    )
    before = os.getcwd(), os.listdir()
    text, result = page(LESSON, SECOND, write)
    assert "(False, &#39;__main__&#39;)" in text
    assert (os.getcwd(), os.listdir()) == before
    assert result["chapters"]["second"] == {}


def test_text_and_figures_are_in_the_order_of_the_code(page):
    code = (
        "# A\n\n```{code-cell}\nimport matplotlib.pyplot as plt\n\nprint('one')\nplt.figure()\n"
        "plt.show()\nprint('two')\ndisplay(3)\nplt.figure();\n```\n"
    )
    text, _ = page(code)
    shown = re.findall(r'<pre class="output">(.*?)</pre>|(<img)', text)
    assert shown == [("one", ""), ("", "<img"), ("two", ""), ("3", ""), ("", "<img")]


def test_names_in_any_script_are_drawn(tmp_path, monkeypatch, lesson):
    """Also where no font has a letter: then a note says which number is which word."""
    word = "\U00012345"  # a cuneiform sign
    code = f"import matplotlib.pyplot as plt\n\nplt.figure()\nplt.title('{word}');"
    path = lesson(f"# A\n\n```{{code-cell}}\n{code}\n```\n").resolve()
    monkeypatch.chdir(tmp_path)
    page = write_lesson(Path(), [path], title="A", about="")
    assert page == Path("report.html")
    text = page.read_text(encoding="utf-8").partition("<main>")[2]
    assert re.search(rf"In the figures of this page, \[\d+\] is {word}", text)
    assert f'alt="Figure: {word}"' in text


def test_objects_show_their_html(page):
    code = "import gnnvision as gv\n\ngv.Graph.from_edges([(0, 1)], num_nodes=2)"
    text, _ = page(f"# A\n\n```{{code-cell}}\n{code}\n```\n")
    assert re.search(r'<div class="scroll"><table style', text)


def test_an_error_names_the_line_of_the_lesson(page):
    with pytest.raises(ZeroDivisionError) as error:
        page("---\na: b\n---\n# A\n\n```{code-cell}\n:tags: [hide-cell]\n\nx = 0\n1 / x\n```\n")
    frame = traceback.extract_tb(error.tb)[-1]
    assert (frame.filename.rpartition("/")[2], frame.lineno) == ("first.md", 10)


def test_matplotlib_is_left_as_it_was(page):
    import matplotlib
    from matplotlib import pyplot as plt

    before = matplotlib.get_backend(), plt.show, matplotlib.rcParams["lines.linewidth"]
    code = "import matplotlib.pyplot as plt\n\nplt.rcParams['lines.linewidth'] = 9\nplt.figure()"
    page(f"# A\n\n```{{code-cell}}\n{code}\n```\n")
    assert before == (matplotlib.get_backend(), plt.show, matplotlib.rcParams["lines.linewidth"])
    assert not plt.get_fignums()


def test_what_is_refused(page, tmp_path, lesson):
    with pytest.raises(ValueError, match=r"'values' must have the names .* got 'photo'. .*: name"):
        page(LESSON, values={"photo": "a.png"})
    missing = tmp_path / "nowhere.md"
    with pytest.raises(ValueError, match=r"'lessons' must be readable files, got '.*nowhere.md'"):
        write_lesson(tmp_path, [missing], title="A", about="")
    with pytest.raises(ValueError, match=r"'lessons' must be MyST notebooks, got '.*first.md'"):
        read_lesson(lesson("# Only text\n"))


def test_blocks_have_their_kind_and_line(lesson):
    blocks = read_lesson(lesson(LESSON))
    cells = [block for block in blocks if isinstance(block, Cell)]
    assert [cell.tags for cell in cells] == [
        {"parameters"}, {"hide-cell"}, {"hide-input", "other"}, {"remove-cell"}
    ]  # fmt: skip
    lines = LESSON.split("\n")
    for cell in cells:
        assert cell.code.split("\n")[0] == lines[cell.line - 1]
    kinds = [block.kind for block in blocks if isinstance(block, Text)]
    assert kinds == ["", "", "admonition", "", ""]


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("::::{note}\n:::{tip} Inner\nx\n:::\n::::", "<p>x</p>"),
        ("```{math}\na < b\n```", "<pre>a &lt; b</pre>"),
        (":::{dropdown} More\nx\n:::", "<details><summary>More</summary><p>x</p>"),
        ("(target)=\nx", "<p>x</p>"),
        ("% a comment\n\nx\n\n+++\n", "<p>x</p>"),
        ("````\n```{note}\n````", "<pre><code>```{note}\n</code></pre>"),
        ("![a photo](x.png)", "<p>a photo</p>"),
        ("[x](javascript:alert)", "<p>[x](javascript:alert)</p>"),
    ],
)
def test_directives_become_plain(lesson, source, html):
    text = f"{source}\n\n```{{code-cell}}\n1\n```\n"
    blocks = [block for block in read_lesson(lesson(text)) if isinstance(block, Text)]
    rendered = "".join(str(h) for block in blocks for _, _, h in render_markdown(block))
    assert html in rendered
    assert ":::" not in rendered
