"""What a finding rests on: stored counts in, its numbers and a picture out. It only reads."""

from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from daemon.config.settings import Settings
from daemon.domain.finding import Against, Cause, Check, Finding, Reason, Statistic, Verdict
from daemon.domain.person import Unknown
from daemon.domain.remediation import Remediation
from daemon.domain.trail import Trail
from daemon.domain.window import Window
from daemon.evidence.cohorts import scene_of_cohorts
from daemon.evidence.windows import scene_of_windows
from daemon.picture.scene import Scene
from daemon.store import endpoints, findings
from daemon.store.engine import Tx


@dataclass(frozen=True, slots=True)
class Evidence:
    """A finding as it stands, and what there is to see of it."""

    finding: Finding
    scene: Scene
    phase: str = ""
    """How its trail stands; empty where it was drawn for a remediation."""
    since: datetime | None = None

    def document(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        told = {"id": self.finding.id, "endpoint": self.finding.endpoint, **self.finding.numbers()}
        return {**told, "phase": self.phase, "since": self.since, "picture": self.scene.document()}


def of_finding(tx: Tx, settings: Settings, asked: str) -> Evidence:
    """Return the evidence of a check as it stands now. Raise Unknown, which says what there is."""
    trail = _found(tx, settings, asked)
    shown = _shown(tx, settings, trail.last)
    return replace(shown, phase=str(trail.phase), since=trail.since)


def of_remediation(tx: Tx, settings: Settings, one: Remediation, *, most: int = 1) -> list[Evidence]:
    """Return the evidence of the findings that a remediation rests on, as it was then, the worst ones first.

    What is no longer kept (its endpoint, baseline or profiles) or cannot be read is left out: whoever is asked for a
    word shall be able to give it, picture or not.
    """
    written = one.evidence.get("findings")
    shown = []
    for numbers in written if isinstance(written, list) else []:
        try:
            evidence = _shown(tx, settings, _read(one.endpoint, numbers))
        except (Unknown, KeyError, TypeError, ValueError):
            continue
        shown += [evidence] if evidence.scene.points else []
        if len(shown) == most:
            break
    return shown


def names_a_finding(asked: str) -> bool:
    """Tell the id of a finding from that of a remediation."""
    return ":" in asked or "/" in asked


def _found(tx: Tx, settings: Settings, asked: str) -> Trail:
    """Find `ENDPOINT:VERSION:CHECK`; without a version, that with the most traffic."""
    known: list[Trail] = []
    for name in (e.name for e in settings.endpoints if asked.startswith((f"{e.name}:", f"{e.name}/"))):
        trails, state = findings.recent(tx, name), endpoints.last_state(tx, name)
        exact = [t for t in trails if t.last.id == asked]
        main = state.main.version if state and state.main else None
        short = [t for t in trails if asked[len(name) + 1 :] == t.last.check.name]
        found = exact or sorted(short, key=lambda t: (t.last.version == main, t.last.version))
        if found:
            return found[-1]
        known += trails
    ids = [t.last.id for t in sorted(known, key=lambda t: not t.phase.trouble)]
    there = f"there are {', '.join(ids[:6])}{', ...' if len(ids) > 6 else ''}" if ids else "none of it is kept"
    raise Unknown(f"no finding {asked!r}: write ENDPOINT:VERSION:CHECK; {there}")


def _shown(tx: Tx, settings: Settings, finding: Finding) -> Evidence:
    endpoint = settings.endpoint(finding.endpoint)
    if endpoint is None:
        raise Unknown(f"no endpoint {finding.endpoint!r} is configured any more")
    if finding.check.cause is Cause.CONCEPT:
        return Evidence(finding, scene_of_cohorts(tx, endpoint, finding))
    return Evidence(finding, scene_of_windows(tx, endpoint, finding))


WRITTEN = frozenset(field.name for field in fields(Finding))
"""What of a record is no number that was reported beside it."""


def _read(endpoint: str, numbers: dict[str, Any]) -> Finding:
    """Read a finding as it was written down with a remediation."""
    column, _, statistic = numbers["check"].rpartition("/")
    start, end = (datetime.fromisoformat(moment) for moment in numbers["window"])
    return Finding(
        endpoint=endpoint,
        version=numbers["version"],
        check=Check(Statistic(statistic), column),
        window=Window(start, end),
        verdict=Verdict(numbers["verdict"]),
        reason=Reason(numbers["reason"]),
        n=numbers["n"],
        statistic=numbers["statistic"],
        bound=numbers["bound"],
        threshold=numbers["threshold"],
        against=Against(numbers["against"]),
        against_version=numbers["against_version"],
        reported=tuple(
            (name, float(value)) for name, value in numbers.items() if name not in WRITTEN and _is_number(value)
        ),
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
