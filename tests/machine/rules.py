"""The rules of the machine: what traffic, people, the workspace, the process and the clock may do, in any order."""

import shutil
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from daemon.config.remedies import Budget, Modes, Promote
from daemon.domain.remediation import IN_FLIGHT, Mode, Standing, State
from daemon.domain.restraint import RestraintKind
from daemon.ports import PlatformError
from tests.machine.fleet import APPROVE, AUTO, HOUR, OBSERVE
from tests.machine.play import Play
from tests.machine.site import RATE, SHIFT, Mood, Site
from tests.machine.tally import Tally
from tests.watch.traffic import SETTLE

CALLS = ["serving.state", "serving.update", "registry.set_alias", "jobs.start", "registry.set_tag"]
EFFECTS = ["update", "set_alias", "start", "set_tag", "send"]
OFTEN = {
    "time_passes": 8,
    "drift_begins": 5,
    "a_bad_version_is_deployed": 4,
    "a_person_deploys_under_way": 2,
    "something_is_stopped_under_way": 3,
    "the_configuration_is_reloaded": 2,
    "a_person_answers": 2,
}
"""How many times as often as others: what they begin are the stories that everything else falls into."""
SIZES = [1, 1, 1, 2, 2, 3, 5]


class Machine(RuleBasedStateMachine):
    """Full stories are rules of their own, so that faults fall into the middle of them."""

    tally: ClassVar[Tally] = Tally()
    new_url: ClassVar[Callable[[], str] | None] = None
    """Makes a database; where nothing is said, each example has a SQLite file."""
    template: ClassVar[Path | None] = None
    play: Play

    def __init__(self) -> None:
        super().__init__()
        # Hypothesis leaves half of the rules out of each example; then most examples have no whole story in them
        chooser = self._rules_strategy
        often = [one for one in chooser.rules for _ in range(OFTEN.get(one.function.__name__, 1))]
        # the first is what Hypothesis falls back on
        often.sort(key=lambda one: one.function.__name__ != "drift_begins")
        chooser._enabled_rules_strategy = st.sampled_from(often).filter(chooser.is_valid)

    @initialize(size=st.sampled_from(SIZES), daemons=st.sampled_from([1, 1, 2]), looks=st.sampled_from([1, 2, 2, 5]))
    def begin(self, size: int, daemons: int, looks: int) -> None:
        shm = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(prefix="machine-", dir=shm if shm.is_dir() else None))
        self.play = Play(self.folder, self._url(), size=size, daemons=daemons)
        self.play.fleet.serving.looks = looks
        self.tally.add("example")

    def _url(self) -> str:
        make = type(self).new_url
        if make is not None:
            return make()
        file = self.folder / "mlsteward.db"
        if self.template is not None:
            shutil.copy(self.template, file)
        return f"sqlite:///{file}"

    # ---- traffic ----

    @rule(windows=st.integers(1, 3))
    def time_passes(self, windows: int) -> None:
        self._did("time passes")
        self.play.live(windows)

    @rule(which=st.integers(0, 4))
    def drift_begins(self, which: int) -> None:
        self._did("drift begins")
        self._drift(self._site(which))
        self.play.live(3)

    @rule(which=st.integers(0, 4), windows=st.integers(6, 12))
    def drift_is_lived_with(self, which: int, windows: int) -> None:
        """A retraining and its promotion take so long."""
        self._did("drift for hours")
        self._drift(self._site(which))
        self.play.live(windows)

    @rule(which=st.integers(0, 4), windows=st.integers(2, 4))
    def a_bad_version_is_deployed(self, which: int, windows: int) -> None:
        self._did("bad release")
        self.play.people.release_version(self._site(which).name, sick=True)
        self.play.live(windows)

    @rule(which=st.integers(0, 4))
    def a_good_version_is_deployed(self, which: int) -> None:
        self._did("good release")
        self.play.people.release_version(self._site(which).name, sick=False)
        self.play.live(3)

    @rule(which=st.integers(0, 4), sick=st.booleans())
    def a_good_version_turns(self, which: int, sick: bool) -> None:
        """What served well fails from now on, or the other way round."""
        self._did("version turns")
        site = self._site(which)
        main = max(self.play.fleet.serving.serves(site.name).items(), key=lambda one: one[1])[0]
        (site.sick.add if sick else site.sick.discard)(main)
        self.play.live(2)

    @rule(which=st.integers(0, 4), how=st.sampled_from(["sick", "nothing", "failure", "hangs"]))
    def the_next_training_goes_wrong(self, which: int, how: str) -> None:
        self._did(f"training: {how}")
        self._site(which).training(how)

    @rule(many=st.integers(2, 5), windows=st.integers(2, 4), back=st.booleans())
    def the_platform_is_ill(self, many: int, windows: int, back: bool) -> None:
        self._did("platform ill")
        for site in list(self.play.fleet.sites.values())[:many]:
            site.mood.ill = True
        self.play.live(windows)
        for site in self.play.fleet.sites.values():
            site.mood.ill = site.mood.ill and not back

    @rule(which=st.integers(0, 4), rate=st.sampled_from([0, 0, 2, 5]), windows=st.integers(1, 6))
    def traffic_is_thin(self, which: int, rate: int, windows: int) -> None:
        self._did("thin or no traffic")
        site = self._site(which)
        site.mood.rate = rate
        self.play.live(windows)
        site.mood.rate = RATE

    @rule(which=st.integers(0, 4), windows=st.integers(1, 5))
    def the_data_is_broken(self, which: int, windows: int) -> None:
        self._did("broken data")
        site = self._site(which)
        site.mood.nulls = 0.5
        self.play.live(windows)
        site.mood.nulls = 0.0

    @rule(which=st.integers(0, 4))
    def all_is_well_again(self, which: int) -> None:
        self._did("well again")
        site = self._site(which)
        site.mood = Mood(shift=max(site.shifts.get(v, 0.0) for v in self.play.fleet.serving.serves(site.name)))
        self.play.live(3)

    # ---- the loops, in any order ----

    @rule(what=st.lists(st.tuples(st.sampled_from("lsoth"), st.integers(0, 4), st.integers(0, 1)), max_size=8))
    def loops_go_round_in_any_order(self, what: list[tuple[str, int, int]]) -> None:
        self._did("loops in any order")
        fleet = self.play.fleet
        for letter, which, twin in what:
            name, daemon = self._site(which).name, fleet.daemons[twin % len(fleet.daemons)]
            if letter in "ls":
                (fleet.look if letter == "l" else fleet.step)(name, daemon)
            elif letter == "h":
                fleet.housekeep(name, daemon)
            else:
                (fleet.oversee if letter == "o" else fleet.tell)(daemon)
            self.play.holds()

    @rule(which=st.integers(0, 4), windows=st.integers(0, 3))
    def housekeeping_is_done(self, which: int, windows: int) -> None:
        self._did("housekeeping")
        self.play.fleet.housekeep(self._site(which).name)
        self.play.live(windows)

    # ---- what goes wrong ----

    @rule(after=st.integers(1, 3), windows=st.integers(0, 3))
    def the_process_dies_after_an_effect(self, after: int, windows: int) -> None:
        self._did("dies after an effect")
        ledger = self.play.fleet.ledger
        ledger.crash_after = len(ledger.effects) + after
        self.play.live(windows)

    @rule(after=st.integers(1, 12), windows=st.integers(0, 2), twin=st.integers(0, 1))
    def the_process_dies_after_a_write(self, after: int, windows: int, twin: int) -> None:
        self._did("dies after a write")
        faults = self._daemon(twin).store.faults
        faults.crash_after = frozenset({faults.begun + after})
        self.play.book.repeats += 1
        self.play.live(windows)

    @rule(after=st.integers(1, 12), windows=st.integers(0, 2), twin=st.integers(0, 1))
    def a_write_is_refused(self, after: int, windows: int, twin: int) -> None:
        self._did("write refused")
        faults = self._daemon(twin).store.faults
        faults.refuse = frozenset({faults.begun + after})
        self.play.book.repeats += 1
        self.play.live(windows)

    @rule(call=st.sampled_from(EFFECTS), windows=st.integers(0, 3))
    def an_answer_is_lost(self, call: str, windows: int) -> None:
        self._did("answer lost")
        self._door(call).lose_reply(call)
        self.play.book.repeats += call == "send"
        self.play.live(windows)

    @rule(
        door=st.sampled_from(["serving", "registry", "jobs", "log", "channel"]),
        times=st.sampled_from([1, 2, 5, 40]),
        permanent=st.sampled_from([False, False, False, True]),
        windows=st.integers(0, 3),
    )
    def the_workspace_fails(self, door: str, times: int, permanent: bool, windows: int) -> None:
        self._did("workspace fails")
        fleet = self.play.fleet
        error = PlatformError("403" if permanent else "503", permanent=permanent)
        (self._site(0).log if door == "log" else getattr(fleet, door)).fail_next(error, times=times)
        self.play.live(windows)

    @rule(which=st.integers(0, 4), windows=st.integers(1, 6))
    def the_source_is_down(self, which: int, windows: int) -> None:
        self._did("source down")
        log = self._site(which).log
        log.missing = True
        self.play.live(windows)
        log.missing = False

    @rule(which=st.integers(0, 4), hangs=st.booleans(), windows=st.integers(1, 4))
    def the_next_update_fails_or_hangs(self, which: int, hangs: bool, windows: int) -> None:
        self._did("update hangs" if hangs else "update fails")
        serving, site = self.play.fleet.serving, self._site(which)
        if hangs:
            serving.looks = None
        else:
            serving.fail_update(site.name)
        self.play.live(windows)
        serving.looks = 2

    @rule(which=st.integers(0, 4))
    def what_hangs_goes_on(self, which: int) -> None:
        if self.play.fleet.serving.updating(self._site(which).name):
            self._did("hanging update ends")
            self.play.fleet.serving.complete(self._site(which).name)

    # ---- people ----

    @precondition(lambda self: self._in_flight())
    @rule(which=st.integers(0, 4), what=st.sampled_from(["again", "other", "split"]), alias=st.booleans())
    def a_person_deploys_under_way(self, which: int, what: str, alias: bool) -> None:
        self._did("person deploys under way")
        self._deploy(self._in_flight()[which % len(self._in_flight())], what, alias=alias)
        self.play.live(1)

    @precondition(lambda self: self._in_flight())
    @rule(which=st.integers(0, 4), version=st.integers(1, 3), windows=st.integers(0, 2))
    def a_person_moves_the_alias(self, which: int, version: int, windows: int) -> None:
        self._did("person moves the alias")
        self.play.people.point(self._in_flight()[which % len(self._in_flight())], self._version(which, version))
        self.play.live(windows)

    @rule(which=st.integers(0, 4), version=st.integers(1, 9))
    def a_person_keeps_a_version(self, which: int, version: int) -> None:
        self._did("person keeps")
        name = self._site(which).name
        known = [v.version for v in self.play.fleet.registry.known(self._site(which).model)]
        self.play.people.keep(name, known[version % len(known)])

    @rule(which=st.integers(0, 4))
    def a_person_cancels_the_training(self, which: int) -> None:
        if self.play.people.cancel_run(self._site(which).name):
            self._did("person cancels the training")
            self.play.live(1)

    @rule(granted=st.sampled_from([True, True, False]), stale=st.sampled_from([False, False, False, True]))
    def a_person_answers(self, granted: bool, stale: bool) -> None:
        waiting = [r for r in self.play.fleet.opened() if r.state is State.AWAITING_APPROVAL]
        for one in waiting[:1]:
            self._did("person answers")
            self.play.people.answer(one, granted=granted, plan_hash="0" * 64 if stale else None)
            self.play.live(1)

    @rule(
        kind=st.sampled_from([k for k in RestraintKind if k is not RestraintKind.STORM]),
        which=st.integers(-1, 4),
        hours=st.sampled_from([None, 1, 3]),
        windows=st.integers(1, 4),
        lifted=st.sampled_from([True, True, True, False]),
    )
    def a_person_forbids(self, kind: RestraintKind, which: int, hours: int | None, windows: int, lifted: bool) -> None:
        self._did("person forbids")
        where = "" if which < 0 else self._site(which).name
        self.play.people.forbid(kind, where, lasts=None if hours is None else hours * HOUR)
        self.play.live(windows)
        if lifted:
            self.play.people.allow(kind, where)

    @precondition(lambda self: self._in_flight())
    @rule(
        kind=st.sampled_from([RestraintKind.KILL, RestraintKind.PAUSE, RestraintKind.HOLD]),
        everywhere=st.booleans(),
        windows=st.integers(1, 3),
    )
    def something_is_stopped_under_way(self, kind: RestraintKind, everywhere: bool, windows: int) -> None:
        self._did("stopped under way")
        where = "" if everywhere else self._in_flight()[0]
        self.play.people.forbid(kind, where)
        self.play.live(windows)
        self.play.people.allow(kind, where)
        self.play.live(1)

    @rule(windows=st.integers(1, 4))
    def the_kill_switch_is_a_file(self, windows: int) -> None:
        self._did("kill file")
        self.play.people.pull()
        self.play.live(windows)
        self.play.people.push()

    @rule(which=st.integers(0, 4))
    def a_person_releases(self, which: int) -> None:
        self._did("person releases")
        self.play.people.release(self._site(which).name)
        self.play.live(1)

    # ---- configuration, clock and twins ----

    @rule(
        which=st.integers(0, 4),
        modes=st.sampled_from([AUTO, AUTO, AUTO, APPROVE, OBSERVE, Modes(retrain=Mode.AUTO, promote=Mode.APPROVE)]),
        budget=st.sampled_from([8, 8, 1]),
        canary=st.sampled_from([(50,), (50,), ()]),
        standby=st.sampled_from([True, True, False]),
        windows=st.integers(0, 3),
    )
    def the_configuration_is_reloaded(
        self, which: int, modes: Modes, budget: int, canary: tuple[int, ...], standby: bool, windows: int
    ) -> None:
        self._did("reload")
        site = self._site(which)
        promote = {**dict(site.settings.promote), "canary": canary, "standby": standby}
        self.play.fleet.change(
            site.name, mode=modes, budget=Budget(per_day=budget), promote=Promote.model_validate(promote)
        )
        self.play.live(windows)

    @rule(hours=st.sampled_from([-24, -24, -1, 1, 24, 24]))
    def the_clock_jumps(self, hours: int) -> None:
        """I18: by itself it begins nothing and judges nobody. Backing out on time is not beginning.

        An hour ahead, windows that are under way are taken for closed: what is seen in them is true, so what follows
        from it is held against the evidence (I5) only.
        """
        self._did("clock jumps")
        play = self.play
        if play.fleet.skew:
            play.fleet.skew = timedelta()
            play.round()
            return
        play.round()
        before = self._judged(), self._begun()
        play.fleet.skew = hours * HOUR
        play.round()
        after = self._judged(), self._begun()
        assert before == after or abs(hours) < 24, f"I18: a clock that jumped {hours} h changed {before} to {after}"

    @precondition(lambda self: self.play.fleet.skew)
    @rule()
    def the_clock_is_put_right(self) -> None:
        self._did("clock put right")
        self.play.fleet.skew = timedelta()
        self.play.live(1)

    @precondition(lambda self: len(self.play.fleet.daemons) > 1)
    @rule(leads=st.integers(0, 2), windows=st.integers(0, 2))
    def another_daemon_leads(self, leads: int, windows: int) -> None:
        """Or both believe that they do (2)."""
        self._did("take-over")
        for n, daemon in enumerate(self.play.fleet.daemons):
            daemon.follows = "" if leads in (n, 2) else "another daemon leads"
        self.play.live(windows)

    @rule(
        call=st.sampled_from(CALLS),
        after=st.integers(0, 2),
        what=st.sampled_from(["look", "step", "kill", "deploy", "alias", "sweep"]),
        which=st.integers(0, 4),
        windows=st.integers(1, 3),
    )
    def something_happens_while_a_call_is_on_its_way(
        self, call: str, after: int, what: str, which: int, windows: int
    ) -> None:
        self._did(f"meanwhile: {what}")
        self.play.meanwhile(call, lambda: self._meanwhile(what, which), after=after)
        self.play.live(windows)
        self.play.fleet.ledger.meanwhile, self.play.book.meanwhile = None, False

    def _meanwhile(self, what: str, which: int) -> None:
        play, name = self.play, self._site(which).name
        deeds: dict[str, Callable[[], object]] = {
            "look": lambda: play.fleet.look(name),
            "step": self._take_over,
            "kill": lambda: play.people.forbid(RestraintKind.KILL, name, lasts=HOUR),
            "deploy": lambda: self._deploy(name, "other", alias=True),
            "alias": lambda: play.people.point(name, self._version(which, 1)),
            "sweep": play.fleet.oversee,
        }
        deeds[what]()

    def _take_over(self) -> None:
        """The one whose call is on its way was stopped for so long that another leads; its request is not let out."""
        fleet = self.play.fleet
        twin = next((it for it in fleet.daemons if it is not fleet.acting), None)
        if twin is None:
            return
        fleet.acting.follows, twin.follows = "another daemon leads", ""
        for name in fleet.sites:
            fleet.step(name, twin)
        fleet.true += SETTLE
        for name in fleet.sites:
            fleet.step(name, twin)

    @invariant()
    def what_must_always_hold(self) -> None:
        if hasattr(self, "play"):
            self.play.holds()

    def teardown(self) -> None:
        if not hasattr(self, "play"):
            return
        try:
            self.play.end()
        finally:
            self.tally.update(self.play.fleet.tally)
            self.tally.add("seconds of the fleet's time", int((self.play.fleet.true - self.play.began).total_seconds()))
            self.play.fleet.close()
            shutil.rmtree(self.folder)

    def _did(self, name: str) -> None:
        self.tally.add(f"rule {name}")

    def _site(self, which: int) -> Any:
        sites = list(self.play.fleet.sites.values())
        return sites[which % len(sites)]

    def _daemon(self, n: int) -> Any:
        return self.play.fleet.daemons[n % len(self.play.fleet.daemons)]

    def _door(self, call: str) -> Any:
        fleet = self.play.fleet
        doors = {"update": fleet.serving, "start": fleet.jobs, "send": fleet.channel}
        return doors.get(call, fleet.registry)

    def _in_flight(self) -> list[str]:
        return sorted({r.endpoint for r in self.play.fleet.opened() if r.state in IN_FLIGHT})

    def _version(self, which: int, n: int) -> int:
        known = [v.version for v in self.play.fleet.registry.known(self._site(which).model)]
        return known[n % len(known)]

    def _deploy(self, name: str, what: str, *, alias: bool) -> None:
        fleet = self.play.fleet
        known = [v.version for v in fleet.registry.known(fleet.sites[name].model)]
        serves = dict(fleet.serving.serves(name))
        wanted = {
            "again": serves,
            "other": {known[0]: 100},
            "split": {known[0]: 40, known[-1]: 60} if len(known) > 1 else serves,
        }[what]
        main = max(wanted.items(), key=lambda one: one[1])[0]
        self.play.people.deploy(name, wanted, alias=main if alias else None)

    def _drift(self, site: Site) -> None:
        """Let come in what the version in charge was not trained on."""
        main = max(self.play.fleet.serving.serves(site.name).items(), key=lambda one: one[1])[0]
        site.mood.shift = SHIFT - site.shifts.get(main, 0.0)

    def _judged(self) -> set[tuple[str, int, Standing]]:
        fleet = self.play.fleet
        return {(n, v.version, v.standing) for n in fleet.sites for v in fleet.standings(n)}

    def _begun(self) -> set[str]:
        return {one.id for one in self.play.fleet.history() if one.began_at}
