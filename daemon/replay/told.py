"""What came of the looks, gathered as they go by: stretches of trouble, and decisions where they change."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from daemon.domain.decision import Action, Decision
from daemon.domain.finding import Verdict
from daemon.domain.trail import BELIEVED, Trail
from daemon.replay.outcome import Decided, Episode
from daemon.watch.cycle import Look


class Told:
    def __init__(self) -> None:
        self.episodes: list[Episode] = []
        self.decisions: list[Decided] = []
        self.alarms = self.answers = 0
        self._running: dict[str, Episode] = {}
        self._last: Decision | None = None

    def hear(self, look: Look, now: datetime, *, counts: bool) -> None:
        """Take in one look; one that does not count only says what was there at the beginning."""
        self._follow({t.last.id: t for of in look.trails.values() for t in of.values()}, now)
        if not counts:
            return
        self.answers += sum(f.verdict is not Verdict.NO_DATA for f in look.findings)
        decision, before = look.decision, self._last
        if before is None or _kind(decision) != _kind(before):
            self.decisions.append(Decided(now, str(decision.action), str(decision.because), decision.sentence))
            calm = before is None or before.action is Action.NOTHING
            self.alarms += decision.action is not Action.NOTHING and calm
        self._last = decision

    def all_episodes(self, since: datetime) -> list[Episode]:
        """Return every stretch of trouble that was not over by then."""
        over = [e for e in self.episodes if e.over_at is not None and e.over_at >= since]
        return sorted([*over, *self._running.values()], key=lambda e: (e.believed_at, e.id))

    def _follow(self, trails: Mapping[str, Trail], now: datetime) -> None:
        for name in [name for name in self._running if name not in trails or trails[name].phase not in BELIEVED]:
            self.episodes.append(replace(self._running.pop(name), over_at=now))
        for name, trail in trails.items():
            if trail.phase in BELIEVED:
                running = self._running.get(name)
                if running is None:
                    cause = str(trail.last.check.cause)
                    self._running[name] = Episode(name, cause, trail.since, now, None, trail.last)
                elif (trail.last.bound or 0.0) > (running.worst.bound or 0.0):
                    self._running[name] = replace(running, worst=trail.last)


def _kind(decision: Decision) -> tuple[object, ...]:
    return decision.action, decision.because, decision.remedy, decision.version, decision.target
