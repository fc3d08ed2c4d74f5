"""Read a TOML file into settings, or say everything that is wrong with it, each with its place in the file."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from daemon.config.settings import Settings, with_defaults

Place = tuple[str | int, ...]

MESSAGES = {
    "missing": "is required",
    "tuple_type": "must be a list",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
}


class ConfigError(Exception):
    """A configuration that cannot be used. `problems` says all of it, a sentence each."""

    def __init__(self, file: Path, problems: Sequence[str]) -> None:
        super().__init__(f"{file}: " + "; ".join(problems))
        self.file = file
        self.problems = tuple(problems)


def load(file: Path) -> Settings:
    """Return the settings in a file. Raise ConfigError with every problem at once."""
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(file, [f"cannot be read: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(file, [f"is not TOML: {error}"]) from error
    try:
        return Settings.model_validate(with_defaults(raw))
    except ValidationError as error:
        # where every endpoint is wrong pydantic also finds too few of them, which nobody wrote
        real = [e for e in error.errors(include_url=False) if e["type"] != "too_short" or not raw.get("endpoints")]
        problems = dict.fromkeys(_sentence(e, raw) for e in real)
        raise ConfigError(file, list(problems)) from error


def _sentence(error: ErrorDetails, raw: Mapping[str, Any]) -> str:
    place = _in_file(error["loc"], raw)
    kind = error["type"]
    if kind == "extra_forbidden":
        return f"{_words(place, raw)} is not a setting{_meant(error['loc'])}"
    if error["loc"] == ("endpoints",) and kind in ("too_short", "tuple_type", "missing"):
        return "endpoints: name at least one, in a table [[endpoints]]"
    message = MESSAGES.get(kind, error["msg"].removeprefix("Value error, "))
    return f"{_words(place, raw)}{'' if kind == 'missing' else ':'} {message[0].lower()}{message[1:]}"


def _in_file(loc: Place, raw: Mapping[str, Any]) -> Place:
    """Return where the value stands: an endpoint may have taken it from [defaults]."""
    if len(loc) > 2 and loc[0] == "endpoints" and not _has(raw, loc) and _has(raw, ("defaults", *loc[2:])):
        return ("defaults", *loc[2:])
    return loc


def _has(raw: Any, loc: Place) -> bool:
    for key in loc:
        try:
            raw = raw[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _words(place: Place, raw: Mapping[str, Any]) -> str:
    """Write a place as a person would look for it: `endpoints[1] ("air-time").watch.interval`."""
    words = ""
    for n, key in enumerate(place):
        if isinstance(key, int):
            name = _name_of(raw, place[: n + 1])
            words += f"[{key}]" + (f' ("{name}")' if name else "")
        else:
            words += f".{key}" if words else key
    return words or "the file"


def _name_of(raw: Any, place: Place) -> str:
    for key in place:
        raw = raw[key] if _has(raw, (key,)) else {}
    return str(raw.get("name", "")) if isinstance(raw, Mapping) else ""


def _meant(loc: Place) -> str:
    known = list(_known(Settings, loc[:-1]))
    close = difflib.get_close_matches(str(loc[-1]), known, n=1)
    return f"; did you mean {close[0]}?" if close else f" (known here: {', '.join(sorted(known))})" if known else ""


def _known(section: type[BaseModel], loc: Place) -> Iterator[str]:
    """Yield the settings that exist at a place."""
    for key in loc:
        if isinstance(key, int):
            continue
        field = section.model_fields.get(str(key))
        inner = next(_sections(field.annotation), None) if field else None
        if inner is None:
            return
        section = inner
    yield from section.model_fields
    if section is Settings:
        yield "defaults"


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _sections(part)
