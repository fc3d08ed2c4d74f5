"""The stories that issue 3 names, told of a whole fleet with the real loops, and held against every invariant."""

from datetime import timedelta

from daemon.domain.remediation import Mode, Remedy, State
from daemon.domain.restraint import RestraintKind
from daemon.domain.trail import Phase, Trail
from daemon.store import findings
from tests.machine.conftest import Stage
from tests.machine.fleet import AUTO, HOUR
from tests.machine.play import Play, site_of
from tests.machine.site import RATE, SHIFT

HALF_HOUR = 2


def ends(play: Play, name: str = "ep0") -> list[tuple[Remedy, State]]:
    """Return every remediation of an endpoint that was let loose, oldest first."""
    return [(r.remedy, r.state) for r in reversed(play.fleet.history(name)) if r.began_at]


def ill(play: Play, *which: int, cured: bool = False) -> None:
    for n in which:
        site_of(play, n).mood.ill = not cured


def storms(play: Play) -> list[str]:
    return [e.sentence for e in play.fleet.events("incident.storm")]


def test_three_of_five_at_once_page_once_and_nothing_begins(stage: Stage) -> None:
    play = stage(size=5)
    ill(play, 0, 1, 2)
    play.live(6)
    assert len(storms(play)) == 1
    assert not play.fleet.ledger.of("serving.update") and not play.fleet.ledger.of("jobs.start")
    told = [sent.event.kind for sent in play.fleet.channel.sent]
    assert told.count("incident.storm") == 1


def test_a_storm_counts_what_is_under_treatment(stage: Stage) -> None:
    """One is being rolled back, two more fall ill: three of five. The first goes on, nothing else begins."""
    play = stage(size=5)
    play.people.release_version("ep0", sick=True)
    while not play.fleet.ledger.of("serving.update"):
        play.live()
    ill(play, 1, 2)
    play.live(8)
    assert len(storms(play)) == 1
    assert {e.subject for e in play.fleet.ledger.of("serving.update")} == {"ep0"}
    assert ends(play) == [(Remedy.ROLLBACK, State.SUCCEEDED)]


def test_a_second_storm_in_the_calm_time_prolongs_the_first_and_pages_nobody(stage: Stage) -> None:
    play = stage(size=5)
    play.fleet.safety = play.fleet.safety.model_copy(update={"storm_calm": HOUR})
    ill(play, 0, 1, 2)
    play.live(4)
    ill(play, 0, 1, 2, cured=True)
    while any(t.phase.trouble for t in health(play)):
        play.live()
    first = [r for r in play.fleet.restraints() if r.kind is RestraintKind.STORM]
    assert first, "the calm has not lasted yet"
    ill(play, 2, 3, 4)
    play.live(3)
    again = [r for r in play.fleet.restraints() if r.kind is RestraintKind.STORM]
    assert [r.id for r in again] == [r.id for r in first]
    assert again[0].until > first[0].until  # type: ignore[operator]
    assert len(storms(play)) == 1


def test_a_storm_ends_by_itself_and_what_it_held_up_is_done(stage: Stage) -> None:
    play = stage(size=5)
    ill(play, 0, 1, 2)
    play.live(4)
    ill(play, 0, 1, 2, cured=True)
    site_of(play, 4).mood.shift = SHIFT
    play.live(6)
    assert not [r for r in play.fleet.restraints() if r.kind is RestraintKind.STORM]
    assert [e.subject for e in play.fleet.ledger.of("jobs.start")] == [str(site_of(play, 4).job)]


def test_both_versions_bad_is_one_rollback_and_then_a_person(stage: Stage) -> None:
    """The last known good one fails, too, once it has the traffic again: no way back is tried twice."""
    play = stage(size=1)
    site_of(play).sick.add(1)
    play.people.release_version("ep0", sick=True)
    play.live(30)
    assert ends(play) == [(Remedy.ROLLBACK, State.NEEDS_HUMAN)]
    assert [e.detail["traffic"] for e in play.fleet.ledger.of("serving.update")] == [{1: 100}]
    assert "page" in {str(sent.event.severity) for sent in play.fleet.channel.sent}


