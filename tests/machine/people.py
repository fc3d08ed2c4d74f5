"""What people do by hand, noted in the book: deploy, approve, forbid, allow, object."""

from collections.abc import Mapping
from datetime import timedelta

from daemon.domain.registry import RunState
from daemon.domain.remediation import Approval, Remediation, State
from daemon.domain.restraint import Restraint, RestraintKind
from daemon.remediate.circumstances import PLAN
from daemon.remediate.moves import move
from daemon.remediate.stale import KEEP, MARKED
from daemon.store import approvals, remediations, restraints
from tests.machine.invariants.book import Book

ANN = "ann"


class People:
    def __init__(self, book: Book) -> None:
        self.book, self.fleet = book, book.fleet

    def deploy(self, name: str, traffic: Mapping[int, int], *, alias: int | None = None) -> None:
        """Set traffic by hand, and with it the alias, where the person is a tidy one."""
        site = self.fleet.sites[name]
        self.book.overrule(site, f"a deployment of {dict(traffic)}")
        self.fleet.tally.add("person deployed")
        self.fleet.serving.deploy(name, traffic)
        if alias is not None:
            self.fleet.registry.point(site.model, "champion", alias)
        self.fleet.observe()

    def release_version(self, name: str, *, sick: bool) -> int:
        """Register a version and deploy it, as after any training by hand."""
        site = self.fleet.sites[name]
        version = site.register(self.fleet.true, sick=sick)
        self.deploy(name, {version: 100}, alias=version)
        return version

    def point(self, name: str, version: int) -> None:
        """Move the alias by hand."""
        site = self.fleet.sites[name]
        if self.fleet.registry.points(site.model, "champion") == version:
            return
        self.book.overrule(site, f"the alias was pointed at {version}")
        self.fleet.tally.add("person moved the alias")
        self.fleet.registry.point(site.model, "champion", version)

    def keep(self, name: str, version: int) -> None:
        self.fleet.registry.tag(self.fleet.sites[name].model, version, MARKED, KEEP)
        self.fleet.tally.add("person kept a version")

    def cancel_run(self, name: str) -> bool:
        """Cancel the endpoint's newest training, if one runs."""
        job = self.fleet.sites[name].settings.retrain.job_id
        running = [n for n, r in self.fleet.jobs.runs.items() if r.job_id == job and not r.states[0].ended]
        if running:
            self.fleet.jobs.finish(running[-1], RunState.CANCELLED, message="by hand")
            self.fleet.tally.add("person cancelled a run")
        return bool(running)

    def answer(self, one: Remediation, *, granted: bool, plan_hash: str | None = None) -> bool:
        """Say yes or no to a plan, by the hash of what was read; the first word counts."""
        word = Approval(one.id, PLAN, plan_hash or one.plan_hash, granted, ANN, "looked at it", self.fleet.now)
        with self.fleet.eyes.begin() as tx:
            found = remediations.get(tx, one.id)
            if found is None or found.state is not State.AWAITING_APPROVAL or not approvals.answer(tx, word):
                return False
            to = State.APPROVED if granted else State.REJECTED
            move(tx, found, to, f"{ANN} said {'yes' if granted else 'no'}", now=self.fleet.now)
        self.fleet.tally.add(f"person said {'yes' if granted else 'no'}")
        self.fleet.observe()
        return True

    def forbid(self, kind: RestraintKind, where: str = "", *, lasts: timedelta | None = None) -> None:
        until = None if lasts is None else self.fleet.now + lasts
        with self.fleet.eyes.begin() as tx:
            restraints.impose(tx, Restraint(kind, where, ANN, "so told", self.fleet.now, until))
        if kind.stops_what_runs:
            before = self.book.forbidden.get((kind, where), self.fleet.true)
            ends = None if lasts is None or before is None else max(before, self.fleet.true + lasts)
            self.book.forbidden[kind, where] = ends
        self.fleet.tally.add(f"person imposed {kind}")

    def allow(self, kind: RestraintKind, where: str = "") -> None:
        with self.fleet.eyes.begin() as tx:
            restraints.lift(tx, [kind], where, by=ANN, now=self.fleet.now)
        self.book.forbidden.pop((kind, where), None)

    def release(self, name: str) -> None:
        """Look at what needs a person, and at what was changed by hand, and hand the endpoint back."""
        with self.fleet.eyes.begin() as tx:
            for one in remediations.opened(tx, name):
                if one.state is State.NEEDS_HUMAN:
                    move(tx, one, State.CANCELLED, f"released by {ANN}", now=self.fleet.now)
                    self.fleet.tally.add("person released")
        self.allow(RestraintKind.HOLD, name)
        self.book.touched[name] = self.fleet.true
        self.fleet.observe()

    def pull(self) -> None:
        """Pull the kill switch that works without a database."""
        self.fleet.safety.kill_file.touch()
        self.fleet.tally.add("person pulled the kill switch")

    def push(self) -> None:
        self.fleet.safety.kill_file.unlink(missing_ok=True)
