"""What all commands share: where the configuration is, how errors are said, how answers are printed."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn

import click

from daemon.config.endpoint import EndpointSettings
from daemon.config.fields import SecretError
from daemon.config.load import ConfigError, load
from daemon.config.settings import Settings
from daemon.domain.person import Refused, Unclear
from daemon.ports import PlatformError
from daemon.store.engine import Store, StoreError

DEFAULT_CONFIG = "/etc/mlsteward/config.toml"

config_option = click.option(
    "--config",
    "-c",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=DEFAULT_CONFIG,
    envvar="MLSTEWARD_CONFIG",
    show_default=True,
    show_envvar=True,
    help="The configuration.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def command(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command that takes --config and --json, and says what went wrong in one sentence."""

    def made(function: Callable[..., Any]) -> click.Command:
        @wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except ConfigError as error:
                refuse(error)
            except Unclear as error:
                raise click.UsageError(f"{error}.") from error
            except BrokenPipeError:
                raise  # whoever read our output has had enough: click ends quietly
            except (Refused, StoreError, PlatformError, SecretError, OSError) as error:
                raise click.ClickException(str(error)) from error

        return click.command(name)(config_option(json_option(guarded)))

    return made


def refuse(error: ConfigError) -> NoReturn:
    """Say everything that is wrong with a configuration, and exit with 2."""
    count = len(error.problems)
    click.echo(f"{error.file}: {count} problem{'s' if count != 1 else ''}", err=True)
    for problem in error.problems:
        click.echo(f"  {problem}", err=True)
    raise SystemExit(2)


@contextmanager
def opened(settings: Settings) -> Iterator[Store]:
    """Open the daemon's store for reading along with it."""
    store = Store.open(settings.store, migrate=False)
    try:
        yield store
    finally:
        store.close()


def now() -> datetime:
    """Return the time of what a person does here. Not `app`'s clock: with it would come every SDK, broken ones too."""
    return datetime.now(UTC)


def endpoint_of(settings: Settings, name: str) -> EndpointSettings:
    found = settings.endpoint(name)
    if found is None:
        known = ", ".join(e.name for e in settings.endpoints)
        raise click.ClickException(f"no endpoint {name!r} is configured; there are: {known}")
    return found


def print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2, default=str))


__all__ = ["Path", "command", "endpoint_of", "load", "now", "opened", "print_json", "refuse"]
