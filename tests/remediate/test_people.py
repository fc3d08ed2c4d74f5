"""What people do to remediations and restraints: the first word counts, and for the plan it was given on."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from daemon.config.remedies import Promote
from daemon.domain.person import Done, Refused, Unknown, Who
from daemon.domain.remediation import Mode, Remediation, Remedy, Standing, State, VersionVerdict
from daemon.domain.restraint import RestraintKind
from daemon.remediate.frozen import rules as frozen_rules
from daemon.remediate.people import answer, kill, plan, release, restrain
from daemon.remediate.switch import kill_switch
from daemon.store import approvals, events, remediations, restraints, verdicts
from daemon.store.engine import Store, StoreError
from tests.remediate.conftest import Tell
from tests.remediate.stories import ENDPOINT, MODEL, Story
from tests.remediate.test_rollback import bad_release
from tests.remediate.test_weigh import BEGIN, moded
from tests.remediate.waiting import NOW, asking, proposed, rules, waiting

DAY = timedelta(hours=24)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Store:
    opened: Store = request.getfixturevalue(f"{request.param}_store")
    return opened


def who(at: datetime = NOW, by: str = "ada") -> Who:
    return Who(by, "looked at it", at)


def word(store: Store, one: Remediation, *, granted: bool = True, by: str = "ada", **about: object) -> Done:
    """Answer, as the command line would."""
    at = about.pop("at", NOW)
    assert isinstance(at, datetime)
    with store.begin() as tx:
        found = answer.found(tx, one.id)
        said: dict[str, object] = {"granted": granted, "within": DAY, **about}
        return answer.answer(tx, found, who(at, by), **said)  # type: ignore[arg-type]


def now_is(store: Store, one: Remediation) -> State:
    with store.read() as tx:
        found = remediations.get(tx, one.id)
    assert found
    return found.state


def kinds(store: Store, begins: str = "") -> list[str]:
    with store.read() as tx:
        return [e.kind for e in events.history(tx, limit=50) if e.kind.startswith(begins)]


def test_a_yes_to_the_plan_approves_it_and_says_what_happens_next(store: Store) -> None:
    one = waiting(store)
    done = word(store, one)
    assert now_is(store, one) is State.APPROVED
    assert done.sentence == (
        "rollback 260301-120000-abcde of flights is approved: it begins at the next round, if every guard still lets"
        " it; what has not begun by 2026-03-02 12:00:00 UTC is dropped"
    )
    with store.read() as tx:
        given = approvals.of(tx, one.id)["plan"]
    assert (given.granted, given.by, given.plan_hash) == (True, "ada", one.plan_hash)
    assert kinds(store, "person") == ["person.approve"]


def test_a_no_ends_it(store: Store) -> None:
    one = waiting(store)
    done = word(store, one, granted=False)
    assert now_is(store, one) is State.REJECTED
    assert done.sentence.endswith("is rejected: nothing is done, and version 3 goes on serving")


@pytest.mark.parametrize("second", [True, False])
def test_the_first_word_counts(store: Store, second: bool) -> None:
    one = waiting(store)
    word(store, one, granted=False)
    with pytest.raises(Refused, match=r"was answered before: ada said no at 2026-03-01 12:00:00 UTC \(looked at it\)"):
        word(store, one, granted=second, by="bob")
    assert now_is(store, one) is State.REJECTED
    assert kinds(store, "person") == ["person.reject"]


def test_a_word_that_comes_too_late_is_none(store: Store) -> None:
    one = waiting(store)
    with pytest.raises(Refused, match="the time for an answer ended at 2026-03-02 12:00:00 UTC"):
        word(store, one, at=NOW + DAY + timedelta(seconds=1))
    word(store, one, at=NOW + DAY)
    assert now_is(store, one) is State.APPROVED


@pytest.mark.parametrize("hash_", ["0" * 64, "0" * 8])
def test_a_word_on_another_plan_is_none(store: Store, hash_: str) -> None:
    one = waiting(store)
    with pytest.raises(Refused, match="that is not its plan"):
        word(store, one, plan=hash_)
    assert now_is(store, one) is State.AWAITING_APPROVAL
    with store.read() as tx:
        assert not approvals.of(tx, one.id)


def test_a_hash_that_is_too_short_to_mean_one_plan_is_refused(store: Store) -> None:
    one = waiting(store)
    with pytest.raises(Refused, match="that is not its plan"):
        word(store, one, plan=one.plan_hash[:7])
    word(store, one, plan=one.plan_hash[:8])
    assert now_is(store, one) is State.APPROVED


def test_what_does_not_wait_takes_no_word(store: Store) -> None:
    one = proposed(store)
    with pytest.raises(Refused, match="is proposed: nothing of it waits for a word"):
        word(store, one)


def test_what_was_superseded_meanwhile_takes_no_word_and_says_why(store: Store) -> None:
    one = waiting(store)
    with store.begin() as tx:
        remediations.move(tx, one, State.SUPERSEDED, now=NOW, outcome="somebody else was here")
    with pytest.raises(Refused, match=r"is superseded: nothing .* \(somebody else was here\)"):
        word(store, one)
    with store.read() as tx:
        assert not approvals.of(tx, one.id)


def test_a_loop_that_moves_it_first_leaves_no_word_behind(store: Store) -> None:
    one = waiting(store)
    with store.begin() as tx:
        remediations.move(tx, one, State.EXPIRED, now=NOW)
    # as read a moment before
    with pytest.raises(Refused, match="moved by somebody else"), store.begin() as tx:
        answer.answer(tx, one, who(), granted=True, within=DAY)
    with store.read() as tx:
        assert not approvals.of(tx, one.id)
    assert kinds(store, "person") == []


def test_an_approval_says_what_will_hold_it_up(store: Store) -> None:
    one = waiting(store)
    with store.begin() as tx:
        restrain.impose(tx, RestraintKind.MAINTENANCE, "flights", who(by="ops"), until=NOW + DAY)
    assert "but not during maintenance of flights by ops, until 2026-03-02 12:00 UTC" in word(store, one).sentence


def test_a_step_that_asks_gets_its_word_and_the_plan_stays_where_it_is(store: Store) -> None:
    one = asking(store)
    done = word(store, one)
    assert done.sentence == (
        "promote 260301-120000-abcde of flights: the step full is approved; it goes on at the next round"
    )
    assert now_is(store, one) is State.EXECUTING
    with store.read() as tx:
        assert approvals.of(tx, one.id)["ask-full"].granted
    with pytest.raises(Refused, match="was answered before"):
        word(store, one)


def test_a_step_takes_no_word_after_its_time(store: Store) -> None:
    one = asking(store)
    with pytest.raises(Refused, match="the time for an answer ended"):
        word(store, one, at=NOW + DAY + timedelta(seconds=1))


def test_a_word_for_the_plan_is_none_for_a_step(store: Store) -> None:
    one = asking(store)
    with pytest.raises(Refused, match="nothing of it waits for a word"):
        word(store, one, gate="plan")
    with pytest.raises(Refused, match="nothing of it waits for a word"):
        word(store, one, gate="ask-alias")


@pytest.mark.parametrize("short", ["260301", "260301-120000-abcde", "2"])
def test_an_id_may_be_shortened(store: Store, short: str) -> None:
    one = waiting(store)
    with store.read() as tx:
        assert answer.found(tx, short) == one


@pytest.mark.parametrize("short", ["", "26030x", "%", "_", "260301-120000-abcdef", "\x00", " "])
def test_an_id_that_means_nothing_says_what_is_open(store: Store, short: str) -> None:
    waiting(store)
    with store.read() as tx, pytest.raises(Unknown, match=r"open are: 260301-120000-abcde \(rollback of flights, awai"):
        answer.found(tx, short)


def test_an_id_that_means_two_means_none(store: Store) -> None:
    waiting(store)
    proposed(store, Remedy.RETRAIN, id="260301-120001-fffff")
    with store.read() as tx, pytest.raises(Unknown, match="several begin so"):
        answer.found(tx, "260301")


def test_what_was_approved_runs(tell: Tell) -> None:
    story = bad_release(moded(tell(), Mode.APPROVE))
    story.step()
    assert story.newest().state is State.AWAITING_APPROVAL
    effects = len(story.ledger.effects)
    for _ in range(3):
        story.step()
    assert len(story.ledger.effects) == effects, "nothing happens before the word"
    word(story.memory, story.newest(), at=story.now)
    assert story.live().newest().state is State.SUCCEEDED
    assert story.traffic() == {1: 100}


def test_what_was_rejected_does_not_run(tell: Tell) -> None:
    story = bad_release(moded(tell(), Mode.APPROVE))
    story.step()
    word(story.memory, story.newest(), granted=False, at=story.now)
    effects = len(story.ledger.effects)
    assert story.live().newest().state is State.REJECTED
    assert len(story.ledger.effects) == effects


def asked(tell: Tell) -> Story:
    """A promotion that asks before all traffic."""
    story = tell(promote=Promote(canary=(), bake=timedelta(), load_requests=0, ask_before=("full",)))
    BEGIN["promote"](story)
    for _ in range(20):
        story.tick()
        story.attempt(story.step)
        if any(s.name == "ask-full" for s in story.steps()):
            return story
    raise AssertionError([s.name for s in story.steps()])


def test_a_step_goes_on_with_a_yes(tell: Tell) -> None:
    story = asked(tell)
    word(story.memory, story.newest(), at=story.now)
    assert story.live().newest().state is State.SUCCEEDED
    assert story.champion() == 2


def test_a_step_backs_out_with_a_no(tell: Tell) -> None:
    story = asked(tell)
    done = word(story.memory, story.newest(), granted=False, at=story.now)
    assert done.sentence.endswith("is rejected; it backs out, and version 1 gets everything back")
    assert story.live().newest().state is State.FAILED
    assert story.traffic() == {1: 100}


@pytest.mark.parametrize("kind", [RestraintKind.PAUSE, RestraintKind.MAINTENANCE, RestraintKind.HOLD])
@pytest.mark.parametrize("where", [ENDPOINT, ""])
def test_what_a_person_forbids_is_not_done_until_it_is_lifted(tell: Tell, kind: RestraintKind, where: str) -> None:
    story = bad_release(tell())
    with story.memory.begin() as tx:
        done = restrain.impose(tx, kind, where, who(story.now), until=story.now + timedelta(days=2))
    assert "nothing is done" in done.sentence
    effects = len(story.ledger.effects)
    for _ in range(5):
        story.step()
    assert story.newest().state is State.BLOCKED
    assert len(story.ledger.effects) == effects
    with story.memory.begin() as tx:
        if kind is RestraintKind.HOLD:
            release.end_holds(tx, where, who(story.now))
        else:
            restrain.lift(tx, restrain.RESUMED, where, who(story.now), verb="resume")
    assert story.live().newest().state is State.SUCCEEDED


def test_a_silence_stops_no_remedy(tell: Tell) -> None:
    story = bad_release(tell())
    with story.memory.begin() as tx:
        restrain.impose(tx, RestraintKind.SILENCE, "", who(story.now), until=story.now + DAY)
    assert story.live().newest().state is State.SUCCEEDED


def test_what_is_under_way_is_named_when_it_is_stopped(store: Store) -> None:
    asking(store)
    with store.begin() as tx:
        done = restrain.impose(tx, RestraintKind.PAUSE, "flights", who(), until=NOW + DAY)
    assert done.sentence == (
        "pause of flights until 2026-03-02 12:00:00 UTC: nothing is done, and nobody is told;"
        " promote 260301-120000-abcde stops before its next call"
    )


def test_maintenance_may_begin_later(store: Store) -> None:
    with store.begin() as tx:
        done = restrain.impose(tx, RestraintKind.MAINTENANCE, "", who(), since=NOW + DAY, until=NOW + 2 * DAY)
        assert "from 2026-03-02 12:00:00 UTC until 2026-03-03 12:00:00 UTC" in done.sentence
        assert restraints.in_force(tx, NOW) == []
        assert len(restraints.in_force(tx, NOW + DAY)) == 1
        assert restraints.in_force(tx, NOW + 2 * DAY) == []


def test_a_maintenance_that_is_over_already_is_refused(store: Store) -> None:
    with store.begin() as tx, pytest.raises(Refused, match="would have ended already"):
        restrain.impose(tx, RestraintKind.MAINTENANCE, "", who(), since=NOW - 2 * DAY, until=NOW)


def test_resume_lifts_what_ends_by_itself_exactly_there(store: Store) -> None:
    everything = [k for k in RestraintKind if k is not RestraintKind.KILL]
    with store.begin() as tx:
        for where in ("flights", "delays", ""):
            for kind in everything:
                restrain.impose(tx, kind, where, who(), until=NOW + DAY)
        done = restrain.lift(tx, restrain.RESUMED, "flights", who(), verb="resume")
        left = {(r.endpoint, r.kind) for r in restraints.in_force(tx, NOW)}
    assert left == {(w, k) for w in ("delays", "") for k in everything} | {("flights", RestraintKind.HOLD)}
    assert "still in force: hold of flights by ada" in done.sentence
    assert "of the whole fleet" in done.sentence
    assert "delays" not in done.sentence


def test_to_resume_what_runs_is_refused_and_says_what_is_in_force(store: Store) -> None:
    with store.begin() as tx:
        restrain.impose(tx, RestraintKind.PAUSE, "", who(), until=NOW + DAY)
    with store.begin() as tx, pytest.raises(Refused, match="in force there: pause of the whole fleet by ada"):
        restrain.lift(tx, restrain.RESUMED, "flights", who(), verb="resume")


def needs_human(store: Store, remedy: Remedy = Remedy.ROLLBACK, **changes: object) -> Remediation:
    one = proposed(store, remedy, **changes)
    with store.begin() as tx:
        begun = remediations.move(tx, one, State.APPROVED, now=NOW)
        begun = begun and remediations.move(tx, begun, State.EXECUTING, now=NOW)
        ended = begun and remediations.move(tx, begun, State.NEEDS_HUMAN, now=NOW, outcome="please look at it")
    assert ended
    return ended


@pytest.mark.parametrize("to", [State.CANCELLED, State.SUCCEEDED])
def test_what_needs_a_human_ends_as_the_human_says(store: Store, to: State) -> None:
    one = needs_human(store)
    with store.begin() as tx:
        done = release.end(tx, one, who(), to=to)
        known = {v.version: v.standing for v in verdicts.record(tx, "flights")}
    assert now_is(store, one) is to
    assert known == ({3: Standing.BAD} if to is State.SUCCEEDED else {})
    assert "flights is looked after again" in done.sentence


def test_a_release_of_what_needs_nobody_is_refused(store: Store) -> None:
    one = waiting(store)
    with store.begin() as tx, pytest.raises(Refused, match="only what needs a human can be released"):
        release.end(tx, one, who())


def test_a_release_that_comes_second_is_refused(store: Store) -> None:
    one = needs_human(store)
    with store.begin() as tx:
        release.end(tx, one, who())
    with store.begin() as tx, pytest.raises(Refused, match="moved by somebody else"):
        release.end(tx, one, who())


def test_the_hold_after_a_manual_deploy_ends_with_a_release(tell: Tell) -> None:
    story = bad_release(tell())
    story.live(until=State.VERIFYING)
    story.serving.deploy(ENDPOINT, {9: 100})
    story.live()
    assert story.newest().state is State.SUPERSEDED
    with story.memory.begin() as tx:
        done = release.end_holds(tx, ENDPOINT, who(story.now))
        assert restraints.in_force(tx, story.now, ENDPOINT) == []
    assert done.sentence.startswith(f"lifted at {ENDPOINT}: the hold by mlsteward")


def test_a_release_of_an_endpoint_that_is_not_held_points_at_what_needs_a_human(store: Store) -> None:
    needs_human(store)
    with store.begin() as tx, pytest.raises(Refused, match=r"not held, but rollback .* needs a person: `mls"):
        release.end_holds(tx, "flights", who())


def test_a_version_is_pardoned_once(store: Store) -> None:
    with store.begin() as tx:
        verdicts.set_standing(tx, VersionVerdict("flights", MODEL, 3, Standing.BAD, "so told", NOW))
        release.pardon(tx, "flights", 3, who())
        assert verdicts.record(tx, "flights") == []
    with store.begin() as tx, pytest.raises(Refused, match="not known bad; known bad there: none"):
        release.pardon(tx, "flights", 3, who())


def test_a_good_version_needs_no_pardon_and_keeps_its_record(store: Store) -> None:
    with store.begin() as tx:
        verdicts.set_standing(tx, VersionVerdict("flights", MODEL, 3, Standing.GOOD, "so told", NOW))
    with store.begin() as tx, pytest.raises(Refused, match="not known bad"):
        release.pardon(tx, "flights", 3, who())
    with store.read() as tx:
        assert [v.version for v in verdicts.record(tx, "flights")] == [3]


class Away:
    """A database that is not there."""

    def __enter__(self) -> Store:
        raise StoreError("connection refused", transient=True)

    def __exit__(self, *_: object) -> None: ...


class There:
    """An open store, that stays open."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __enter__(self) -> Store:
        return self._store

    def __exit__(self, *_: object) -> None: ...


