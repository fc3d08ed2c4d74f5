"""`run`, `check`, `once`: the daemon, its configuration, and one look by hand."""

import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from daemon.cli import show
from daemon.cli.meaning import Traffic, means, traffic_of
from daemon.cli.options import Path, command, endpoint_of, load, now, print_json
from daemon.config.endpoint import EndpointSettings
from daemon.config.mlflow import RegistryKind
from daemon.config.settings import Settings
from daemon.domain.finding import Finding
from daemon.domain.remediation import Mode, Remedy
from daemon.remediate.circumstances import mode_of
from daemon.telemetry import log

if TYPE_CHECKING:
    from daemon.watch.cycle import Look


@command("run")
def run(file: Path, as_json: bool) -> None:
    """Run the daemon until it is told to stop (SIGTERM); SIGHUP reloads the configuration."""
    settings = load(file)
    log.configure(settings.log.level, "json" if as_json else settings.log.format)
    from daemon.app import App  # after logging is set up: the SDK's first import would set it up its own way

    raise SystemExit(App(file, settings).run())


@command("check")
def check(file: Path, as_json: bool) -> None:
    """Check the configuration: print every problem and exit with 2, or say what will be watched."""
    settings = load(file)
    traffic = traffic_of(settings, now=now())
    watched = [_watched(settings, e, traffic.get(e.name)) for e in settings.endpoints]
    if as_json:
        kept = {"registry": settings.mlflow.registry, "runs": _runs(settings)}
        print_json({"config": str(file), **kept, "endpoints": watched})
        return
    click.echo(f"{file} is fine: {len(watched)} endpoint{'s' if len(watched) != 1 else ''} will be watched")
    click.echo(f"registered models: {settings.mlflow.registry}; runs: {_runs(settings)}")
    show.table(
        "",
        ["endpoint", "model", "looks every", "window", "retrain", "promote", "rollback", "archive", "table", "reader"],
        [[w[key] for key in COLUMNS] for w in watched],
    )
    for w in watched:
        for note in (w["means"], *w["notes"]):
            click.echo(f"  {w['endpoint']}: {note}")


COLUMNS = ("endpoint", "model", "interval", "window", "retrain", "promote", "rollback", "archive", "table", "reader")


@command("once")
@click.option("--endpoint", "name", required=True, help="The endpoint to look at.")
def once(file: Path, as_json: bool, name: str) -> None:
    """Look at one endpoint once, as the daemon would, and print what was found. Changes nothing in the world."""
    settings = load(file)
    endpoint = endpoint_of(settings, name)
    log.configure("warning", settings.log.format)
    from daemon.app import look_once

    with tempfile.TemporaryDirectory(prefix="mlsteward-") as scratch:
        seen = look_once(settings, endpoint, Path(scratch))
    if as_json:
        decided = {"action": seen.decision.action, "because": seen.decision.because, "sentence": seen.decision.sentence}
        found = [f.numbers() for f in _newest(seen)]
        print_json({"endpoint": name, "decision": decided, "findings": found, "notes": list(seen.notes)})
        return
    windows = len({p.window for p in seen.profiles})
    show.table(
        f"{name}: {windows} new windows" if windows else f"{name}: nothing new since the last look, which found",
        ["window", "check", "version", "verdict", "statistic", "at least", "tolerated", "n", "against", "reason"],
        [(f.window.start, f.check.name, *(getattr(f, name) for name in SHOWN)) for f in _newest(seen)],
    )
    for note in seen.notes:
        click.echo(f"note: {note}")
    click.echo(seen.decision.sentence)


SHOWN = ("version", "verdict", "statistic", "bound", "threshold", "n", "against", "reason")


def _newest(seen: "Look") -> Sequence[Finding]:
    """Return what this look found, or what was found last where it saw nothing new."""
    return seen.findings or [t.last for trails in seen.trails.values() for t in trails.values()]


def _runs(settings: Settings) -> str:
    return "the workspace" if settings.mlflow.runs_on_databricks else settings.mlflow.tracking or "not said yet"


def _watched(settings: Settings, endpoint: EndpointSettings, traffic: Traffic | None) -> dict[str, Any]:
    return {
        "endpoint": endpoint.name,
        "model": endpoint.model,
        "table": endpoint.table,
        "reader": endpoint.reader,
        "interval": show.length(endpoint.watch.interval),
        "window": show.length(endpoint.watch.window),
        **{remedy.value: _mode(endpoint, remedy) for remedy in Remedy},
        "means": means(endpoint, traffic),
        "notes": _notes(settings, endpoint),
    }


def _notes(settings: Settings, endpoint: EndpointSettings) -> list[str]:
    """Say what an endpoint's registry makes of its settings, where that may surprise."""
    registry = settings.mlflow.registry
    if registry is RegistryKind.MLFLOW or mode_of(endpoint, Remedy.ARCHIVE) is Mode.OFF:
        return []
    return [f"archive keeps a copy of stale versions and tags them: {registry} gives up files only with their version"]


def _mode(endpoint: EndpointSettings, remedy: Remedy) -> str:
    """Say how far a remedy may go, and what keeps it off where the mode alone would not."""
    mode = mode_of(endpoint, remedy)
    lacks = {Remedy.RETRAIN: "job_id", Remedy.ARCHIVE: "folder"}.get(remedy, "")
    return f"off (no {lacks})" if mode is Mode.OFF and endpoint.mode.of(remedy) is not Mode.OFF else str(mode)


COMMANDS = (run, check, once)
