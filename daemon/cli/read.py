"""`status`, `explain`, `history`, `baseline`: what the store knows, for a person or as JSON. They change nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click

from daemon import evidence, report
from daemon.cli import show
from daemon.cli.options import Path, command, endpoint_of, load, now, opened, print_json
from daemon.config.settings import Settings
from daemon.domain.baseline import Baseline
from daemon.domain.remediation import OPEN, PROPOSALS, Remediation, State
from daemon.evidence import Evidence
from daemon.picture.svg import svg
from daemon.picture.text import lines
from daemon.remediate.switch import kill_switch
from daemon.store import baselines, events, remediations
from daemon.store.engine import Tx


@command("status")
def status(file: Path, as_json: bool) -> None:
    """Show each endpoint: what serves, how fresh the data is, what fires, what is under way. And what waits for you."""
    settings = load(file)
    stopped = kill_switch(settings.safety.kill_file)
    with opened(settings) as store, store.read() as tx:
        seen = report.status(tx, settings, stopped=stopped, now=now())
    if as_json:
        print_json(seen)
        return
    if stopped:
        click.secho(f"NOTHING IS DONE: {stopped}\n", bold=True)
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
        [[s["endpoint"], s["serves"], s["seen_until"], *(_list(s[key]) for key in LISTED)] for s in seen["endpoints"]],
    )
    _sources(seen["endpoints"])
    _found([one for s in seen["endpoints"] for one in s["findings"]])
    _performing(seen["endpoints"])
    if seen["leads"]:
        click.echo(f"\n{seen['leads']} leads")
    _restrained(seen["restraints"])
    _waiting(seen)


LISTED = ("pending", "firing", "clearing", "flapping", "good", "bad", "open")


def _sources(found: Sequence[Mapping[str, Any]]) -> None:
    """Show what each source saw, one below the other: the gauges know who was turned away, the table who was served."""
    rows = []
    for one in found:
        said, table = one["sources"]["endpoint"], one["sources"]["table"]
        if said is not None:
            rows.append([one["endpoint"], "the minute before, by itself", said["at"], *(said[key] for key in GAUGES)])
        if table is not None:
            counts = (table["requests"], table["errors_4xx"], table["errors_5xx"])
            rows.append([one["endpoint"], "newest window, by its table", table["until"], *counts, None, None, None])
    if any(one["sources"]["endpoint"] for one in found):
        headings = ["endpoint", "source", "until (UTC)", "requests", "4xx", "5xx", "CPU %", "memory %", "concurrency"]
        show.table("\nrequests, by source", headings, rows)


GAUGES = ("requests", "errors_4xx", "errors_5xx", "cpu_percent", "memory_percent", "provisioned_concurrency")


def _found(trouble: Sequence[Mapping[str, Any]]) -> None:
    """List what is in trouble under the names that `explain` takes."""
    if trouble:
        show.table(
            "\nfindings (`mlsteward explain ID`)",
            ["id", "phase", "since (UTC)", "statistic", "certainly above", "tolerated"],
            [
                [
                    one["id"],
                    ", ".join([one["phase"], *(word for word in ("flapping", "warned") if one[word])]),
                    one["since"],
                    one["statistic"],
                    one["bound"],
                    one["threshold"],
                ]
                for one in trouble
            ],
        )


def _performing(found: Sequence[Mapping[str, Any]]) -> None:
    """Show what labels say, and beside it, as the estimate that it is, what scores say while there are none."""
    rows = [(e["endpoint"], p) for e in found for p in e["performance"]]
    if rows:
        show.table(
            "\nperformance, by the labels that have come",
            ["endpoint", "version", "predicted until (UTC)", "labels", "measured", "newest", "labels", "estimate"],
            [[name, p["version"], *_measured(p["measured"]), *_awaiting(p["newest"])] for name, p in rows],
        )


def _measured(told: Mapping[str, Any] | None) -> list[object]:
    if told is None:
        return [None, None, "no labels yet"]
    numbers = {name: number for name, number in told.items() if name not in COHORT}
    words = ", ".join(f"{name} {number:.4g}" for name, number in numbers.items())
    return [told["until"], f"{told['coverage']:.0%}", words]


def _awaiting(newest: Mapping[str, Any]) -> list[object]:
    guess = newest["estimated_accuracy"]
    words = "none: it needs scores" if guess is None else f"accuracy about {guess:.4g}, an estimate"
    return [newest["until"], f"{newest['coverage']:.0%}", words]


COHORT = ("from", "until", "predicted", "labelled", "coverage")


def _restrained(found: Sequence[Mapping[str, Any]]) -> None:
    if found:
        show.table(
            "\nrestraints",
            ["what", "where", "by", "from (UTC)", "until", "why"],
            [
                [
                    r["kind"] if r["in_force"] else f"{r['kind']}, to come",
                    r["endpoint"] or "the whole fleet",
                    r["owner"],
                    r["since"],
                    r["until"] or "lifted",
                    r["reason"],
                ]
                for r in found
            ],
        )


def _waiting(seen: Mapping[str, Any]) -> None:
    """Say what waits for a person, and what to type: whole lines, to be copied."""
    for one in seen["waits_for_approval"]:
        click.echo(
            f"\nwaits for a word on {one['about']} until {one['until']:%F %T} UTC: "
            f"{one['remedy']} of {one['endpoint']}: {one['sentence']}\n"
            f"  {one['approve']}\n  {one['reject']}\n  mlsteward explain {one['id']}"
        )
    for one in seen["needs_human"]:
        click.echo(
            f"\nneeds a human since {one['since']:%F %T} UTC: {one['remedy']} of {one['endpoint']}: "
            f"{one['outcome'] or one['sentence']}\n  {one['type']}\n  mlsteward explain {one['id']}"
        )


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
@click.argument("asked", metavar="ID")
@click.option(
    "--picture",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Draw it into this SVG file.",
)
def explain(file: Path, as_json: bool, asked: str, picture: Path | None) -> None:
    """Say why: of a remediation, or of a finding.

    A remediation (its id may be shortened): the findings, every guard, every word, every step; and what it will do.
    A finding (ENDPOINT:VERSION:CHECK as `status` lists it, or ENDPOINT/CHECK for what serves most): the distributions
    then and now, and the statistic over time with its bound and what is tolerated. Of a remediation the picture is
    that of its worst finding, as it was then.
    """
    if picture is not None and picture.suffix.lower() != ".svg":
        raise click.UsageError("--picture draws SVG: name a file that ends in .svg")
    settings = load(file)
    with opened(settings) as store, store.read() as tx:
        if evidence.names_a_finding(asked):
            one, shown = None, [evidence.of_finding(tx, settings, asked)]
        else:
            one, told = _remediation(tx, asked, settings)
            shown = evidence.of_remediation(tx, settings, one)
    if picture is not None:
        _draw(shown, picture)
    if as_json:
        print_json(told | {"pictures": [e.document() for e in shown]} if one else shown[0].document())
    elif one is None:
        _finding(shown[0])
    else:
        _explain(one, told, shown)
    if picture is not None and not as_json:
        click.echo(f"\ndrawn: {picture}")


def _remediation(tx: Tx, asked: str, settings: Settings) -> tuple[Remediation, dict[str, Any]]:
    one = remediations.get(tx, asked)
    if one is None:
        raise click.ClickException(
            f"no remediation {asked!r}, or several begin so: `mlsteward history` lists them, "
            "and `mlsteward status` the findings"
        )
    return one, report.explain(tx, one, settings)


def _draw(shown: Sequence[Evidence], picture: Path) -> None:
    if not shown:
        raise click.ClickException("there is nothing to draw: its counts are not kept any more")
    picture.write_text(svg(shown[0].scene), encoding="utf-8")


def _finding(one: Evidence) -> None:
    finding = one.finding
    show.pairs(
        finding.id,
        {
            "says": one.scene.sentence,
            "phase": one.phase,
            "in trouble since (UTC)": one.since,
            "compared with": one.scene.names[0],
            **dict(finding.reported),
        },
    )
    click.echo()
    click.echo("\n".join(lines(one.scene)))


def _explain(one: Remediation, told: Mapping[str, Any], shown: Sequence[Evidence]) -> None:
    show.pairs(f"{one.remedy} {one.id}", _facts(one))
    _will_do(one, told)
    found = one.evidence.get("findings") or []
    show.table(
        "\nwhat was found",
        ["check", "statistic", "certainly above", "tolerated", "n", "against", "version", "window", "beside it"],
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
                ", ".join(f"{name} {f[name]:.4g}" for name in BESIDE if name in f),
            ]
            for f in (found if isinstance(found, list) else [])
        ],
    )
    for e in shown:
        click.echo(f"\n{e.finding.id}, as it was then")
        click.echo("\n".join(lines(e.scene)))
    show.table(
        "\nguards",
        ["guard", "holds", "because"],
        [[g.guard, "yes" if g.passed else "NO", g.detail] for g in one.guards],
    )
    show.table(
        "\nsteps",
        ["step", "state", "calls", "began (UTC)", "ended", "result"],
        [
            [s["name"], s["state"], s["calls"], s["started_at"], s["ended_at"], s["result"].get("detail", "")]
            for s in told["steps"]
        ],
    )
    _answers(one, told)


BESIDE = ("before", "now", "coverage", "estimated_accuracy")
"""What is told beside a fall of performance."""


def _will_do(one: Remediation, told: Mapping[str, Any]) -> None:
    """Print the plan that a person approves, and how."""
    lines = told["will_do"] or [PLANLESS if one.state in PROPOSALS else "no plan was made"]
    click.secho("\nwhat it does", bold=True)
    for n, line in enumerate(lines, start=1):
        click.echo(f"  {n}. {line}" if told["will_do"] else f"  {line}")
    changed = ", ".join(f"{name} = {value}" for name, value in told["changed_rules"].items())
    if changed:
        click.echo(f"  by rules other than the default: {changed}")
    if told["will_do"]:
        click.echo(f"  the plan's hash: {told['plan_hash']}")


PLANLESS = "no plan yet: it is made once the guards let it"


def _answers(one: Remediation, told: Mapping[str, Any]) -> None:
    show.table(
        "\nwords of people",
        ["on", "said", "by", "at (UTC)", "because", "plan"],
        [
            [a["gate"], "yes" if a["granted"] else "NO", a["by"], a["at"], a["reason"], a["plan_hash"][:12]]
            for a in told["approvals"]
        ],
    )
    gate = told["waits_for"]
    if gate is not None:
        click.echo(f"\nwaits for a word on {gate['about']} until {gate['until']:%F %T} UTC:")
        click.echo(f"  {gate['approve']}\n  {gate['reject']}")
    if one.state is State.NEEDS_HUMAN:
        click.echo(f"\nneeds a human; when it has been looked at:\n  {report.release_command(one)}")


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
        "may take until": one.deadline_at if one.state in OPEN else None,
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
