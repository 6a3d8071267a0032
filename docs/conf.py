"""The settings of the documentation site; `make docs` builds it in English and Korean."""

import os
import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import build  # noqa: E402
import references  # noqa: E402

import gnnvision  # noqa: E402

# Lessons run in kernels of their own: sharp figures, and no messages of the kernel itself.
PROFILE = HERE / "_build" / "ipython" / "profile_default" / "ipython_kernel_config.py"
PROFILE.parent.mkdir(parents=True, exist_ok=True)
PROFILE.write_text(
    'c.IPKernelApp.log_level = 40\nc.InlineBackend.figure_formats = {"retina"}\n'
    'c.InlineBackend.print_figure_kwargs = {"bbox_inches": "tight", "metadata": {}}\n'
)
os.environ.setdefault("IPYTHONDIR", str(PROFILE.parents[1]))
os.environ.setdefault("OMP_NUM_THREADS", "1")  # pages are read side by side
os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")

project = "gnnvision"
author = "The gnnvision authors"
project_copyright = author
version = release = gnnvision.__version__
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["*.py", "_build", "_templates", "locale", "**/.ipynb_checkpoints"]
templates_path = ["_templates"]
nitpicky = True

# Korean: `make docs-text` writes the sentences of the pages into locale/, one file for each page.
language = "en"
locale_dirs = ["locale"]
gettext_compact = False
gettext_location = False

# Lessons and the gallery are run by the build; an error in one stops it.
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "_build" / "cache")
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 900
nb_merge_streams = True
nb_code_prompt_show = "[show {type}]"
nb_code_prompt_hide = "[hide {type}]"
PROMPTS = {  # code that draws is folded, and so is the solution of an exercise
    "[show source]": ("Show the code", "코드 보기"),
    "[hide source]": ("Hide the code", "코드 접기"),
    "[show content]": ("Show the solution", "풀이 보기"),
    "[show output]": ("Show the output", "출력 보기"),
    "[hide output]": ("Hide the output", "출력 접기"),
    "[hide content]": ("Hide the solution", "풀이 접기"),
}
nb_custom_formats = {".py": ["jupytext.reads", {"fmt": "py:percent"}]}
source_suffix = {".md": "myst-nb", ".rst": "restructuredtext"}
myst_enable_extensions = ["colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 3

smartquotes_action = "D"  # quotes in docstrings and flags are code
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_inherit_docstrings = False
maximum_signature_line_length = 88
python_display_short_literal_types = True
toc_object_entries_show_parents = "hide"
autosummary_generate = True

html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_title = "gnnvision"
# Pages without pages below them have no list at the left.
ALONE = ("index", "start", "coming_from", "results", "benchmarks", "limits", "changelog")
html_sidebars = {page: [] for page in ALONE}
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "gnnvision"},
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "navbar_end": ["language", "theme-switcher"],
    "secondary_sidebar_items": ["page-toc", "notebook"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": True,
    "navigation_with_keys": False,
}
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True

_log = logging.getLogger(__name__)


def _add_links(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give the templates the same page in the other language, and the notebook of a lesson."""
    root = "../" * page.count("/")
    korean = app.config.language == "ko"
    other = f"{root}../{page}.html" if korean else f"{root}ko/{page}.html"
    context["other_language"] = {"url": other, "name": "English" if korean else "한국어"}
    notebook = Path("notebooks", page.removeprefix("lessons/")).with_suffix(".ipynb")
    there = page.startswith("lessons/") and (Path(app.outdir) / notebook).is_file()
    context["notebook"] = f"{root}{notebook.as_posix()}" if there else ""
    for words, (english, korean_words) in PROMPTS.items():
        shown = korean_words if korean else english
        context["body"] = context.get("body", "").replace(words, shown)


class CheckTranslation(SphinxTransform):
    """Warn of a page that has to be Korean and has sentences that are not translated."""

    default_priority = 25  # when Sphinx counts them; the metadata of a notebook are no sentences

    def apply(self, **kwargs: object) -> None:
        """Look at every sentence, heading and table cell of a page."""
        page = self.env.docname
        if self.config.language != "ko" or not page.startswith(build.TRANSLATED):
            return
        if not (HERE / "locale/ko/LC_MESSAGES" / f"{page}.po").is_file():
            _log.warning("%s: has no Korean text; run `make docs-text` and translate", page)
        for node in self.document.findall(nodes.Element):
            if isinstance(node, nodes.image) and re.search("[가-힣]", node.astext()):
                continue  # its description is Korean already
            if node.get("translated") is False and not _is_metadata(node):
                _log.warning("%s: is not Korean: %s", page, node.astext()[:60])


def _is_metadata(node: nodes.Node | None) -> bool:
    return node is not None and (isinstance(node, nodes.field) or _is_metadata(node.parent))


def setup(app: Sphinx) -> None:
    """Connect what is not a setting."""
    app.connect("html-page-context", _add_links)
    app.add_transform(CheckTranslation)
    references.setup(app)
