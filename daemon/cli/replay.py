"""`replay`: the policy over the past, so that nobody waits for trouble to see what it does. It changes nothing."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from daemon.asked import moment
from daemon.cli import show
from daemon.cli.options import Path, command, endpoint_of, load, now, opened, print_json
from daemon.config import settings as config
from daemon.config.endpoint import EndpointSettings
from daemon.config.settings import Settings
from daemon.replay.cycle import Stage
from daemon.replay.cycle import replay as play
from daemon.replay.differences import apart, differences
from daemon.replay.outcome import UNKNOWN, Outcome, Proposed
from daemon.replay.past import past_of
from daemon.store.engine import Store, sqlite_file
from daemon.telemetry import log
from daemon.watch.cycle import Doors


@command("replay")
@click.option("--endpoint", "name", required=True, help="The endpoint.")
@click.option("--from", "since", metavar="TIME", required=True, help='Such as "2026-11-20 08:00" (UTC).')
@click.option("--to", "until", metavar="TIME", help="Default: now.")
@click.option(
    "--against",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A second configuration: say what it would have found and done differently.",
)
@click.option("--stored", is_flag=True, help="Read nothing of the workspace: only what the store keeps.")
def replay(
    file: Path, as_json: bool, name: str, since: str, until: str | None, against: Path | None, stored: bool
) -> None:
    """Say what would have been found and done, when and why. Nothing is done, and nothing is written.

    It plays the daemon's own looks and guards over the profiles that the store keeps, and over the history of the
    inference table where it keeps none, with a virtual clock and on a throw-away database.
    """
    settings = load(file)
    ours = endpoint_of(settings, name)
    theirs = _second(against, ours) if against else None
    begins, ends = moment(since), moment(until) if until else now()
    if begins >= ends:
        raise click.UsageError("--from lies before --to")
    log.configure("error", settings.log.format)
    with _record(settings) as record, _progress() as told:

        def played(endpoint: EndpointSettings, what: str) -> Outcome:
            return _played(settings, endpoint, record, begins, ends, stored=stored, progress=told(what))

        first = played(ours, str(file))
        second = played(theirs, str(against)) if theirs else None
    if as_json:
        print_json(_document(first, second))
        return
    _show(first)
    if second is not None:
        _compare(first, second, str(file), str(against))


def _second(against: Path, ours: EndpointSettings) -> EndpointSettings:
    """Return the other rules, over the same inference table."""
    theirs = endpoint_of(load(against), ours.name)
    if theirs.model != ours.model:
        raise click.ClickException(f"{against}: {ours.name} serves {theirs.model} there, and {ours.model} here")
    return theirs.model_copy(update={"table": ours.table})


@contextmanager
def _record(settings: Settings) -> Iterator[Store]:
    """Open the daemon's store to read it, or an empty one where no daemon has run yet."""
    kept = sqlite_file(settings.store)
    if kept is None or kept.exists():
        with opened(settings) as store:
            yield store
        return
    with tempfile.TemporaryDirectory(prefix="mlsteward-") as scratch, _thrown_away(Path(scratch)) as store:
        yield store


@contextmanager
def _thrown_away(folder: Path) -> Iterator[Store]:
    store = Store.open(config.Store(url=f"sqlite:///{folder}/replay.db"))
    try:
        yield store
    finally:
        store.close()


def _played(
    settings: Settings,
    endpoint: EndpointSettings,
    record: Store,
    since: datetime,
    until: datetime,
    *,
    stored: bool,
    progress: Callable[[int, int], None],
) -> Outcome:
    past = past_of(record, endpoint, since, until)
    with tempfile.TemporaryDirectory(prefix="mlsteward-") as scratch, _thrown_away(Path(scratch)) as store:

        def doors() -> Doors:
            from daemon.app import reading_doors  # with it come the SDKs, which nobody needs for what is stored

            return reading_doors(settings, endpoint, Path(scratch))

        stage = Stage(store, Path(scratch), settings.safety, None if stored else doors)
        return play(endpoint, past, stage, since, until, progress=progress)


