"""`init`: from a host and a credential to a configuration that observes what is found there."""

import os
import tempfile
from contextlib import suppress
from typing import Literal

import click

from daemon.cli import way_in
from daemon.cli.doctor import client_of
from daemon.cli.options import Path, command, load, now, print_json
from daemon.cli.way_in import PLACE
from daemon.domain.found import FoundWarehouse, Meeting
from daemon.ports import PlatformError, Survey
from daemon.setup.diagnose import refusal
from daemon.setup.endpoint_lines import served
from daemon.setup.gather import asked
from daemon.setup.propose import Around, Choices, Proposal, propose
from daemon.telemetry import log

STDOUT = "-"


@command("init")
@click.option("--host", help="https://<workspace>. Left out: $DATABRICKS_HOST, or the profile's.")
@click.option("--profile", help="A profile of ~/.databrickscfg.")
@click.option("--client-id", help="The service principal's id, with --client-secret: the recommended way.")
@click.option("--client-secret", metavar="PLACE", help=f"Where its secret is. {PLACE}")
@click.option("--token", metavar="PLACE", help=f"Where an access token is. {PLACE}")
@click.option(
    "--tracking-uri", envvar="MLFLOW_TRACKING_URI", help="An MLflow server, where runs are not in the workspace."
)
@click.option("--reader", type=click.Choice(["delta", "warehouse"]), help="Who reads the tables.  [default: delta]")
@click.option("--warehouse-id", help="The SQL warehouse that reads them.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@click.option("--force", is_flag=True, help="Overwrite the configuration.")
def init(
    file: Path,
    as_json: bool,
    host: str | None,
    profile: str | None,
    client_id: str | None,
    client_secret: str | None,
    token: str | None,
    tracking_uri: str | None,
    reader: Literal["delta", "warehouse"] | None,
    warehouse_id: str | None,
    yes: bool,
    force: bool,
) -> None:
    """Look around in a workspace and write a configuration that observes it. Changes nothing there.

    `--config -` prints it instead.
    """
    if str(file) != STDOUT and file.exists() and not force:
        raise click.ClickException(f"{file} is there already: --force overwrites it, --config names another")
    log.configure("error", "text")
    workspace = way_in.workspace(host, profile, client_id, client_secret, token)
    _require_writable(file)
    from daemon.adapters.databricks import DatabricksSurvey

    around = _around(DatabricksSurvey(client_of(workspace)))
    tracking = tracking_uri if tracking_uri and tracking_uri.startswith("http") else ""
    choices = Choices(way_in.lines(workspace, around.meeting), tracking)
    choices = _chosen(around, choices, reader, warehouse_id, ask=not yes)
    proposal = propose(around, choices, now=now())
    if not proposal.watched:
        raise click.ClickException("\n".join(["nothing can be watched there yet:", *_reasons(proposal)]))
    _keep(proposal.text, file)
    _tell(proposal, file, as_json=as_json)


def _require_writable(file: Path) -> None:
    """Say so before anything is asked."""
    folder = file.resolve().parent
    if str(file) != STDOUT and not os.access(folder, os.W_OK):
        why = "is not yours to write in" if folder.is_dir() else "does not exist"
        sentence = (
            f"{file} cannot be written, because {folder} {why}: --config names another file, --config - prints it"
        )
        raise click.ClickException(sentence)


def _around(survey: Survey) -> Around:
    return Around(
        meeting=_met(survey),
        endpoints=survey.endpoints(),
        jobs=asked(survey.jobs),
        warehouses=asked(survey.warehouses),
    )


def _met(survey: Survey) -> Meeting:
    try:
        return survey.meet()
    except PlatformError as error:
        raise click.ClickException(f"the workspace lets nobody in: {refusal(str(error))}") from error


def _chosen(
    around: Around,
    choices: Choices,
    reader: Literal["delta", "warehouse"] | None,
    warehouse_id: str | None,
    *,
    ask: bool,
) -> Choices:
    """Ask which endpoints, and who reads their tables; both have a good answer without asking."""
    only = _only(propose(around, choices, now=now())) if ask else None
    found = around.warehouses.value or []
    if reader is None and ask and found:
        through = "Read their tables through a SQL warehouse, instead of directly (which needs EXTERNAL USE SCHEMA)?"
        reader = "warehouse" if click.confirm(through, default=bool(warehouse_id), err=True) else "delta"
    if reader is None:
        reader = "warehouse" if warehouse_id else "delta"
    if reader == "warehouse" and not warehouse_id:
        warehouse_id = _warehouse(found, ask=ask)
    return Choices(choices.workspace, choices.tracking, reader, warehouse_id or "", only)


def _only(proposal: Proposal) -> frozenset[str] | None:
    if not proposal.watched:
        return None
    for it in proposal.watched:
        click.echo(f"  {it.found.name}: {served(it.found) or it.model}", err=True)
    for reason in _reasons(proposal):
        click.echo(reason, err=True)
    if click.confirm(f"Watch these {len(proposal.watched)}?", default=True, err=True):
        return None
    return frozenset(click.prompt("Which, with commas between", err=True).replace(" ", "").split(","))


def _warehouse(found: list[FoundWarehouse], *, ask: bool) -> str:
    if not found:
        raise click.ClickException("no SQL warehouse is seen there: name one with --warehouse-id, or read with delta")
    # One without servers of its own is up in seconds, and down again as soon.
    best = min(found, key=lambda it: (not it.serverless, it.state != "RUNNING", it.name))
    if not ask or len(found) == 1:
        return best.id
    for it in found:
        click.echo(f"  {it.id}  {it.name}: {it.state}{', serverless' if it.serverless else ''}", err=True)
    known = click.Choice([it.id for it in found])
    return str(click.prompt("Which warehouse", type=known, default=best.id, show_choices=False, err=True))


def _keep(text: str, file: Path) -> None:
    """Write it whole or not at all, and not before it was read back as `check` reads it."""
    if str(file) == STDOUT:
        with tempfile.TemporaryDirectory(prefix="mlsteward-") as scratch:
            written = Path(scratch) / "config.toml"
            written.write_text(text, encoding="utf-8")
            load(written)
        return
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        load(beside)
        beside.replace(file)
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()


def _tell(proposal: Proposal, file: Path, *, as_json: bool) -> None:
    if as_json:
        left = [{"endpoint": one.name, "why": one.why, "todo": one.todo or None} for one in proposal.left_out]
        watched = [{"endpoint": it.found.name, "table": it.table, "model": it.model} for it in proposal.watched]
        print_json({"config": str(file), "text": proposal.text, "endpoints": watched, "left_out": left})
        return
    if str(file) == STDOUT:
        click.echo(proposal.text, nl=False)
        return
    count = len(proposal.watched)
    click.echo(f"{file} is written: {count} endpoint{'s' if count != 1 else ''} will be observed")
    for it in proposal.watched:
        click.echo(f"  {it.found.name}: {served(it.found) or it.model}; table {it.table}")
    if proposal.left_out:
        click.echo("left out:")
    for reason in _reasons(proposal):
        click.echo(reason)
    click.echo(f"next: mlsteward doctor --config {file}")


def _reasons(proposal: Proposal) -> list[str]:
    return [f"  {one.name} {one.why}" + (f"\n    -> {one.todo}" if one.todo else "") for one in proposal.left_out]


COMMANDS = (init,)
