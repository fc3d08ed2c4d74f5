"""`status`, `explain`, `history`, `baseline`: what the store knows, for a person or as JSON. They change nothing."""

from dataclasses import asdict
from typing import Any

import click

from daemon.cli import show
from daemon.cli.options import Path, command, endpoint_of, load, opened, print_json
from daemon.domain.baseline import Baseline
from daemon.domain.remediation import Remediation
from daemon.domain.trail import Phase
from daemon.store import baselines, endpoints, events, findings, remediations, verdicts
from daemon.store.engine import Tx


@command("status")
def status(file: Path, as_json: bool) -> None:
    """Show each endpoint: what serves, how fresh the data is, what fires, what is under way."""
    settings = load(file)
    with opened(settings) as store, store.read() as tx:
        states = [_state(tx, e.name) for e in settings.endpoints]
    if as_json:
        print_json(states)
        return
    show.table(
        "endpoints",
        [
            "endpoint",
            "serves",
            "seen until (UTC)",
            "pending",
            "firing",
            "clearing",
            "flapping",
            "known good",
            "known bad",
            "under way",
        ],
        [[s["endpoint"], s["serves"], s["seen_until"], *(_list(s[key]) for key in LISTED)] for s in states],
    )


NOT_YET = "not looked at yet"
LISTED = ("pending", "firing", "clearing", "flapping", "good", "bad", "open")


def _state(tx: Tx, name: str) -> dict[str, Any]:
    state = endpoints.last_state(tx, name)
    trails = findings.recent(tx, name)
    record = verdicts.record(tx, name)
    return {
        "endpoint": name,
        "serves": ", ".join(f"version {e.version} at {e.percent} %" for e in state.served) if state else NOT_YET,
        "seen_until": endpoints.watermark(tx, name),
        "pending": [t.last.check.name for t in trails if t.phase is Phase.PENDING],
        "firing": [t.last.check.name for t in trails if t.phase is Phase.FIRING],
        "clearing": [t.last.check.name for t in trails if t.phase is Phase.CLEARING],
        "flapping": [t.last.check.name for t in trails if t.flapping],
        "good": [v.version for v in record if v.standing == "good"],
        "bad": [v.version for v in record if v.standing == "bad"],
        "open": [f"{r.remedy} {r.id} {r.state}" for r in remediations.opened(tx, name)],
    }


@command("history")
@click.option("--endpoint", "name", help="Only this endpoint.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
def history(file: Path, as_json: bool, name: str | None, limit: int) -> None:
    """Show what was done and what was told, newest first."""
    settings = load(file)
    if name is not None:
        endpoint_of(settings, name)
    with opened(settings) as store, store.read() as tx:
        done = remediations.history(tx, name, limit=limit)
        told = events.history(tx, name, limit=limit)
    if as_json:
        print_json({"remediations": [asdict(r) for r in done], "events": [asdict(e) for e in told]})
        return
    show.table(
        "remediations",
        ["id", "endpoint", "remedy", "state", "from", "to", "began (UTC)", "ended or moved", "outcome"],
        [
            [r.id, r.endpoint, r.remedy, r.state, r.from_version, r.to_version, r.created_at, r.updated_at, r.outcome]
            for r in done
        ],
    )
    show.table(
        "events",
        ["at (UTC)", "endpoint", "severity", "kind", "sent", "what"],
        [[e.at, e.endpoint or "all", e.severity, e.kind, "yes" if e.delivered_at else "-", e.sentence] for e in told],
    )


@command("explain")
@click.argument("remediation_id")
def explain(file: Path, as_json: bool, remediation_id: str) -> None:
    """Say why a remediation did what it did: the findings, every guard, every step. The id may be shortened."""
    settings = load(file)
    with opened(settings) as store, store.read() as tx:
        one = remediations.get(tx, remediation_id)
        if one is None:
            raise click.ClickException(f"no remediation {remediation_id!r}: `mlsteward history` lists them")
        steps = remediations.steps(tx, one.id)
    if as_json:
        print_json({**asdict(one), "steps": [asdict(s) for s in steps]})
        return
    show.pairs(f"{one.remedy} {one.id}", _facts(one))
    found = one.evidence.get("findings") or []
    show.table(
        "\nwhat was found",
        ["check", "statistic", "certainly above", "tolerated", "n", "against", "version", "window"],
        [
            [
                f["check"],
                f["statistic"],
                f["bound"],
                f["threshold"],
                f["n"],
                f["against"],
                f["version"],
                " .. ".join(f["window"]),
            ]
            for f in (found if isinstance(found, list) else [])
        ],
    )
    show.table(
        "\nguards",
        ["guard", "holds", "because"],
        [[g.guard, "yes" if g.passed else "NO", g.detail] for g in one.guards],
    )
    show.table(
        "\nsteps",
        ["step", "state", "calls", "began (UTC)", "ended", "result"],
        [[s.name, s.state, s.calls, s.started_at, s.ended_at, s.result.get("detail", "")] for s in steps],
    )


def _facts(one: Remediation) -> dict[str, object]:
    return {
        "endpoint": one.endpoint,
        "state": one.state,
        "why": one.sentence,
        "outcome": one.outcome,
        "model": one.model,
        "from version": one.from_version,
        "to version": one.to_version,
        "began (UTC)": one.created_at,
        "last moved": one.updated_at,
        "follows from": one.parent_id,
    }


@command("baseline")
@click.option("--endpoint", "name", required=True, help="The endpoint.")
def baseline(file: Path, as_json: bool, name: str) -> None:
    """Show what an endpoint's versions are compared with."""
    settings = load(file)
    endpoint_of(settings, name)
    with opened(settings) as store, store.read() as tx:
        known = baselines.all_of(tx, name)
    if as_json:
        print_json([_described(b) for b in known])
        return
    show.table(
        f"baselines of {name}",
        ["version", "kind", "rows", "made (UTC)", "columns", "source"],
        [[b.version, b.kind, b.rows, b.created_at, ", ".join(b.columns), b.source] for b in known],
    )


def _described(known: Baseline) -> dict[str, Any]:
    return {
        "version": known.version,
        "kind": str(known.kind),
        "rows": known.rows,
        "source": known.source,
        "made": known.created_at,
        "columns": {n: {"kind": str(c.column.kind), "bins": c.bins.size} for n, c in known.columns.items()},
    }


def _list(values: list[Any]) -> str:
    return ", ".join(str(v) for v in values) or "-"


COMMANDS = (status, history, explain, baseline)
