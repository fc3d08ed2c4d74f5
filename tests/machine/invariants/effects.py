"""Asked at each change of the world, at the very moment."""

from collections.abc import Callable, Mapping

from daemon.domain.remediation import Mode, Remedy, Standing
from daemon.domain.states import OPEN
from daemon.remediate.circumstances import mode_of
from daemon.remediate.frozen import thaw
from daemon.remediate.promote import stages, versions
from daemon.remediate.stale import ARCHIVED, KEEP, MARKED
from daemon.store import approvals
from tests.machine.invariants.book import Book, BrokenError, Deed
from tests.machine.invariants.evidence import speaks_against


def i2_deeds_of_one_remediation_lie_together(book: Book, deed: Deed) -> None:
    """Two remediations never take turns on one endpoint."""
    owners = book.owners.setdefault(deed.site.name, [])
    if not owners or owners[-1] != deed.one.id:
        if deed.one.id in owners:
            raise BrokenError(f"I2: {deed.one.remedy} {deed.one.id} and another took turns on {deed.site.name}")
        owners.append(deed.one.id)


def i3_one_effect_a_step(book: Book, deed: Deed) -> None:
    """However often the process died, was left without an answer or had a twin."""
    key = (deed.one.id, deed.step.name)
    book.done[key] += 1
    if book.done[key] > 1:
        raise BrokenError(f"I3: {deed.step.name} of {deed.one.remedy} {deed.one.id} was done {book.done[key]} times")


def i4_nothing_on_stale_data(book: Book, deed: Deed) -> None:
    """The first effect of a remedy rests on traffic that was really seen lately, in true time."""
    if deed.one.remedy is Remedy.ARCHIVE or not book.first(deed):
        return
    site, now = deed.site, book.fleet.true
    seen = max((s.start for s in site.past if s.rows), default=None)
    if seen is None or now - seen > site.settings.watch.stale_after + site.settings.watch.window:
        raise BrokenError(f"I4: {deed.one.remedy} at {now}, where nothing came in since {seen}")


def i5_nothing_without_evidence(book: Book, deed: Deed) -> None:
    """What is rolled back really failed, what is retrained for really drifted: in windows enough, and lately."""
    if deed.one.remedy not in (Remedy.RETRAIN, Remedy.ROLLBACK) or not book.first(deed):
        return
    found = speaks_against(deed.site, deed.one, book.fleet.true)
    wanted = deed.site.settings.decide.breaches
    if len(found) < wanted:
        raise BrokenError(f"I5: {deed.one.remedy} after {len(found)} windows that speak for it, of {wanted}")


def i6_never_to_a_version_that_is_bad_archived_or_gone(book: Book, deed: Deed) -> None:
    standings = {v.version: v.standing for v in book.fleet.standings(deed.site.name)}
    known = {v.version: v for v in book.fleet.registry.known(deed.site.model)}
    for version in (v for v, percent in _traffic(deed).items() if percent):
        if standings.get(version) is Standing.BAD:
            raise BrokenError(f"I6: traffic for version {version}, which is known bad")
        if version not in known or ARCHIVED in known[version].tags:
            raise BrokenError(f"I6: traffic for version {version}, which is archived or gone")


def i8_something_healthy_serves(book: Book, deed: Deed) -> None:
    """Traffic sums to 100, and what was known good before stays served until its successor is known good, too."""
    if not (traffic := _traffic(deed)):
        return
    if sum(traffic.values()) != 100:
        raise BrokenError(f"I8: traffic sums to {sum(traffic.values())}")
    good = {v.version for v in book.fleet.standings(deed.site.name) if v.standing is Standing.GOOD}
    before = set(book.fleet.serving.serves(deed.site.name))
    if good & before and not good & set(traffic) and deed.step.name != "retire":
        raise BrokenError(f"I8: {traffic} serves nothing known good, where {good & before} served")


def i10_a_kill_switch_is_obeyed(book: Book, deed: Deed) -> None:
    """So are a pause, a maintenance and a hold, whatever became of the clock since they were imposed."""
    if book.fleet.safety.kill_file.exists():
        raise BrokenError(f"I10: {deed.effect} while the kill switch's file is there")
    if book.meanwhile:
        return
    if found := book.in_force(deed.site):
        raise BrokenError(f"I10: {deed.effect} of {deed.one.remedy} against {[f'{k} {w}' for k, w in found]}")