@contextmanager
def _progress() -> Iterator[Callable[[str], Callable[[int, int], None]]]:
    """Show a bar to whoever looks at a terminal; it goes when it is done, and is never mixed with the answer."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:

        def told(what: str) -> Callable[[int, int], None]:
            task = bar.add_task(what, total=None)
            return lambda done, of: bar.update(task, completed=done, total=of)

        yield told


def _document(first: Outcome, second: Outcome | None) -> object:
    if second is None:
        return first.document()
    return {
        "ours": first.document(),
        "theirs": second.document(),
        "differences": [asdict(d) for d in differences(first, second)],
        "decided_differently": [asdict(a) for a in apart(first, second)],
    }


def _show(outcome: Outcome) -> None:
    read = outcome.windows - outcome.stored
    click.echo(
        f"{outcome.endpoint}, {outcome.since:%F %H:%M} to {outcome.until:%F %H:%M} UTC: {outcome.windows} windows with "
        f"traffic, {outcome.stored} from the store, {read} read from the inference table\n"
    )
    show.table(
        "what would have been found",
        ["finding", "since (UTC)", "believed", "over", "seen at worst", "certainly above", "tolerated", "n"],
        [
            [e.id, e.since, e.believed_at, e.over_at, e.worst.statistic, e.worst.bound, e.worst.threshold, e.worst.n]
            for e in outcome.episodes
        ],
    )
    show.table(
        "\nwhat would have been decided",
        ["from (UTC)", "action", "because", "in words"],
        [[d.at, d.action, d.because.replace("_", " "), d.sentence] for d in outcome.decisions],
    )
    show.table(
        "\nwhat would have been proposed",
        ["at (UTC)", "remedy", "from", "to", "mode", "let through", "held up by"],
        [
            [p.proposed_at, p.remedy, p.from_version, p.to_version, p.mode, p.let_through_at, _held(p)]
            for p in outcome.proposed
        ],
    )
    if outcome.proposed:
        _unknown(outcome.proposed)
    show.table(
        "\nwhat people would have been told",
        ["at (UTC)", "severity", "kind", "what"],
        [[e.at, e.severity, e.kind, e.sentence] for e in outcome.told],
    )
    budget = outcome.budget
    click.echo(
        f"\nfalse alarms: at most {budget.allowed:.2g} to be expected in this time ({budget.per_year:g} a year), if "
        f"nothing drifted; {budget.alarms} alarms came of {budget.answers} answers"
    )
    for note in outcome.notes:
        click.echo(f"note: {note}")


def _held(one: Proposed) -> str:
    return "; ".join(f"{g.guard}: {g.detail}" for g in one.held_up_by) or "-"


def _unknown(found: Sequence[Proposed]) -> None:
    """Say which guards the record does not answer: they are taken to hold."""
    click.echo("nothing of it is played out: the traffic goes on as it did")
    asked = {g.guard for p in found for g in p.guards if g.unknown}
    if asked:
        click.echo("\nnot on record, and taken to hold:")
        for guard in UNKNOWN:
            if guard in asked:
                click.echo(f"  {guard}: {UNKNOWN[guard]}")


def _compare(first: Outcome, second: Outcome, ours: str, theirs: str) -> None:
    click.echo(f"\n{ours} against {theirs}")
    show.table(
        "\nwhat differs (UTC)",
        ["what", ours, theirs],
        [[d.what, d.ours or "not at all", d.theirs or "not at all"] for d in differences(first, second)],
    )
    show.table(
        "\nwhen they decide differently",
        ["from (UTC)", "to", ours, theirs],
        [[a.since, a.until, a.ours, a.theirs] for a in apart(first, second)],
    )


COMMANDS = (replay,)
