"""Asked at each move of a remediation, once it is in the store."""

from collections.abc import Callable
from datetime import timedelta

from daemon.domain.remediation import Remediation, Remedy, State
from daemon.domain.restraint import RestraintKind
from daemon.domain.states import PLANNED, PROPOSALS
from daemon.remediate.circumstances import per_day_of
from daemon.remediate.frozen import by_its_rules
from tests.machine.invariants.book import Book, BrokenError
from tests.machine.invariants.evidence import speaks_against, well_since

DAY = timedelta(days=1)


def i5_what_begins_has_evidence(book: Book, before: Remediation | None, one: Remediation) -> None:
    """I4, too: the newest window that shows it is no older than `stale_after` and a window."""
    if not _begins(before, one) or one.remedy not in (Remedy.RETRAIN, Remedy.ROLLBACK):
        return
    fleet, site = book.fleet, book.fleet.sites[one.endpoint]
    found = speaks_against(site, one, fleet.true)
    if len(found) < site.settings.decide.breaches:
        raise BrokenError(f"I5: {one.remedy} began after {len(found)} windows that speak for it")
    if fleet.true - found[-1] > site.settings.watch.stale_after + site.settings.watch.window:
        raise BrokenError(
            f"I4: {one.remedy} began at {fleet.true}; the last window that speaks for it ended {found[-1]}"
        )


def i7_no_more_than_the_budget(book: Book, before: Remediation | None, one: Remediation) -> None:
    """A day has 24 hours by the daemon's clock here: a clock that jumps a day ahead finds nothing fresh to act on."""
    if not _begins(before, one):
        return
    fleet, site = book.fleet, book.fleet.sites[one.endpoint]
    lately = [r for r in fleet.history() if r.began_at and fleet.now - DAY <= r.began_at <= fleet.now]
    here = [r for r in lately if r.endpoint == one.endpoint]
    for count, most, what in (
        (len([r for r in here if r.remedy is one.remedy]), per_day_of(site.settings, one.remedy), f"{one.remedy} here"),
        (len(here), site.settings.budget.per_day, "here"),
        (len(lately), fleet.safety.per_day, "in the fleet"),
    ):
        if count > most:
            raise BrokenError(f"I7: {count} {what} in a day, {most} are allowed")


def i7_never_back_to_the_same_version_twice(book: Book, before: Remediation | None, one: Remediation) -> None:
    """Unless a person had a hand in it between the two."""
    if not _begins(before, one) or one.remedy is not Remedy.ROLLBACK:
        return
    trip = (one.from_version, one.to_version)
    for earlier in book.fleet.history(one.endpoint):
        same = earlier.remedy is one.remedy and earlier.began_at and earlier.id != one.id
        if same and (earlier.from_version, earlier.to_version) == trip:
            touched = book.touched.get(one.endpoint)
            if touched is None or touched < book.began[earlier.id]:
                raise BrokenError(f"I7: rolled back from {trip[0]} to {trip[1]} twice")


def i9_nothing_begins_in_a_storm(book: Book, before: Remediation | None, one: Remediation) -> None:
    """By the clock of the one that began it: a storm that has ended for it may go on for a slower clock."""
    storms = [r for r in book.fleet.restraints() if r.kind is RestraintKind.STORM]
    if _begins(before, one) and storms:
        raise BrokenError(f"I9: {one.remedy} began in a storm until {storms[0].until}")


def i10_nothing_begins_against_a_restraint(book: Book, before: Remediation | None, one: Remediation) -> None:
    site = book.fleet.sites[one.endpoint]
    if _begins(before, one) and not book.meanwhile and (found := book.in_force(site)):
        raise BrokenError(f"I10: {one.remedy} began against {[f'{k} {w}' for k, w in found]}")


def i12_who_is_overruled_leaves_a_hold(book: Book, before: Remediation | None, one: Remediation) -> None:
    if before is None or one.id not in book.overruled or one.state is not State.SUPERSEDED:
        return
    held = [r for r in book.fleet.restraints(one.endpoint) if r.kind is RestraintKind.HOLD]
    if before.state in PLANNED and not held:
        raise BrokenError(f"I12: {one.remedy} was superseded ({one.outcome}), and nothing holds {one.endpoint}")


def i14_what_has_expired_does_not_begin(book: Book, before: Remediation | None, one: Remediation) -> None:
    if _begins(before, one) and before is not None and book.fleet.now > before.deadline_at:
        raise BrokenError(f"I14: {one.remedy} began at {book.fleet.now}, its deadline was {before.deadline_at}")


def i16_success_was_measured(book: Book, before: Remediation | None, one: Remediation) -> None:
    """By windows that really began after the change, as many as asked for, on as many requests.

    A clock that is ahead takes the one under way for whole: what it shows is true, and still must be enough.
    """
    if one.state is not State.SUCCEEDED or one.remedy not in (Remedy.PROMOTE, Remedy.ROLLBACK):
        return
    if before is not None and before.state is State.NEEDS_HUMAN:
        return
    site = book.fleet.sites[one.endpoint]
    rules = by_its_rules(one, site.settings)
    asked = rules.promote.windows if one.remedy is Remedy.PROMOTE else rules.rollback.windows
    since = book.verifying[one.id]
    windows, requests = well_since(site, one.to_version or 0, since, max(book.fleet.true, book.fleet.now))
    if windows < asked or requests < rules.health.requests:
        raise BrokenError(f"I16: {one.remedy} succeeded after {windows} windows and {requests} requests since {since}")


Check = Callable[[Book, "Remediation | None", Remediation], None]
MOVES: tuple[Check, ...] = (
    i5_what_begins_has_evidence,
    i7_no_more_than_the_budget,
    i7_never_back_to_the_same_version_twice,
    i9_nothing_begins_in_a_storm,
    i10_nothing_begins_against_a_restraint,
    i12_who_is_overruled_leaves_a_hold,
    i14_what_has_expired_does_not_begin,
    i16_success_was_measured,
)


def _begins(before: Remediation | None, one: Remediation) -> bool:
    return one.began_at is not None and (before is None or before.state in PROPOSALS) and one.state not in PROPOSALS