def test_both_versions_bad_and_released_by_a_person_is_no_ping_pong(stage: Stage) -> None:
    play = stage(size=1)
    site_of(play).sick.add(1)
    play.people.release_version("ep0", sick=True)
    play.live(16)
    play.people.release("ep0")
    play.live(30)
    assert len(play.fleet.ledger.of("serving.update")) == 1


def test_the_source_gone_for_an_hour_while_a_finding_fires(stage: Stage) -> None:
    """No action, blindness is told, and the finding is kept: it neither resolves nor counts up in the dark."""
    play = stage(size=1)
    site = site_of(play)
    site.mood.shift = SHIFT
    play.fleet.change("ep0", mode=AUTO.model_copy(update={"retrain": Mode.OFF}))
    play.live(3)
    assert firing(play)
    site.mood.rate = 0
    play.live(5)
    play.fleet.change("ep0", mode=AUTO)
    play.live(1)
    assert firing(play)
    assert not play.fleet.ledger.effects
    assert [e.kind for e in play.fleet.events("watch.blind")] == ["watch.blind"]
    site.mood.rate = RATE
    play.live(2)
    assert len(play.fleet.ledger.of("jobs.start")) == 1


def test_the_table_gone_for_an_hour_while_a_finding_fires(stage: Stage) -> None:
    """The read itself fails. The proposal that waits is not let through on what was seen before."""
    play = stage(size=1)
    site = site_of(play)
    play.people.forbid(RestraintKind.PAUSE, "ep0")
    site.mood.shift = SHIFT
    play.live(3)
    assert [r.state for r in play.fleet.opened()] == [State.BLOCKED]
    site.log.missing = True
    play.live(5)
    play.people.allow(RestraintKind.PAUSE, "ep0")
    play.live(3)
    assert firing(play) and not play.fleet.ledger.effects
    site.log.missing = False
    play.live(2)
    assert len(play.fleet.ledger.of("jobs.start")) == 1


def test_no_traffic_after_a_rollback_is_never_a_success(stage: Stage) -> None:
    play = stage(size=1)
    play.people.release_version("ep0", sick=True)
    while not play.fleet.ledger.of("serving.update"):
        play.live()
    site_of(play).mood.rate = 0
    while ends(play) != [(Remedy.ROLLBACK, State.VERIFYING)]:
        play.live()
    play.live(int(2 * HOUR / timedelta(minutes=15)) - 1)
    assert ends(play) == [(Remedy.ROLLBACK, State.VERIFYING)]
    play.live(HALF_HOUR)
    assert ends(play) == [(Remedy.ROLLBACK, State.NEEDS_HUMAN)]


def test_too_little_traffic_after_a_rollback_is_no_success_either(stage: Stage) -> None:
    play = stage(size=1)
    play.people.release_version("ep0", sick=True)
    while not play.fleet.ledger.of("serving.update"):
        play.live()
    site_of(play).mood.rate = 3
    play.live(12)
    assert ends(play) == [(Remedy.ROLLBACK, State.NEEDS_HUMAN)]


def test_a_loop_that_hangs_for_ever_is_told_of(stage: Stage) -> None:
    """Its endpoint is neither looked at nor stepped on any more: the deadline passes, and a person is paged, again."""
    play = stage(size=1)
    play.people.release_version("ep0", sick=True)
    while not play.fleet.ledger.of("serving.update"):
        play.live()
    for _ in range(12 * 7):
        play.fleet.tick()
        play.fleet.oversee()
        play.fleet.tell()
    assert ends(play) == [(Remedy.ROLLBACK, State.NEEDS_HUMAN)]
    assert [sent.event.kind for sent in play.fleet.channel.sent].count("remediation.needs_human") == 2


def firing(play: Play, name: str = "ep0") -> list[str]:
    with play.fleet.eyes.read() as tx:
        return [t.last.check.name for t in findings.recent(tx, name) if t.phase is Phase.FIRING]


def health(play: Play) -> list[Trail]:
    with play.fleet.eyes.read() as tx:
        return [t for n in play.fleet.sites for t in findings.recent(tx, n) if str(t.last.check.cause) == "health"]
