"""What a person can ask for, as it is written on the command line or in JSON: checked, or refused in one sentence."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from daemon.config.fields import Interval, Section
from daemon.domain.person import Unclear
from daemon.domain.remediation import State

LONGEST = timedelta(days=366)
MOST_CHARACTERS = 500
WAYS_TO_WRITE = 'write a time as "2026-11-27 22:00" (UTC), or with an offset: "2026-11-27T22:00+01:00"'


def _one_line(text: str) -> str:
    """Take what a person wrote, without what would break a line or steer a terminal."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    line = " ".join(plain.split())
    if not line:
        raise ValueError("must not be empty")
    return line[:MOST_CHARACTERS]


def _moment(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError(WAYS_TO_WRITE)
    try:
        read = datetime.fromisoformat(value.strip())
    except ValueError:
        raise ValueError(WAYS_TO_WRITE) from None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)


def _bounded(value: timedelta) -> timedelta:
    if value > LONGEST:
        raise ValueError("must not be longer than a year: hold it until it is released instead")
    return value


Line = Annotated[str, AfterValidator(_one_line)]
Bounded = Annotated[Interval, AfterValidator(_bounded)]
Moment = Annotated[datetime, BeforeValidator(_moment)]


class Asked(Section):
    """Whatever is asked for: somebody does it, for a reason."""

    by: Line
    reason: Line


class Word(Asked):
    id: Line
    gate: str = ""
    plan_hash: str = ""


class Place(Asked):
    """One endpoint, or the whole fleet: never the whole fleet because nothing was named."""

    endpoint: str | None = None
    all: bool = False

    @model_validator(mode="after")
    def _one_place(self) -> "Place":
        if self.all is (self.endpoint is not None):
            raise ValueError("name either one endpoint or all of them")
        return self


class Restrained(Place):
    for_: Bounded = Field(alias="for")


class Maintained(Restrained):
    from_: Moment | None = Field(default=None, alias="from")


class Held(Place):
    for_: Bounded | None = Field(default=None, alias="for")


class Lifted(Place):
    kind: Literal["pause", "maintenance", "silence", "storm", "hold"] | None = None
    """None: whatever would end by itself."""


class Released(Asked):
    target: Line | None = None
    """A remediation's id, or an endpoint's name."""
    all: bool = False
    as_: State = Field(default=State.CANCELLED, alias="as")

    model_config = ConfigDict(strict=False)

    @model_validator(mode="after")
    def _possible(self) -> "Released":
        if self.all is (self.target is not None):
            raise ValueError("name either a remediation, or an endpoint, or all of them")
        if self.as_ not in (State.CANCELLED, State.SUCCEEDED):
            raise ValueError("a remediation is released as cancelled or as succeeded")
        return self


class Pardoned(Asked):
    endpoint: str
    version: Annotated[int, Field(ge=1)]


Kind = TypeVar("Kind", bound=Asked)


def moment(written: str) -> datetime:
    """Read a time. Raise Unclear, which says how to write one."""
    try:
        read = _moment(written)
    except (ValueError, OverflowError) as error:
        raise Unclear(str(error)) from None
    assert isinstance(read, datetime)
    return read


def read(kind: type[Kind], written: Mapping[str, object]) -> Kind:
    """Read what was written. Raise Unclear, which says all that is wrong with it."""
    try:
        return kind.model_validate({name: value for name, value in written.items() if value is not None})
    except (ValidationError, OverflowError) as error:
        raise Unclear(_sentence(kind, error)) from error


def _sentence(kind: type[Asked], error: ValidationError | OverflowError) -> str:
    if isinstance(error, OverflowError):
        return "that is longer than time is"
    said = []
    for one in error.errors(include_url=False, include_input=False):
        place = ".".join(map(str, one["loc"]))
        message = one["msg"].removeprefix("Value error, ")
        if one["type"] == "missing":
            said.append(f"{place} is required")
        elif one["type"] == "extra_forbidden":
            known = sorted(field.alias or name for name, field in kind.model_fields.items())
            said.append(f"{place} is not known here (known: {', '.join(known)})")
        else:
            said.append(f"{place}: {message[0].lower()}{message[1:]}" if place else message)
    return "; ".join(said)
