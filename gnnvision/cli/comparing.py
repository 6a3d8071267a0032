"""Runs that differ in one flag, one after the other, and a page that compares them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from gnnvision.cli.flags import Flag, flags_of
from gnnvision.errors import invalid, nearest

if TYPE_CHECKING:
    from gnnvision.training import Result

__all__ = ["CompareFlags", "compare", "variants", "write_comparison"]


@dataclass(frozen=True, kw_only=True)
class CompareFlags:
    """The flags of `gnnvision compare`, and what the folder of a comparison remembers.

    Args:
        runs: The folders of finished runs.
        out: Folder of all runs.
    """

    runs: tuple[Path, ...]
    out: Path = Path("runs")

    arguments: ClassVar[dict[str, str]] = {"runs": "RUN"}
    metavars: ClassVar[dict[str, str]] = {"out": "FOLDER"}
    groups: ClassVar[dict[str, tuple[str, ...]]] = {"flags": ("runs", "out")}


def variants(config: Any, name: str) -> dict[str, Any]:  # noqa: ANN401
    """The flags with each value of one flag: what the command line would say -> the flags.

    A flag that is a switch is on and off. One with choices has all of them, or if one was given
    the default and that. Any other one has the value that was given and its default.

    Args:
        config: the flags.
        name: of the flag, with or without dashes.

    Raises:
        ValueError: if there is no such flag, or it has only one value.
    """
    known = {flag.option.strip("-").replace("-", "_"): flag for flag in flags_of(type(config))}
    wanted = name.strip("-").replace("-", "_")
    if wanted not in known or wanted in ("compare", "resume", "out"):
        near = nearest(wanted, [n for n in known if n not in ("compare", "resume", "out")])
        advice = f"Did you mean {near[0].replace('_', '-')!r}?" if near else "See --help."
        raise invalid("--compare", "name a flag of this script", repr(name), advice)
    flag = known[wanted]
    given = getattr(config, flag.name)
    values: Sequence[Any] = (given, flag.default)
    if "bool" in str(flag.kind):
        values = (True, False)
    elif flag.choices and given == flag.default:
        values = flag.choices
    if len(dict.fromkeys(values)) < 2:
        advice = f"Give it: {flag.option} {flag.metavar} --compare {wanted.replace('_', '-')}."
        raise invalid("--compare", f"have another value of {flag.option}", given, advice)
    return {_words(flag, value): _variant(config, flag.name, value) for value in values}


def _variant(config: Any, name: str, value: object) -> Any:  # noqa: ANN401
    once = replace(config, compare=None)
    return (
        once.variant(name, value) if hasattr(once, "variant") else replace(once, **{name: value})
    )


def _words(flag: Flag, value: object) -> str:
    if isinstance(value, bool):
        return flag.option if value else f"--no-{flag.option.strip('-')}"
    if value in (None, ()):
        return f"without {flag.option}"
    given = " ".join(map(str, value)) if isinstance(value, tuple) else value
    return f"{flag.option} {given}"


def compare(
    config: Any,  # noqa: ANN401
    main: Callable[[Any], object],
    each: Mapping[str, Any],
) -> dict[str, Result]:
    """Run a script for each of several flags, and write a page that compares the results.

    Args:
        config: the flags of the script, with `out`.
        main: the script, which returns its result, or several by their names.
        each: what a run is called -> its flags.

    Returns:
        The results by their names.

    Raises:
        ValueError: if the script returns no result.
    """
    from gnnvision.training import Result

    advice = "Train each, and compare them with: gnnvision compare RUN RUN."
    if main.__annotations__.get("return") in (None, "None"):
        raise invalid("--compare", "be left out of this script", config.compare, advice)
    results: dict[str, Result] = {}
    for called, flags in each.items():
        print(f"\n=== {called}", flush=True)
        result = main(flags)
        found = {"": result} if isinstance(result, Result) else result
        assert isinstance(found, Mapping)
        results |= {f"{called} {name}".strip(): one for name, one in found.items()}
    write_comparison(config.out, results)
    return results


def write_comparison(out: Path, results: Mapping[str, Result]) -> None:
    """Write the page that compares runs to a new folder, and print the table of their scores.

    Args:
        out: folder of all runs.
        results: what each run is called, and its result.
    """
    from gnnvision.cli.pages import page
    from gnnvision.report.comparison import comparison_sections

    folders = tuple(result.folder for result in results.values() if result.folder)
    with page("compare", CompareFlags(runs=folders, out=out)) as new:
        figures = new.figures
        sections = comparison_sections(results, figures.parent)
        shown = [row[:5] for row in sections[0].tables[0].rows]
        widths = [max(len(str(row[column])) for row in shown) for column in range(5)]
        print()
        for row in shown:
            cells = zip(row, widths, strict=True)
            print("  ".join(str(cell).ljust(width) for cell, width in cells).rstrip())
        titles = list(dict.fromkeys(r.task.card.title for r in results.values()))
        new.write(
            f"{' and '.join(results)} on {' and '.join(titles)}",
            "Training runs side by side: their results, the settings that differ, their curves.",
            sections,
        )
