"""What the store knows of the past of an endpoint, read once, in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from daemon.config.endpoint import EndpointSettings
from daemon.domain.baseline import Baseline
from daemon.domain.cohort import Cohort
from daemon.domain.profile import Profile
from daemon.domain.remediation import VersionVerdict
from daemon.domain.restraint import Restraint
from daemon.domain.serving import EndpointState, Update
from daemon.domain.window import Window
from daemon.replay.served import Shares
from daemon.store import baselines, cohorts, endpoints, events, profiles, restraints, verdicts
from daemon.store.engine import Store, Tx
from daemon.watch.labels.due import subject
from daemon.watch.memory import Memory, recall

LEARNT_FROM = 2_688
"""Windows before a replay that its start is learnt from: four weeks of quarters of an hour."""


@dataclass(frozen=True, slots=True)
class Past:
    profiles: dict[Window, list[Profile]] = field(default_factory=dict)
    """By window, oldest first, from long before the replay on."""
    baselines: Mapping[int, Baseline] = field(default_factory=dict)
    """By id."""
    read_until: datetime | None = None
    """Up to here, a window without a profile had no traffic."""
    changes: Sequence[tuple[datetime, Shares]] = ()
    """When what is served was seen to have changed, and to what."""
    cohorts: Sequence[Cohort] = ()
    """By these rules, as each was counted last, the first counted first."""
    restraints: Sequence[Restraint] = ()
    verdicts: Sequence[VersionVerdict] = ()
    state: EndpointState | None = None
    """What was served last."""
    known: Memory | None = None
    """What a look of today would go by: to tell which version answered what has to be read."""

    def keeps(self, window: Window) -> bool:
        """Tell whether the store knows all about the window."""
        if not self.profiles:
            return False
        first, last = next(iter(self.profiles)), next(reversed(self.profiles))
        return first.start <= window.start and window.end <= max(last.end, self.read_until or last.end)


def past_of(store: Store, settings: EndpointSettings, since: datetime, until: datetime) -> Past:
    """Read the record of the stretch `[since, until)`, and what was before it."""
    name, length = settings.name, settings.watch.window
    with store.read() as tx:
        known = {b.id: b for b in baselines.all_of(tx, name) if b.id is not None}
        held: dict[Window, list[Profile]] = {}
        early = since - LEARNT_FROM * length
        for one in profiles.between(tx, name, early, until, length=length, known=known):
            held.setdefault(one.window, []).append(one)
        state = endpoints.last_state(tx, name)
        found = Past(
            profiles=held,
            baselines=known,
            read_until=endpoints.watermark(tx, name),
            changes=_changes(tx, settings, state, until),
            cohorts=cohorts.until(tx, name, subject(settings.labels), until),
            restraints=restraints.between(tx, name, since, until),
            verdicts=verdicts.record(tx, name),
            state=state,
        )
    served = found.state or EndpointState(name, 0, (), True, Update.NONE)
    return replace(found, known=recall(store, settings, served, now=until))


def _changes(
    tx: Tx, settings: EndpointSettings, state: EndpointState | None, until: datetime
) -> list[tuple[datetime, Shares]]:
    """Return the changes on record. What an older daemon wrote down names no shares, and is left out."""
    found = []
    for event in events.of_kind(tx, "endpoint.changed", settings.name, until=until):
        served = event.numbers.get("serves")
        if isinstance(served, list):
            found.append((event.at, {int(v): int(p) for model, v, p in served if model == settings.model}))
    now = endpoints.changed_at(tx, settings.name)
    if state is not None and now is not None and now < until and now not in {when for when, _ in found}:
        found.append((now, {e.version: e.percent for e in state.served if e.model == settings.model}))
    return sorted(found, key=lambda change: change[0])