def i11_only_who_leads_acts(book: Book, deed: Deed) -> None:
    """The lease's own epoch and clock: `tests/store` and `tests/faults`."""
    if book.fleet.acting.follows:
        raise BrokenError(f"I11: {deed.effect} by a daemon that does not lead")


def i12_a_person_wins(book: Book, deed: Deed) -> None:
    """No effect of a plan whose world a person has changed."""
    if not book.meanwhile and (what := book.overruled.get(deed.one.id)):
        raise BrokenError(f"I12: {deed.step.name} of {deed.one.remedy} after {what}")


def i13_what_was_approved_is_what_runs(book: Book, deed: Deed) -> None:
    """The word was given on this very plan, and the plan says what is done."""
    with book.fleet.eyes.read() as tx:
        word = approvals.of(tx, deed.one.id).get("plan")
    if word and not (word.granted and word.plan_hash == deed.one.plan_hash):
        raise BrokenError(f"I13: {deed.one.remedy} runs plan {deed.one.plan_hash}, {word.by} said {word}")
    if deed.one.id in book.asked and word is None:
        raise BrokenError(f"I13: {deed.one.remedy} {deed.one.id} waited for a word and began without one")
    if (traffic := _traffic(deed)) and traffic not in _planned(deed):
        raise BrokenError(f"I13: {deed.one.remedy} sets {traffic}, planned was {_planned(deed)}")


def i19_observe_does_nothing(book: Book, deed: Deed) -> None:
    mode = mode_of(deed.site.settings, deed.one.remedy)
    if not book.meanwhile and mode not in (Mode.AUTO, Mode.APPROVE):
        raise BrokenError(f"I19: {deed.effect} on mode {mode}")


def i21_archive_spares_what_is_needed(book: Book, deed: Deed) -> None:
    """Never what serves, has an alias, is among the newest, was last known good, is kept, or is in a remediation."""
    if deed.one.remedy is not Remedy.ARCHIVE or book.meanwhile:
        return
    site, fleet = deed.site, book.fleet
    version = int(deed.effect.subject.rpartition("/")[2])
    record = next(v for v in fleet.registry.known(site.model) if v.version == version)
    good = sorted((v for v in fleet.standings(site.name) if v.standing is Standing.GOOD), key=lambda v: v.set_at)
    newest = [v.version for v in fleet.registry.known(site.model)][-site.settings.archive.keep :]
    named = {v for r in fleet.opened(site.name) if r.state in OPEN for v in (r.from_version, r.to_version)}
    marking = deed.effect.detail.get("key") == MARKED
    why = {
        "serves": version in fleet.serving.serves(site.name),
        "has an alias": bool(record.aliases),
        "is among the newest": version in newest,
        "served well last": version in [v.version for v in good[-2:]],
        "is in a remediation": version in named,
        "is to be kept": record.tags.get(MARKED) == KEEP and not marking,
    }
    if true := [words for words, is_so in why.items() if is_so]:
        raise BrokenError(f"I21: {deed.effect}, though it {' and '.join(true)}")


Check = Callable[[Book, Deed], None]
EFFECTS: tuple[Check, ...] = (
    i2_deeds_of_one_remediation_lie_together,
    i3_one_effect_a_step,
    i4_nothing_on_stale_data,
    i5_nothing_without_evidence,
    i6_never_to_a_version_that_is_bad_archived_or_gone,
    i8_something_healthy_serves,
    i10_a_kill_switch_is_obeyed,
    i11_only_who_leads_acts,
    i12_a_person_wins,
    i13_what_was_approved_is_what_runs,
    i19_observe_does_nothing,
    i21_archive_spares_what_is_needed,
)


def _traffic(deed: Deed) -> Mapping[int, int]:
    traffic = deed.effect.detail.get("traffic", {})
    assert isinstance(traffic, Mapping)
    return traffic


def _planned(deed: Deed) -> list[Mapping[int, int]]:
    """Return every traffic that the plan may set, without what somebody else keeps ready at 0 %."""
    one = deed.one
    if one.remedy is Remedy.ROLLBACK:
        return [_bare(_traffic(deed), {one.to_version or 0: 100})]
    champion, challenger = versions(one)
    frozen = thaw(one)
    set_by = [wanted for _, wanted in stages(champion, challenger, frozen.canary, standby=frozen.standby)]
    return [_bare(_traffic(deed), wanted) for wanted in (*set_by, {champion: 100}, {challenger: 100})]


def _bare(done: Mapping[int, int], wanted: Mapping[int, int]) -> Mapping[int, int]:
    return {**{v: 0 for v, percent in done.items() if not percent}, **wanted}
