"""What the invariants remember of a run: who did what, and what people did meanwhile."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from daemon.domain.remediation import Remediation, Remedy, Step
from daemon.domain.restraint import RestraintKind
from daemon.domain.states import IN_FLIGHT, PLANNED
from daemon.store import remediations
from tests.fakes import Effect
from tests.machine.fleet import Fleet
from tests.machine.site import Site


class BrokenError(AssertionError):
    """An invariant does not hold."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One change of the world, and the step of the journal that announced it."""

    effect: Effect
    site: Site
    one: Remediation
    step: Step


@dataclass
class Book:
    fleet: Fleet
    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Effects of each step."""
    owners: dict[str, list[str]] = field(default_factory=dict)
    """Per endpoint: the remediations that changed something, in order."""
    overruled: dict[str, str] = field(default_factory=dict)
    """Remediations whose world a person has changed -> what he did."""
    forbidden: dict[tuple[RestraintKind, str], datetime | None] = field(default_factory=dict)
    """What people forbade and did not allow again -> until when, in true time."""
    verifying: dict[str, datetime] = field(default_factory=dict)
    """When each began to be verified, in true time."""
    began: dict[str, datetime] = field(default_factory=dict)
    """When each was let loose, in true time."""
    asked: set[str] = field(default_factory=set)
    """Remediations that have waited for a person's word."""
    touched: dict[str, datetime] = field(default_factory=dict)
    """Per endpoint: when a person last deployed or released something there, in true time."""
    to_end: set[str] = field(default_factory=set)
    """What was open when everything began to be fair."""
    repeats: int = 0
    """Times that a message may have gone out twice: the process died, or its write was refused, in between."""
    meanwhile: bool = False
    """Something happens while a call is on its way: it cannot be stopped any more."""

    def deed(self, effect: Effect) -> Deed:
        """Find the step that announced an effect. There must be one: it was written down before the call."""
        site = self._site(effect)
        with self.fleet.eyes.read() as tx:
            for one in remediations.opened(tx, site.name):
                if one.state in IN_FLIGHT:
                    for step in remediations.steps(tx, one.id):
                        if step.unanswered:
                            return Deed(effect, site, one, step)
        raise BrokenError(f"I3: {effect} without an intent before it")

    def first(self, deed: Deed) -> bool:
        """Tell whether a remediation has done nothing before this."""
        return sum(times for (name, _), times in self.done.items() if name == deed.one.id) <= 1

    def overrule(self, site: Site, what: str) -> None:
        """Note that a person changed what plans were made for."""
        self.touched[site.name] = self.fleet.true
        for one in self.fleet.opened(site.name):
            if one.state in PLANNED and one.remedy in (Remedy.PROMOTE, Remedy.ROLLBACK) and one.plan:
                self.overruled.setdefault(one.id, what)

    def in_force(self, site: Site) -> Mapping[tuple[RestraintKind, str], datetime | None]:
        """Return what stops everything on an endpoint, whatever the daemon's clock says."""
        return {
            (kind, where): until
            for (kind, where), until in self.forbidden.items()
            if where in ("", site.name) and (until is None or until > self.fleet.true)
        }

    def _site(self, effect: Effect) -> Site:
        subject = effect.subject.rpartition("/")[0] or effect.subject
        sites = self.fleet.sites.values()
        return next(s for s in sites if subject in (s.name, s.model, str(s.settings.retrain.job_id)))
