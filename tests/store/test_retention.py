"""What is too old to keep."""

from dataclasses import replace
from datetime import datetime, timedelta

from daemon.domain.remediation import IN_FLIGHT, PROPOSALS, State
from daemon.domain.restraint import Restraint, RestraintKind
from daemon.store import baselines, cohorts, events, profiles, remediations, restraints, retention
from daemon.store.engine import Store, Tx
from daemon.store.retention import Pruned
from tests.store.nouns import T0, baseline, cohort, event, profile, remediation, step, window

DAY = timedelta(days=1)


def prune(tx: Tx, *, portion: int = 20_000) -> Pruned:
    return retention.prune(tx, profiles_before=window(3).start, events_before=T0, portion=portion)


def test_profiles_that_ended_before_go(store: Store) -> None:
    with store.begin() as tx:
        profiles.save(tx, [profile(n) for n in range(5)])
        # window 2 ends at the very moment, and a moment belongs to what begins with it
        assert prune(tx) == Pruned(profiles=2, events=0, remediations=0, baselines=0)
        assert sorted(start for start, _ in profiles.requests(tx, "flights", T0)) == [
            window(n).start for n in (2, 3, 4)
        ]


def test_events_go_once_delivered_or_if_nobody_was_to_be_told(store: Store) -> None:
    with store.begin() as tx:
        for name, days in (("old", -2), ("new", 1)):
            events.append(tx, event(at=T0 + days * DAY, sentence=f"{name} record"))
            told = events.append(tx, event(f"{name} told", at=T0 + days * DAY, sentence=f"{name} told"))
            events.append(tx, event(f"{name} due", at=T0 + days * DAY, sentence=f"{name} due"))
            assert told is not None
            events.delivered(tx, told, T0 + days * DAY)
        assert prune(tx).events == 2
        assert {left.sentence for left in events.history(tx, limit=9)} == {
            "old due",
            "new record",
            "new told",
            "new due",
        }


def test_remediations_go_with_their_steps_once_they_have_ended(store: Store) -> None:
    old = replace(remediation(), created_at=T0 - 9 * DAY, updated_at=T0 - 9 * DAY)
    with store.begin() as tx:
        for n, state in enumerate(State):
            remediations.propose(tx, replace(old, id=f"{state}", endpoint=f"endpoint {n}", state=state))
            remediations.write_intent(tx, step(of=f"{state}"))
        child = replace(remediation("child"), parent_id=State.SUCCEEDED, state=State.SUCCEEDED)
        remediations.propose(tx, child)
        assert prune(tx).remediations == len(State) - len(IN_FLIGHT | PROPOSALS)
        left = {found.id: found for found in remediations.history(tx, limit=99)}
        assert left.keys() == {str(state) for state in IN_FLIGHT | PROPOSALS} | {"child"}
        assert left["child"].parent_id is None
        assert remediations.steps(tx, State.SUCCEEDED) == []
        assert len(remediations.steps(tx, State.VERIFYING)) == 1


def test_a_baseline_goes_once_it_is_replaced_and_nothing_is_counted_in_it(store: Store) -> None:
    old = T0 - DAY
    with store.begin() as tx:
        replaced = baselines.save(tx, baseline(created_at=old))
        counted = baselines.save(tx, baseline(created_at=old))
        newest = baselines.save(tx, baseline(created_at=old))
        only = baselines.save(tx, baseline(created_at=old, version=2))
        columns = {name: each.counts for name, each in counted.columns.items()}
        profiles.save(tx, [profile(5, baseline_id=counted.id, columns=columns)])
        assert prune(tx) == Pruned(profiles=0, events=0, remediations=0, baselines=1)
        left = [found.id for found in baselines.all_of(tx, "flights")]
    assert left == [counted.id, newest.id, only.id]
    assert replaced.id not in left


def test_a_baseline_replaced_lately_stays(store: Store) -> None:
    with store.begin() as tx:
        for _ in range(2):
            baselines.save(tx, baseline(created_at=T0 + DAY))
        assert prune(tx).baselines == 0


def test_a_baseline_goes_together_with_the_last_profile_counted_in_it(store: Store) -> None:
    with store.begin() as tx:
        counted = baselines.save(tx, baseline(created_at=T0 - DAY))
        baselines.save(tx, baseline(created_at=T0 - DAY))
        columns = {name: each.counts for name, each in counted.columns.items()}
        profiles.save(tx, [profile(0, baseline_id=counted.id, columns=columns)])
        assert prune(tx) == Pruned(profiles=1, events=0, remediations=0, baselines=1)


def test_no_more_than_a_portion_goes_at_once(store: Store) -> None:
    with store.begin() as tx:
        profiles.save(tx, [profile(n - 10) for n in range(5)])
        for _ in range(3):
            events.append(tx, event(at=T0 - DAY))
        assert prune(tx, portion=2) == Pruned(profiles=2, events=2, remediations=0, baselines=0)
        assert prune(tx, portion=2) == Pruned(profiles=2, events=1, remediations=0, baselines=0)
        assert prune(tx, portion=2) == Pruned(profiles=1, events=0, remediations=0, baselines=0)


def test_cohorts_go_with_their_age_but_not_those_that_newer_ones_are_compared_with(store: Store) -> None:
    with store.begin() as tx:
        cohorts.save(tx, [cohort(n, reference=n < 1) for n in range(4)])
        cohorts.save(tx, [cohort(n, version=2, reference=True) for n in range(2)])
        assert prune(tx).cohorts == 3
        assert cohorts.counted(tx, "flights", 3, "s").keys() == {window(n) for n in (0, 2, 3)}
        assert cohorts.counted(tx, "flights", 2, "s") == {}


def test_what_was_forbidden_goes_once_it_has_long_been_over(store: Store) -> None:
    def forbidden(reason: str, **about: datetime | None) -> Restraint:
        return Restraint(RestraintKind.PAUSE, "flights", "ana", reason, T0 - 9 * DAY, **about)  # type: ignore[arg-type]

    with store.begin() as tx:
        restraints.impose(tx, forbidden("ended", until=T0 - DAY))
        restraints.impose(tx, forbidden("ended lately", until=T0 + DAY))
        restraints.impose(tx, forbidden("without an end", until=None))
        restraints.impose(tx, forbidden("lifted", until=None, lifted_at=T0 - DAY))
        restraints.impose(tx, forbidden("lifted lately", until=None, lifted_at=T0))
        assert prune(tx) == Pruned(profiles=0, events=0, remediations=0, baselines=0, restraints=2)
        left = {one.reason for one in restraints.between(tx, "flights", T0 - 99 * DAY, T0 + DAY)}
    assert left == {"ended lately", "without an end", "lifted lately"}
