"""Names in docstrings become links: to this reference, to torch, to torch-geometric and so on."""

from __future__ import annotations

import ast
import inspect
import re
import types
import warnings
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Any

import external_links
import public_names
from docutils import nodes
from public_names import Scope, all_names, link_target, public_bases
from reference_pages import add_directives
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.inspect import signature, stringify_signature
from sphinx.util.nodes import make_refnode

__all__ = ["link_names", "setup"]

# torch-geometric scripts some of its classes when it is imported.
warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)

ENGLISH = ("api/", "results", "benchmarks", "changelog")
NOTE = "```{note}\n이 페이지는 영어로만 제공됩니다.\n```\n"
# Names in annotations that stay text: their modules are imported for type checkers only.
TYPE_NAMES = {"Data": "torch_geometric.data.Data", "Dataset": "torch_geometric.data.Dataset",
              "Mol": "rdkit.Chem.Mol", "Tensor": "torch.Tensor",
              "Optimizer": "torch.optim.Optimizer"}  # fmt: skip
# A type that is written by its name, not by all that it stands for.
SHORT_TYPES = {"ArrayLike": type("ArrayLike", (), {"__module__": "numpy.typing"})}
# Fields of a docstring that are plain text; Sphinx shows them beside the parameters.
PLAIN_SECTIONS = re.compile(r"^(Shapes|References|Note):\s*$")
COLON = "\ue000"  # stands for a colon while napoleon looks for types
MARKS = re.compile(r"(\\.|^ *\* |\*{1,2}\w[\w ,-]*\*{1,2})|([*|])", re.MULTILINE)
CODE = re.compile(r"(?<![`:\w])`([^`]+)`(?![`_])")


def link_names(text: str, scope: Scope | None = None) -> str:
    """Turn each `name` of a text into a link if it is a public name, else into code.

    Args:
        text: reStructuredText, or the text of a docstring.
        scope: where the text stands.
    """

    def role(match: re.Match[str]) -> str:
        if re.search(r"<[^<>]+>$", match[1]):
            return match[0] if "://" in match[1] else f"``{match[1]}``"
        target = link_target(match[1], scope)
        code = " ".join(match[1].split())
        return f":py:obj:`{code} <{target}>`" if target else f"``{code}``"

    return CODE.sub(role, text)


def plain_sections(lines: list[str], is_attribute: bool = False) -> list[str]:
    """Turn `Shapes:` and `References:` into fields, so that they stand beside the parameters.

    Args:
        lines: of the docstring.
        is_attribute: whether it describes a property. In its text, and in `Returns:`, no colon
            ends a type: types are in the signature only.
    """
    out: list[str] = []
    inside, without_type = False, is_attribute
    for line in lines:
        if re.match(r"^\w+:\s*$", line):
            without_type = line.startswith(("Returns", "Yields"))
        elif without_type:
            line = line.replace(":", COLON)
        heading = PLAIN_SECTIONS.match(line)
        if heading:
            inside = True
            out.append(f":{heading[1]}:")
        elif inside and line and not line.startswith(" "):
            inside = False
            out.append(line)
        elif inside and out[-1].startswith(":") and line:
            out[-1] += f" {line.strip()}"
        else:
            out.append(line)
    return out


def _scope(full: str, thing: object) -> Scope:
    """The parameters and the class of a documented object."""
    name = all_names().get(full)
    owner, member = name, ""
    parts = full.split(".")
    for end in range(len(parts) - 1, 1, -1):
        if name is None and ".".join(parts[:end]) in all_names():
            owner, member = all_names()[".".join(parts[:end])], parts[end]
            break
    if owner is None:
        return Scope()
    parameters: set[str] = set()
    for one in (thing, owner.thing if member else None):
        try:
            parameters |= set(inspect.signature(one).parameters)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            continue
    return Scope(
        owner.face, owner if inspect.isclass(owner.thing) else None, frozenset(parameters)
    )


def _before_napoleon(
    app: Sphinx, what: str, full: str, thing: object, options: Any, lines: list[str]
) -> None:
    lines[:] = plain_sections(lines, what in ("attribute", "data", "property"))


def _after_napoleon(
    app: Sphinx, what: str, full: str, thing: object, options: Any, lines: list[str]
) -> None:
    scope = _scope(full, thing)
    lines[:] = [line.replace(COLON, ":") for line in lines]
    blocks: list[list[str]] = [[]]
    examples: list[bool] = [False]
    for line in lines:
        is_example = line.lstrip().startswith((">>> ", "... ")) or (examples[-1] and bool(line))
        if is_example != examples[-1]:
            blocks.append([])
            examples.append(is_example)
        blocks[-1].append(line)
    text = [
        "\n".join(block) if is_example else _escaped(link_names("\n".join(block), scope))
        for block, is_example in zip(blocks, examples, strict=True)
    ]
    lines[:] = "\n".join(text).split("\n")


