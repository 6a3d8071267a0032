"""The flags of a script: from the command line, or from the run that is to go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from gnnvision import training
from gnnvision.data.paths import expand_user
from gnnvision.models.arguments import fits

__all__ = ["parsed"]

Config = TypeVar("Config")
FREE_ON_RESUME = ("resume", "out", "data_root", "device")


def parsed(config: type[Config], argv: Sequence[str] | None, about: str, script: str) -> Config:
    """The flags; of `--resume`, those of the run, which others must not contradict.

    Args:
        config: the dataclass of the flags.
        argv: the arguments; those of the process if None.
        about: what the script does, for its help.
        script: its name.

    Raises:
        ValueError: if a flag names another one's home folder that is not there, or the run to go
            on with is not one of this script or was made with other flags.
    """
    import tyro

    flags = tyro.cli(config, args=argv, description=about)
    folder = getattr(flags, "resume", None)
    if folder is None:
        return _at_home(flags)
    folder = expand_user(folder, "--resume")
    old = replace(flags, **_stored(folder, config, script), resume=folder)  # type: ignore[type-var]
    given: Config = _at_home(tyro.cli(config, args=argv, default=old, description=about))
    for name in (f.name for f in fields(config)):  # type: ignore[arg-type]
        then, now = getattr(old, name), getattr(given, name)
        if name not in FREE_ON_RESUME and now != then:
            raise ValueError(
                f"'--{name.replace('_', '-')}' must be {'unset' if then is None else then} as in "
                f"the run that is resumed, got {now}. Leave it out, or start a new run."
            )
    return given


def _stored(folder: Path, config: type[Any], script: str) -> dict[str, Any]:
    """The flags of a run, checked."""
    file = folder / "config.json"
    stored = training.read_json(file)
    held = stored.get("flags") if isinstance(stored, dict) else None
    if not isinstance(held, dict):
        raise ValueError(
            f"'config.json' must hold the flags of a run, got {str(file)!r} without them. Give "
            "the folder as the run left it."
        )
    experiment = stored.get("experiment")
    made_by = stored.get("script", experiment)
    if made_by != script:
        whose = f"{made_by}.py" if isinstance(made_by, str) else "another program"
        raise ValueError(
            f"'--resume' must name a run of {script}.py, got {str(folder)!r}, a run of {whose}. "
            "Resume it with that one."
        )
    hints = get_type_hints(config)
    flags = {n: v for n, v in held.items() if n in hints and n != "resume"}
    for name, value in flags.items():
        if not fits(value, hints[name]):
            raise ValueError(
                f"'config.json' must hold the flags as the run left them, got {name}={value!r} "
                f"in {str(file)!r}. Put the right value back, or start a new run."
            )
    return {name: _as_kind(value, str(hints[name])) for name, value in flags.items()}


def _as_kind(value: Any, kind: str) -> Any:  # noqa: ANN401
    """A flag that JSON has held, as it was."""
    if value is not None and "Path" in kind:
        return tuple(map(Path, value)) if isinstance(value, list) else Path(value)
    return tuple(value) if isinstance(value, list) else value


def _at_home(flags: Config) -> Config:
    """The flags with `~` in paths replaced."""
    changed: dict[str, Any] = {}
    for field in fields(flags):  # type: ignore[arg-type]
        value, name = getattr(flags, field.name), f"--{field.name.replace('_', '-')}"
        if isinstance(value, Path):
            changed[field.name] = expand_user(value, name)
        elif isinstance(value, tuple) and any(isinstance(item, Path) for item in value):
            changed[field.name] = tuple(
                expand_user(item, name) if isinstance(item, Path) else item for item in value
            )
    return replace(flags, **changed)  # type: ignore[type-var]
