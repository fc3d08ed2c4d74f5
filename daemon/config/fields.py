"""The kinds of value that a setting can have beyond TOML's own: durations and references to secrets."""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, model_validator

UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")


class SecretError(ValueError):
    """A secret is not where the configuration says."""


def duration(value: object) -> object:
    """Read `"1h30m"`. Anything else is left for pydantic to refuse or take."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not value or PART.sub("", value).strip():
        raise ValueError('write a duration as a string like "30s", "5m", "1h30m" or "7d"')
    return sum((timedelta(**{UNITS[unit]: float(n)}) for n, unit in PART.findall(value)), timedelta())


def positive(value: timedelta) -> timedelta:
    if value <= timedelta():
        raise ValueError("must be longer than nothing")
    return value


Duration = Annotated[timedelta, BeforeValidator(duration)]
"""A stretch of time, written `"90s"`, `"5m"`, `"1h30m"`, `"7d"`."""
Interval = Annotated[Duration, AfterValidator(positive)]
"""A stretch of time that cannot be nothing."""


class Section(BaseModel):
    """A table of the file: frozen, and no key that it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True, strict=True
    )


class Secret(Section):
    """Where a secret is: exactly one of an environment variable, a file, a systemd credential."""

    env: str | None = None
    file: Path | None = None
    credential: str | None = None
    """The name of a credential that systemd's LoadCredential= put into $CREDENTIALS_DIRECTORY."""

    model_config = ConfigDict(strict=False)

    @model_validator(mode="after")
    def _one_place(self) -> "Secret":
        if sum(place is not None for place in (self.env, self.file, self.credential)) != 1:
            raise ValueError('name exactly one place: { env = "..." }, { file = "..." } or { credential = "..." }')
        return self

    def read(self) -> str:
        """Return the secret, without the newline that editors leave. Raise SecretError where it is not there."""
        if self.env is not None:
            value = os.environ.get(self.env, "")
            if not value:
                raise SecretError(f"the environment variable {self.env} is not set")
            return value
        path = self.file or Path(os.environ.get("CREDENTIALS_DIRECTORY", "/run/credentials")) / str(self.credential)
        try:
            value = path.read_text().strip()
        except OSError as error:
            raise SecretError(f"{path} cannot be read: {error.strerror}") from error
        if not value:
            raise SecretError(f"{path} is empty")
        return value
