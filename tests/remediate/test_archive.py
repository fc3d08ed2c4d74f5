"""Housekeeping from mark to archive and back: nothing that anybody needs, nothing that cannot be restored."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from daemon.config.remedies import Archive
from daemon.domain.registry import ModelVersion, Stage
from daemon.domain.remediation import Mode, Remedy, Standing, State
from daemon.ports import PlatformError
from daemon.remediate import archive, vault
from daemon.remediate.stale import ARCHIVED, KEEP, MARKED, Housekeeping
from tests.remediate.conftest import Tell
from tests.remediate.faults import full_disk
from tests.remediate.stories import AUTO, MODEL, START, Story
from tests.remediate.test_vault import read

DAY = timedelta(days=1)
FILES = {"MLmodel": b"flavors: {}\n", "empty": b"", "données/модель.bin": bytes(range(256)) * 9}


@pytest.fixture
def stale(story: Story) -> Story:
    """Versions 2 and 3 are old and unused; 1 serves, 4 and 5 are the newest."""
    for n in range(2, 6):
        story.registry.add(MODEL, created_at=START - (200 - n) * DAY, files=FILES)
    return story


def marked(story: Story) -> Story:
    story.housekeep()
    story.live()
    return story


def ripe(story: Story) -> Story:
    """Mark, wait, and propose to archive."""
    marked(story)
    story.now += story.settings.archive.wait
    story.housekeep()
    return story


def tags(story: Story, version: int) -> set[str]:
    return set(story.registry.version(MODEL, version).tags)


def artifacts(story: Story, version: int) -> dict[str, bytes]:
    return read(story.registry.artifacts(MODEL, version))


def test_stale_versions_are_marked_first(stale: Story) -> None:
    marked(stale)
    assert stale.ends() == [(Remedy.ARCHIVE, State.SUCCEEDED)]
    assert [v for v in range(1, 6) if MARKED in tags(stale, v)] == [2, 3]
    assert artifacts(stale, 2) == FILES


def test_the_wait_counts_from_the_mark_not_from_its_proposal(stale: Story) -> None:
    stale.housekeep()
    stale.now += timedelta(hours=20)
    stale.seen()
    stale.live()
    at = stale.registry.version(MODEL, 2).tags[MARKED]
    assert at == stale.steps()[0].started_at.isoformat()  # type: ignore[union-attr]
    assert at > (START + timedelta(hours=20)).isoformat()


def test_what_was_seen_before_a_mark_was_made_proposes_none_after_it(stale: Story) -> None:
    """The workspace was slow to answer: meanwhile the versions that it shows unmarked have been marked."""
    stale.housekeep()
    shown = stale.registry.versions(MODEL)

    class Slow:
        def versions(self, _model: str) -> list[ModelVersion]:
            stale.live()
            return shown

    found = archive.housekeep(stale.settings, stale.serving, Slow(), stale.store, now=stale.now)  # type: ignore[arg-type]
    assert found.mark == (2, 3), "as it was when the workspace was asked"
    assert stale.ends() == [(Remedy.ARCHIVE, State.SUCCEEDED)]


def test_nothing_is_archived_before_its_time(stale: Story) -> None:
    marked(stale)
    stale.now += stale.settings.archive.wait - timedelta(hours=1)
    assert stale.housekeep().archive == ()
    assert not stale.opened()


def test_in_its_time_it_is_archived_removed_and_comes_back_bit_for_bit(stale: Story) -> None:
    ripe(stale).live()
    assert stale.ends() == [(Remedy.ARCHIVE, State.SUCCEEDED)] * 2
    for version in (2, 3):
        assert artifacts(stale, version) == {}
        assert {MARKED, ARCHIVED} <= tags(stale, version)
        back = stale.folder / f"back-{version}"
        vault.restore(stale.folder / "vault", MODEL, version, back)
        stale.registry.upload(MODEL, version, back)
        assert artifacts(stale, version) == FILES
    assert not list((stale.folder / "scratch").glob("*"))
    assert stale.housekeep() == Housekeeping()


def test_without_leave_to_remove_the_registry_keeps_its_files(stale: Story) -> None:
    rules = stale.settings.archive.model_copy(update={"remove": False})
    stale.settings = stale.settings.model_copy(update={"archive": rules})
    ripe(stale).live()
    assert artifacts(stale, 2) == FILES
    assert ARCHIVED in tags(stale, 2)
    assert not stale.ledger.of("registry.remove_artifacts")


def go_on(story: Story) -> None:
    for _ in range(12):
        story.tick()
        story.step()


def archived(story: Story) -> State:
    """Return what became of the archive, whatever else is open."""
    return next(r.state for r in story.history() if r.reason == "stale_archive")


OBJECTIONS: dict[str, Callable[[Story], object]] = {
    "its mark is set to keep": lambda s: s.registry.set_tag(MODEL, 3, MARKED, KEEP),
    "its mark is moved": lambda s: s.registry.set_tag(MODEL, 3, MARKED, s.now.isoformat()),
    "it gets an alias": lambda s: s.registry.set_alias(MODEL, "previous", 3),
    "it serves": lambda s: s.serving.add("elsewhere", MODEL, {3: 100}),
    "it is staged": lambda s: s.serving.add("elsewhere", MODEL, {1: 100, 3: 0}),
    "it is known good elsewhere": lambda s: s.stands(3, Standing.GOOD, endpoint="elsewhere"),
    "it vanishes": lambda s: s.registry.drop(MODEL, 3),
    "a remediation is about it": lambda s: s.propose(Remedy.ROLLBACK, to=3, endpoint="elsewhere"),
    "too many are stale": lambda s: [s.registry.add(MODEL, created_at=START - 300 * DAY) for _ in range(6)],
}


@pytest.mark.parametrize("what", OBJECTIONS)
def test_what_happens_to_one_of_them_in_between_stops_the_archive(stale: Story, what: str) -> None:
    ripe(stale)
    OBJECTIONS[what](stale)
    before = stale.done()
    go_on(stale)
    assert archived(stale) is State.SUPERSEDED
    assert stale.done() == before
    assert not (stale.folder / "vault").exists()


@pytest.mark.parametrize("what", sorted(set(OBJECTIONS) - {"it vanishes", "too many are stale"}))
def test_also_between_the_copy_and_the_removal(stale: Story, what: str) -> None:
    ripe(stale)
    while not any(s.name == "tag-3" and s.ended_at for s in stale.steps()):
        stale.live(until=State.EXECUTING)
    OBJECTIONS[what](stale)
    go_on(stale)
    assert archived(stale) is State.SUPERSEDED
    assert artifacts(stale, 3) == FILES
    assert artifacts(stale, 2) == {}


def test_a_mark_that_somebody_set_first_is_theirs(stale: Story) -> None:
    stale.housekeep()
    stale.registry.set_tag(MODEL, 2, MARKED, KEEP)
    stale.live()
    assert stale.newest().state is State.SUPERSEDED
    assert stale.registry.version(MODEL, 2).tags[MARKED] == KEEP


@pytest.mark.parametrize("remedy", [Remedy.ROLLBACK, Remedy.RETRAIN, Remedy.PROMOTE])
def test_what_an_open_remediation_names_is_in_use(stale: Story, remedy: Remedy) -> None:
    stale.propose(remedy, to=3, from_version=2)
    assert stale.housekeep().mark == ()


def test_the_last_two_good_versions_of_every_endpoint_are_in_use(stale: Story) -> None:
    stale.stands(2, Standing.GOOD)
    stale.stands(3, Standing.BAD)
    assert stale.housekeep().mark == (3,)
    stale.stands(3, Standing.GOOD, endpoint="elsewhere")
    assert stale.housekeep().mark == ()


def test_a_registry_that_shows_nothing_is_refused(story: Story) -> None:
    story.registry.drop(MODEL, 1)
    assert story.housekeep().refused
    assert not story.history()


def test_a_workspace_that_cannot_say_what_serves_keeps_everything(stale: Story) -> None:
    stale.serving.fail_next(PlatformError("away", permanent=False), call="serving_anywhere")
    with pytest.raises(PlatformError):
        stale.housekeep()
    assert not stale.history()


def test_one_registered_model_is_kept_house_for_once_at_a_time(stale: Story) -> None:
    stale.housekeep()
    stale.settings = stale.settings.model_copy(update={"name": "elsewhere"})
    assert stale.housekeep().mark == (2, 3)
    assert len(stale.history()) == 1


@pytest.mark.parametrize(("files", "size"), [(30, 200_000), (1, 5_000_000)], ids=["of the vault", "of the scratch"])
def test_a_full_disk_in_the_middle_leaves_the_original_untouched(stale: Story, files: int, size: int) -> None:
    for n in range(files):
        stale.registry.artifacts(MODEL, 2).joinpath(f"part-{n}").write_bytes(os.urandom(size))
    before = artifacts(stale, 2)
    ripe(stale)
    with full_disk(4_000_000):
        stale.live()
    assert stale.newest().state is State.FAILED
    assert ARCHIVED not in tags(stale, 2)
    assert not stale.ledger.of("registry.remove_artifacts")
    assert artifacts(stale, 2) == before
    assert not (stale.folder / "vault").exists() or read(stale.folder / "vault") == {}
    assert not list((stale.folder / "scratch").glob("*"))


def test_what_does_not_read_back_is_not_removed(stale: Story) -> None:
    ripe(stale)
    while not any(s.name == "tag-2" and s.ended_at for s in stale.steps()):
        stale.live(until=State.EXECUTING)
    tar = stale.folder / "vault" / MODEL / "2.tar.zst"
    tar.write_bytes(tar.read_bytes()[:-1])
    stale.live()
    assert stale.newest().state is State.FAILED
    assert artifacts(stale, 2) == FILES


def test_a_version_whose_files_are_gone_already_fails_and_harms_nobody(stale: Story) -> None:
    stale.registry.remove_artifacts(MODEL, 2)
    ripe(stale).live()
    assert stale.newest().state is State.FAILED
    assert "has no artifacts" in stale.newest().outcome
    assert artifacts(stale, 3) == FILES


def test_an_archive_folder_that_is_no_longer_configured_calls_a_person(stale: Story) -> None:
    ripe(stale).live(until=State.EXECUTING)
    rules = stale.settings.archive.model_copy(update={"folder": None})
    stale.settings = stale.settings.model_copy(update={"archive": rules})
    stale.live()
    assert stale.newest().state is State.NEEDS_HUMAN, "without what it needs a remedy is off"
    assert "its mode was turned to off" in stale.newest().outcome


def test_a_rollback_does_not_wait_for_housekeeping(stale: Story) -> None:
    ripe(stale).live(until=State.EXECUTING)
    stale.serving.deploy("flights", {5: 100})
    stale.seen()
    stale.fires(version=5)
    stale.propose(Remedy.ROLLBACK, to=1, from_version=5)
    stale.live()
    ends = {r.remedy: r.state for r in stale.history()}
    assert ends == {Remedy.ARCHIVE: State.SUPERSEDED, Remedy.ROLLBACK: State.SUCCEEDED}
    assert stale.traffic() == {1: 100}


def test_observe_only_says_what_it_would_do(stale: Story) -> None:
    modes = AUTO.model_copy(update={"archive": Mode.OBSERVE})
    stale.settings = stale.settings.model_copy(update={"mode": modes})
    marked(stale)
    assert stale.ends() == [(Remedy.ARCHIVE, State.SHADOWED)]
    assert "mark stale versions" in stale.newest().outcome
    assert not stale.ledger.effects


def test_over_its_cap_nothing_is_proposed_at_all(story: Story) -> None:
    for _ in range(story.settings.archive.most + story.settings.archive.keep + 1):
        story.registry.add(MODEL, created_at=START - 200 * DAY)
    assert "look first" in story.housekeep().refused
    assert not story.history()


@pytest.mark.parametrize("phase", ["mark", "archive"])
@pytest.mark.parametrize("versions", [[], None])
def test_no_version_named_is_an_error_and_never_means_all_of_them(
    stale: Story, phase: str, versions: list[int] | None
) -> None:
    stale.propose(Remedy.ARCHIVE, plan={"phase": phase, "versions": versions}, from_version=None)
    stale.step()
    for _ in range(3):
        with pytest.raises(ValueError, match="names no version"):
            stale.step()
    assert not stale.ledger.effects


VERSIONS = range(2, 9)
SOME = st.frozensets(st.sampled_from(VERSIONS), max_size=4)


@dataclass(frozen=True)
class Needs:
    """Who needs which versions."""

    aliased: frozenset[int]
    staged: frozenset[int]
    served: frozenset[int]
    good_elsewhere: frozenset[int]
    kept: frozenset[int]
    remediated: frozenset[int]

    def everywhere(self, story: Story) -> None:
        for v in self.aliased:
            story.registry.set_alias(MODEL, f"alias-{v}", v)
        for v in self.staged:
            story.registry.set_stage(MODEL, v, Stage.STAGING if v % 2 else Stage.PRODUCTION)
        for v in self.served:
            story.serving.add(f"other-{v}", MODEL, {1: 100, v: 0})
        for v in self.good_elsewhere:
            story.stands(v, Standing.GOOD, endpoint=f"other-{v}")
        for v in self.kept:
            story.registry.set_tag(MODEL, v, MARKED, KEEP)
        known = {r.id for r in story.opened()}
        for v in (v for v in self.remediated if f"about-{v}" not in known):
            story.propose(Remedy.ROLLBACK, to=v, endpoint=f"other-{v}", id=f"about-{v}")

    def versions(self) -> frozenset[int]:
        return self.aliased | self.staged | self.served | self.good_elsewhere | self.kept | self.remediated


NEEDS = st.builds(Needs, *[SOME] * 6)
NOBODY = Needs(*[frozenset[int]()] * 6)
TOUCHES = ("registry.set_tag", "registry.remove_artifacts", "registry.set_stage")


@given(first=NEEDS, later=NEEDS)
@example(first=NOBODY, later=NOBODY)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_somebody_needs_is_never_touched_and_what_nobody_needs_is(
    tell: Tell, first: Needs, later: Needs
) -> None:
    story = tell(archive=Archive(folder=Path("vault"), keep=2, most=9, remove=True))
    story.settings = story.settings.model_copy(
        update={"archive": story.settings.archive.model_copy(update={"folder": story.folder / "vault"})}
    )
    for n in VERSIONS:
        story.registry.add(MODEL, created_at=START - (200 - n) * DAY, files=FILES)
    before = {v: artifacts(story, v) for v in VERSIONS}
    newest = frozenset(VERSIONS[-2:]) | {1}

    first.everywhere(story)
    marked = _touched(story, lambda: keep_house(story))
    assert marked == frozenset(VERSIONS) - first.versions() - newest

    story.now += story.settings.archive.wait
    later.everywhere(story)
    archived = _touched(story, lambda: keep_house(story))
    spared = first.versions() | later.versions() | newest
    assert not archived & spared
    gone = {v for v in VERSIONS if artifacts(story, v) != before[v]}
    assert gone <= archived
    if (first, later) == (NOBODY, NOBODY):
        assert gone == marked, "and something is, where nobody objects"
    for v in gone:
        back = story.folder / f"back-{v}"
        vault.restore(story.folder / "vault", MODEL, v, back)
        assert read(back) == before[v]


def keep_house(story: Story) -> None:
    """Look, and let what that brings forth come to its end."""
    story.housekeep()
    for _ in range(100):
        if not any(r.remedy is Remedy.ARCHIVE for r in story.opened()):
            return
        story.tick()
        story.step()
    raise AssertionError("housekeeping never ended")


def _touched(story: Story, work: Callable[[], object]) -> frozenset[int]:
    """Return the versions that something was done to meanwhile."""
    known = len(story.ledger.effects)
    work()
    return frozenset(int(e.subject.rpartition("/")[2]) for e in story.ledger.effects[known:] if e.call in TOUCHES)