def _escaped(text: str) -> str:
    """Escape `|a|` and a lone `*` outside code; `*a word*` and the bullets of a list stay."""
    parts = re.split(r"(``.*?``|:[\w:]+:`.*?`)", text, flags=re.DOTALL)
    parts[::2] = [MARKS.sub(lambda m: m[1] or f"\\{m[2]}", part) for part in parts[::2]]
    return "".join(parts)


def _is_written(default: object) -> bool:
    """Whether a default reads well in a signature."""
    return len(repr(default)) <= 40 and not repr(default).startswith("<")


class _Dots:
    """A default that cannot be written in a signature."""

    def __repr__(self) -> str:
        return "..."


def _signature(
    app: Sphinx, what: str, full: str, thing: Any, options: Any, args: str | None, result: Any
) -> tuple[str, str] | None:
    """The signature of a class is that of its `__init__`, without its attributes' types."""
    if not inspect.isclass(thing):
        shown = re.sub(r"= ?<[^<>]*(<[^<>]*>)?[^<>]*>", "= ...", args or "")
        shown = re.sub(r"= ([A-Z]\w+)\([^()]{40,}\)", r"= \1(...)", shown)
        return None if shown == args or not args else (shown, result or "")
    init = next((vars(c)["__init__"] for c in thing.__mro__ if "__init__" in vars(c)), None)
    if not isinstance(init, types.FunctionType):
        return None
    found = signature(init, bound_method=True)
    parameters = [
        p if p.default is p.empty or _is_written(p.default) else p.replace(default=_Dots())
        for p in found.parameters.values()
    ]
    shown = stringify_signature(
        found.replace(parameters=parameters, return_annotation=inspect.Signature.empty),
        unqualified_typehints=True,
        short_literals=True,
    )
    return shown, ""


@cache
def _checking_names(module: str) -> dict[str, Any]:
    """What a module imports for type checkers only."""
    found: dict[str, Any] = {}
    tree = ast.parse(inspect.getsource(import_module(module)))
    for block in tree.body:
        if isinstance(block, ast.If) and getattr(block.test, "id", "") == "TYPE_CHECKING":
            for node in block.body:
                if not isinstance(node, ast.Import | ast.ImportFrom):
                    continue
                with suppress(ImportError, AttributeError):
                    exec(compile(ast.Module([node], []), module, "exec"), found)
    return found


def _evaluate_types(app: Sphinx, thing: Any, bound_method: bool) -> None:
    """Evaluate annotations, also with what is imported for type checkers only."""
    for function in (thing, getattr(thing, "__init__", None)):
        function = inspect.unwrap(getattr(function, "__func__", function))
        if not isinstance(function, types.FunctionType):
            continue
        if not function.__module__.startswith("gnnvision"):
            continue
        space = {**_checking_names(function.__module__), **function.__globals__, **SHORT_TYPES}
        for name, kind in function.__annotations__.items():
            if isinstance(kind, str):
                with suppress(NameError, TypeError, AttributeError):
                    function.__annotations__[name] = eval(kind, space)


def _bases(app: Sphinx, full: str, thing: type, options: Any, bases: list[Any]) -> None:
    """Name public base classes and those of other packages, in place of those in between."""
    bases[:] = public_bases(thing) or [object]


def _resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.TextElement
) -> nodes.Node | None:
    """A link to a name of another site, or to ours by another path; code for a private name."""
    if node.get("refdomain") != "py":
        return None
    wanted = node["reftarget"]
    python = env.domains.python_domain
    target = link_target(wanted) or wanted
    if target.startswith("gnnvision") or target in all_names():
        entry = python.objects.get(target)
        if entry is not None:
            page, anchor = entry.docname, entry.node_id
            return make_refnode(app.builder, node["refdoc"], page, anchor, text, target)
        return text if public_names.exists(wanted) else None
    for name in (target, f"{node.get('py:module')}.{wanted}"):
        address = external_links.address(TYPE_NAMES.get(name, name))
        if address:
            short = external_links.canonical_name(name) or name
            return nodes.reference(
                "", "", text, internal=False, refuri=address, reftitle=f"({short})"
            )
    return text if external_links.exists(target) or _is_type_name(wanted) else None


def _is_type_name(word: str) -> bool:
    """A type variable, or an alias in the signature of a loader, which is a text."""
    return word in ("T", "P", "Self", "DataclassInstance", "Root", "ColumnKind")


def _note_english(app: Sphinx, page: str, source: list[str]) -> None:
    """Say at the top of a page of the Korean site that it is in English."""
    if app.config.language == "ko" and page.startswith(ENGLISH):
        heading = re.search(r"(?m)^# .*\n", source[0])
        end = heading.end() if heading else 0
        source[0] = f"{source[0][:end]}\n{NOTE}\n{source[0][end:]}"


def setup(app: Sphinx) -> None:
    """Connect the handlers."""
    app.connect("autodoc-process-docstring", _before_napoleon, priority=100)
    app.connect("autodoc-process-docstring", _after_napoleon, priority=900)
    app.connect("autodoc-before-process-signature", _evaluate_types)
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-process-bases", _bases)
    app.connect("missing-reference", _resolve)
    app.connect("source-read", _note_english)
    add_directives(app, link_names)