def stopped(store: Store, file: Path) -> tuple[bool, bool]:
    with store.read() as tx:
        flags = [r for r in restraints.in_force(tx, NOW) if r.kind is RestraintKind.KILL]
    return bool(kill_switch(file)), bool(flags)


def test_the_kill_switch_is_pulled_twice_over_and_put_back_twice_over(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "KILL"
    done = kill.pull(lambda: There(store), file, who())
    assert stopped(store, file) == (True, True)
    assert done.numbers == {"file": True, "database": True}
    assert file.read_text() == "2026-03-01 12:00:00 UTC by ada: looked at it\n"
    kill.put_back(lambda: There(store), file, who())
    assert stopped(store, file) == (False, False)
    with pytest.raises(Refused, match="the kill switch is not pulled"):
        kill.put_back(lambda: There(store), file, who())
    with store.read() as tx:
        told = {e.kind: e.severity for e in events.history(tx, limit=9) if e.dedup_key}
    assert told == {"person.kill": "page", "person.lift_kill": "warning"}


def test_without_a_database_the_file_does_it_alone_and_the_sentence_says_so(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "KILL"
    done = kill.pull(Away, file, who())
    assert stopped(store, file) == (True, False)
    assert f"The file {file} on this machine does it alone, and nobody was told" in done.sentence
    assert "connection refused" in done.sentence


def test_without_a_place_for_the_file_the_database_does_it_alone(store: Store, tmp_path: Path) -> None:
    (tmp_path / "no-folder").write_text("")
    done = kill.pull(lambda: There(store), tmp_path / "no-folder" / "KILL", who())
    assert "The flag in the database does it alone" in done.sentence
    with store.read() as tx:
        assert [r.kind for r in restraints.in_force(tx, NOW)] == [RestraintKind.KILL]


def test_where_neither_can_be_pulled_it_says_so_loudly(tmp_path: Path) -> None:
    (tmp_path / "no-folder").write_text("")
    with pytest.raises(Refused, match="NOTHING WAS STOPPED"):
        kill.pull(Away, tmp_path / "no-folder" / "KILL", who())


def test_the_kill_switch_is_not_put_back_by_halves(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "KILL"
    kill.pull(lambda: There(store), file, who())
    with pytest.raises(Refused, match="the kill switch stays as it is"):
        kill.put_back(Away, file, who())
    assert stopped(store, file) == (True, True)
    file.unlink()
    file.mkdir()
    with pytest.raises(Refused, match="stays pulled: its flag in the database is lifted, but"):
        kill.put_back(lambda: There(store), file, who())
    assert stopped(store, file) == (True, False)


def test_a_file_alone_is_put_back_as_well(store: Store, tmp_path: Path) -> None:
    (tmp_path / "KILL").touch()
    kill.put_back(lambda: There(store), tmp_path / "KILL", who())
    assert stopped(store, tmp_path / "KILL") == (False, False)


@pytest.mark.parametrize("half", ["file", "database"])
def test_either_half_of_the_kill_switch_stops_everything(tell: Tell, half: str) -> None:
    story = bad_release(tell())
    story.live(until=State.EXECUTING)
    file = story.folder / "KILL"
    story.doors = replace(story.doors, stopped=lambda: kill_switch(file))
    opened: Callable[[], object] = Away if half == "file" else lambda: There(story.memory)
    (story.folder / "no-folder").write_text("")
    where = file if half == "file" else story.folder / "no-folder" / "KILL"
    kill.pull(opened, where, who(story.now))  # type: ignore[arg-type]
    effects = len(story.ledger.effects)
    for _ in range(5):
        story.tick()
        story.step()
    assert len(story.ledger.effects) == effects
    assert story.newest().state is State.EXECUTING


def test_a_plan_is_said_in_the_words_of_what_it_does(sqlite_store: Store) -> None:
    one = waiting(sqlite_store, id="260301-120000-aaaaa")
    assert plan.will_do(one) == [
        "traffic: version 3 at 100 % becomes version 2 at 100 %",
        "alias champion of m: from version 3 to version 2",
        "then version 2 is watched until it has been seen to be healthy",
    ]
    promotion = waiting(sqlite_store, Remedy.PROMOTE, id="260301-120000-bbbbb", from_version=3, to_version=4)
    assert plan.will_do(promotion) == [
        "gates: none configured",
        "stage: version 3 at 100 %, version 4 at 0 %",
        "canary-10: version 3 at 90 %, version 4 at 10 %",
        "canary-50: version 3 at 50 %, version 4 at 50 %",
        "full: version 3 at 0 %, version 4 at 100 %",
        "alias champion of m: from version 3 to version 4",
        "then version 4 is watched until it has been seen to be healthy; then version 3 is put away",
        "whatever breaks on the way, version 3 gets everything back",
    ]
    assert plan.changed_rules(promotion) == {}
    assert plan.will_do(replace(promotion, plan={})) == []


@pytest.mark.parametrize(
    ("length", "said"),
    [("3h", "3h"), ("90m", "90m"), ("36h", "36h"), ("48h", "2d"), ("90s", "90s"), ("1500ms", "1.5s"), ("0s", "0s")],
)
def test_rules_other_than_the_default_are_named(sqlite_store: Store, length: str, said: str) -> None:
    one = waiting(sqlite_store)
    ours = rules(rollback={"windows": 5, "cooldown": length})
    changed = replace(one, plan={**one.plan, "rules": frozen_rules(ours, Remedy.ROLLBACK)})
    assert plan.changed_rules(changed) == {"rollback.windows": 5, "rollback.cooldown": said}


def test_every_deed_leaves_an_event_with_who_why_and_how(store: Store) -> None:
    one = waiting(store)
    word(store, one)
    with store.begin() as tx:
        restrain.impose(tx, RestraintKind.HOLD, "flights", who())
        release.end_holds(tx, "flights", who())
        told = [e for e in events.history(tx, limit=50) if e.kind.startswith("person.")]
    assert [e.kind for e in told] == ["person.release", "person.hold", "person.approve"]
    for event in told:
        assert event.endpoint == "flights"
        assert (event.numbers["by"], event.numbers["reason"], event.numbers["via"]) == (
            "ada",
            "looked at it",
            "the command line",
        )
