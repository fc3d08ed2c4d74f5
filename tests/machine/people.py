"""What people do by hand, noted in the book: deploy, approve, forbid, allow, object."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial

from daemon.domain.person import Refused, Who
from daemon.domain.registry import RunState
from daemon.domain.remediation import Remediation, State
from daemon.domain.restraint import RestraintKind
from daemon.remediate.people import release, restrain
from daemon.remediate.people.answer import answer
from daemon.remediate.stale import KEEP, MARKED
from daemon.store.engine import Tx
from tests.machine.invariants.book import Book


class People:
    def __init__(self, book: Book) -> None:
        self.book, self.fleet = book, book.fleet

    def deploy(self, name: str, traffic: Mapping[int, int], *, alias: int | None = None) -> None:
        """Set traffic by hand, and with it the alias, where the person is a tidy one."""
        site = self.fleet.sites[name]
        if self.fleet.serving.brings(name) == dict(traffic):
            # who deploys what is on its way agrees with it: nobody can tell whose update brought it
            self.book.touched[name] = self.fleet.true
        else:
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
        within = self.fleet.sites[one.endpoint].settings.approve.within
        said = self._do(
            lambda tx: answer(tx, one, self._who, granted=granted, within=within, plan=plan_hash or one.plan_hash)
        )
        if said:
            self.fleet.tally.add(f"person said {'yes' if granted else 'no'}")
        return said

    def forbid(self, kind: RestraintKind, where: str = "", *, lasts: timedelta | None = None) -> None:
        until = None if lasts is None else self.fleet.now + lasts
        self._do(lambda tx: restrain.impose(tx, kind, where, self._who, until=until))
        if kind.stops_what_runs:
            before = self.book.forbidden.get((kind, where), self.fleet.true)
            ends = None if lasts is None or before is None else max(before, self.fleet.true + lasts)
            self.book.forbidden[kind, where] = ends
        self.fleet.tally.add(f"person imposed {kind}")

    def allow(self, kind: RestraintKind, where: str = "") -> None:
        """Lift what was imposed there, if it is still in force."""
        self._do(lambda tx: restrain.lift(tx, [kind], where, self._who, verb="lift"))
        self.book.forbidden.pop((kind, where), None)

    def release(self, name: str) -> None:
        """Look at what needs a person, and at what was changed by hand, and hand the endpoint back."""
        for one in self.fleet.opened(name):
            if one.state is State.NEEDS_HUMAN and self._do(partial(self._end, one=one)):
                self.fleet.tally.add("person released")
        self.allow(RestraintKind.HOLD, name)
        self.book.touched[name] = self.fleet.true

    def pull(self) -> None:
        """Pull the kill switch that works without a database."""
        self.fleet.safety.kill_file.touch()
        self.fleet.tally.add("person pulled the kill switch")

    def push(self) -> None:
        self.fleet.safety.kill_file.unlink(missing_ok=True)

    @property
    def _who(self) -> Who:
        return Who("ann", "so told", self.fleet.now)

    def _end(self, tx: Tx, one: Remediation) -> object:
        return release.end(tx, one, self._who)

    def _do(self, deed: Callable[[Tx], object]) -> bool:
        """Do what a command does. Return False where it is refused."""
        try:
            with self.fleet.eyes.begin() as tx:
                deed(tx)
        except Refused:
            return False
        self.fleet.observe()
        return True
