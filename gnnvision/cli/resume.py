"""The flags of a script: from the command line, or from the run to resume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from gnnvision import _torchrun as torchrun
from gnnvision.cli.flags import given_values
from gnnvision.errors import invalid

__all__ = ["parse_flags"]

Config = TypeVar("Config")
FREE_ON_RESUME = ("parallel", "resume", "out", "data_root", "device", "save_every")


def parse_flags(
    config: type[Config], argv: Sequence[str], doc: str, script: str, program: str
) -> Config:
    """The flags; with `--resume` those of the run, which the command line must not contradict.

    Args:
        config: the dataclass of the flags.
        argv: the arguments.
        doc: docstring of the script, for its help.
        script: its name, which its runs remember.
        program: how it is started, for its help.

    Raises:
        ValueError: if a flag is not as it must be, or the run to resume is not one of this script
            or was started with other flags.
    """
    given = given_values(config, argv, doc, program)
    if given.get("resume") is None:
        return _expand_home(config(**given))
    from gnnvision.data.paths import expand_user

    folder = given["resume"] = expand_user(given["resume"], "--resume")
    stored = _stored_flags(folder, config, script)
    if not torchrun.is_started():  # one process continues what several did
        stored.pop("parallel", None)
    flags = _expand_home(config(**stored | given))
    old = config(**stored)
    for name in given:
        then, now = getattr(old, name), getattr(flags, name)
        if name not in FREE_ON_RESUME and now != then:
            condition = f"be {'unset' if then is None else then} as in the run that is resumed"
            advice = "Leave it out, or start a new run."
            raise invalid(f"--{name.replace('_', '-')}", condition, now, advice)
    return flags


def _stored_flags(folder: Path, config: type[Any], script: str) -> dict[str, Any]:
    """The flags of a run, checked."""
    from gnnvision.models.arguments import fits
    from gnnvision.training import read_json

    file = folder / "config.json"
    stored = read_json(file)
    flags = stored.get("flags") if isinstance(stored, dict) else None
    if not isinstance(flags, dict):
        raise invalid(
            "config.json", "contain the flags of a run", f"{str(file)!r} without flags",
            "Restore the file that the run wrote, or start a new run.",
        )  # fmt: skip
    experiment = stored.get("experiment")
    made_by = stored.get("script", experiment)
    if made_by != script:
        whose = _program(made_by) if isinstance(made_by, str) else "another program"
        raise invalid(
            "--resume", f"name a run of {_program(script)}", f"{str(folder)!r}, a run of {whose}",
            "Resume it with that one.",
        )  # fmt: skip
    hints = get_type_hints(config)
    former = getattr(config, "former", {})
    flags = {former.get(name, name): value for name, value in flags.items()}
    names = {field.name for field in fields(config)} - {"resume"}
    flags = {name: value for name, value in flags.items() if name in names}
    for name, value in flags.items():
        if not fits(value, hints[name]):
            raise invalid(
                "config.json", "contain the flags as the run wrote them",
                f"{name}={value!r} in {str(file)!r}",
                "Restore the original value, or start a new run.",
            )  # fmt: skip
    return {name: _from_json(value, str(hints[name])) for name, value in flags.items()}


def _program(name: str) -> str:
    """The script or command that a run was made by."""
    return name if " " in name else f"{name}.py"


def _from_json(value: Any, kind: str) -> Any:  # noqa: ANN401
    """A flag as it was before JSON stored it."""
    if value is not None and "Path" in kind:
        return tuple(map(Path, value)) if isinstance(value, list) else Path(value)
    return tuple(value) if isinstance(value, list) else value


def _expand_home(flags: Config) -> Config:
    """The flags with `~` in paths replaced."""
    changed: dict[str, Any] = {}
    for field in fields(flags):  # type: ignore[arg-type]
        value = getattr(flags, field.name)
        paths = value if isinstance(value, tuple) else (value,)
        if any(isinstance(path, Path) and str(path).startswith("~") for path in paths):
            from gnnvision.data.paths import expand_user

            name = f"--{field.name.replace('_', '-')}"
            new = tuple(expand_user(path, name) for path in paths)
            changed[field.name] = new if isinstance(value, tuple) else new[0]
    return replace(flags, **changed)  # type: ignore[type-var]
