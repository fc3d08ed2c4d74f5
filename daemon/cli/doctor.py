"""`doctor`: what is there and what is missing for what is configured. It looks, and changes nothing."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from daemon.cli.options import Path, command, load, now, print_json
from daemon.config.endpoint import EndpointSettings
from daemon.config.settings import Settings, Workspace
from daemon.domain.table_name import table_name
from daemon.ports import InferenceLog, PlatformError
from daemon.setup.diagnose import diagnose
from daemon.setup.gather import Newest, asked, gather
from daemon.setup.line import Line, Verdict
from daemon.setup.needs import OBSERVE, warehouse_of
from daemon.setup.seen import Answer
from daemon.telemetry import log

if TYPE_CHECKING:
    from daemon.adapters.databricks import DatabricksClient

PATIENCE, RETRY = timedelta(seconds=20), timedelta(seconds=2)
"""A person waits: no longer than this for one request or table, and for one that is refused for a moment."""
READ_BACK = timedelta(days=7)
COLORS = {Verdict.OK: "green", Verdict.MISSING: "red", Verdict.UNKNOWN: "yellow", Verdict.WARNING: "yellow"}


@command("doctor")
@click.option("--warehouse", is_flag=True, help="Read the time of each table's newest row through the SQL warehouse.")
def doctor(file: Path, as_json: bool, warehouse: bool) -> None:
    """Look for all that the configuration needs: what is there, what is missing, and what to do about it.

    Tables that the daemon reads itself are read as it does, for the time of their newest row. Changes nothing: sends
    GET, asks Unity Catalog to lend what opens a table, and with --warehouse sends one SELECT for each table, which
    wakes the warehouse. Exits with 0 where nothing is missing that the configured modes need.
    """
    settings = load(file)
    log.configure("error", settings.log.format)
    if warehouse and not warehouse_of(settings):
        raise click.UsageError("--warehouse needs workspace.warehouse_id in the configuration")
    from daemon.adapters.databricks import DatabricksSurvey

    client = client_of(settings.workspace)
    with _progress(len(settings.endpoints)) as done:
        newest = _newest(settings, client, warehouse, done)
        seen = gather(settings, DatabricksSurvey(client), clock=now, newest=newest)
    lines = diagnose(settings, seen, now=now())
    if as_json:
        print_json(
            {"config": str(file), "fit": not any(line.stops for line in lines), "lines": [_json(x) for x in lines]}
        )
    else:
        _print(lines)
    raise SystemExit(1 if any(line.stops for line in lines) else 0)


def client_of(workspace: Workspace) -> "DatabricksClient":
    """Return a client in a hurry, which sends nothing that could change anything."""
    from daemon.adapters.databricks import DatabricksClient

    hurried = {"timeout": min(workspace.timeout, PATIENCE), "retry_for": min(workspace.retry_for, RETRY)}
    return DatabricksClient(workspace.model_copy(update=hurried), pauses=(1.0,), fence=_closed)


@contextmanager
def _closed() -> Iterator[None]:
    raise PlatformError("nothing was sent: this only looks", permanent=True)
    yield


@contextmanager
def _progress(endpoints: int) -> Iterator[Callable[[], None]]:
    """Show a bar to whoever looks at a terminal: tables far away take seconds each."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("looking at endpoints", total=endpoints)
        yield lambda: bar.advance(task)


def _newest(settings: Settings, client: "DatabricksClient", warehouse: bool, done: Callable[[], None]) -> Newest:
    from daemon.adapters.readers import Readers

    readers = Readers(settings.workspace, client)

    def newest(endpoint: EndpointSettings) -> Answer[datetime] | None:
        named = table_name(endpoint.table) is not None
        if named and endpoint.reader == "warehouse" and not warehouse:
            return None
        read = endpoint.model_copy(update={"reader": "warehouse"}) if named and warehouse else endpoint
        return _read(lambda: readers.of(read)[0])

    def counted(endpoint: EndpointSettings) -> Answer[datetime] | None:
        found = newest(endpoint)
        done()
        return found

    return counted


def _read(open_log: Callable[[], InferenceLog]) -> Answer[datetime]:
    from daemon.adapters.databricks.errors import IssuerError
    from daemon.adapters.databricks.patience import within

    def newest() -> datetime | None:
        try:
            what = "the table could not be read"
            return within(PATIENCE.total_seconds(), lambda: open_log().newest(now() - READ_BACK), what=what)
        except IssuerError as error:
            raise PlatformError(str(error), permanent=False) from None

    found = asked(newest)
    return Answer(found.value, found.why, found.gone)


def _json(line: Line) -> dict[str, object]:
    return {
        "subject": line.subject,
        "what": line.what,
        "verdict": line.verdict,
        "why": line.why,
        "remedy": line.remedy or None,
        "for": list(line.purposes),
        "needed_now": line.now,
    }


def _print(lines: Sequence[Line]) -> None:
    """Print a table whose remedies have a line of their own: what is to be copied must not be folded."""
    width = max(len(line.what) for line in lines)
    for subject, group in groupby(lines, key=lambda line: line.subject):
        click.echo(click.style(subject, bold=True))
        for line in group:
            verdict = click.style(f"{line.verdict:<7}", fg=COLORS[line.verdict])
            click.echo(f"  {verdict}  {line.what:<{width}}  {line.why}{_for(line)}")
            if line.remedy:
                click.echo(f"           -> {line.remedy}")
    click.echo(_sum(lines))


def _for(line: Line) -> str:
    """Say what a line is for, where that is not to observe."""
    remedies = [purpose for purpose in line.purposes if purpose != OBSERVE]
    if not remedies or OBSERVE in line.purposes:
        return ""
    later = "" if line.now or line.verdict is Verdict.OK else "; not needed in the configured modes"
    return f" [{', '.join(remedies)}{later}]"


def _sum(lines: Sequence[Line]) -> str:
    stops = sum(line.stops for line in lines)
    later = sum(line.verdict is Verdict.MISSING and not line.now for line in lines)
    open_ = sum(line.verdict in (Verdict.UNKNOWN, Verdict.WARNING) for line in lines)
    told = [f"{stops} missing" if stops else "Nothing is missing that the configured modes need"]
    if later:
        told.append(f"{later} more before everything could be on auto")
    if open_:
        told.append(f"{open_} to look at")
    return "; ".join(told) + "."


COMMANDS = (doctor,)
