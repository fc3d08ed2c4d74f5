"""What the guards are told is what is so, at the moment of the question."""

from dataclasses import replace
from datetime import timedelta

import pytest

from daemon.domain.finding import Check, Statistic
from daemon.domain.remediation import Mode, Remedy, Standing, State
from daemon.domain.window import Window
from daemon.ports import PlatformError
from daemon.remediate.circumstances import circumstances, cooldown_of, mode_of, windows_since
from daemon.remediate.guards import Circumstances
from daemon.remediate.stale import ARCHIVED
from tests.remediate.stories import DRIFT, ENDPOINT, ERRORS, QUARTER, START, Story, proposal


def told(story: Story, remedy: Remedy = Remedy.ROLLBACK, *, to: int | None = None) -> Circumstances:
    one = story.propose(remedy, to=to)
    return circumstances(one, story.settings, story.serving, story.registry, story.store, now=story.now)


def test_all_of_it_is_read(story: Story) -> None:
    story.propose(Remedy.PROMOTE, state=State.VERIFYING, id="under way")
    story.propose(Remedy.ROLLBACK, state=State.SUCCEEDED, id="before", updated_at=START - QUARTER)
    story.fires(endpoint="delays")
    asked = told(story, to=1)
    assert (asked.now, asked.mode, asked.newest) == (START, Mode.AUTO, START)
    assert [r.id for r in asked.in_flight] == ["under way"]
    assert (asked.last_ended, asked.cooldown) == (START - QUARTER, timedelta(hours=1))
    assert (asked.state.config_version, asked.stale_after) == (1, timedelta(hours=2))
    assert [(v.version, v.standing) for v in asked.record] == [(1, Standing.GOOD)]
    assert asked.ill_elsewhere == ["delays"]
    assert asked.target_there


@pytest.mark.parametrize(
    ("remedy", "check", "concerns"),
    [
        (Remedy.ROLLBACK, ERRORS, True),
        (Remedy.ROLLBACK, DRIFT, False),
        (Remedy.RETRAIN, DRIFT, True),
        (Remedy.RETRAIN, ERRORS, False),
        (Remedy.RETRAIN, Check(Statistic.NULLS, "distance"), False),
        (Remedy.PROMOTE, ERRORS, False),
    ],
)
def test_only_findings_of_its_own_cause_concern_a_remedy(
    story: Story, remedy: Remedy, check: Check, concerns: bool
) -> None:
    story.fires(check)
    assert told(story, remedy).firing == (frozenset({check.name}) if concerns else frozenset())


def test_findings_of_another_version_do_not(story: Story) -> None:
    story.fires(version=2)
    assert told(story).firing == frozenset()


def test_trouble_elsewhere_that_is_long_over_is_no_company(story: Story) -> None:
    story.fires(endpoint="delays")
    for _ in range(18):
        story.tick()
    assert told(story).ill_elsewhere == []


def target_there(story: Story, version: int | None) -> bool:
    one = replace(proposal(Remedy.PROMOTE, story.now), to_version=version)
    return circumstances(one, story.settings, story.serving, story.registry, story.store, now=story.now).target_there


def test_a_target_is_there_when_it_is_ready_and_not_archived(story: Story) -> None:
    ready, raw, kept = story.register(), story.register(ready=False), story.register(tags={ARCHIVED: "then"})
    there = {version: target_there(story, version) for version in (ready, raw, kept, 99, None)}
    assert there == {ready: True, raw: False, kept: False, 99: False, None: False}


def test_a_registry_that_is_away_does_not_say_that_a_version_is_gone(story: Story) -> None:
    story.registry.fail_next(PlatformError("away", permanent=False), call="version")
    with pytest.raises(PlatformError):
        told(story, to=1)


def test_windows_count_from_their_start(story: Story) -> None:
    for n in range(3):
        story.window(Window(START + n * QUARTER, START + (n + 1) * QUARTER))
    found = windows_since(story.store, ENDPOINT, 1, START + QUARTER)
    assert [(w.window.start, w.requests) for w in found] == [(START + QUARTER, 100), (START + 2 * QUARTER, 100)]
    assert list(windows_since(story.store, ENDPOINT, 2, START)) == []
    assert len(list(windows_since(story.store, ENDPOINT, 1, START + QUARTER + timedelta(seconds=1)))) == 1


def test_a_remedy_that_lacks_what_it_needs_is_off(story: Story) -> None:
    assert [mode_of(story.settings, remedy) for remedy in Remedy] == [Mode.AUTO] * 4
    bare = story.settings.model_copy(
        update={
            "retrain": story.settings.retrain.model_copy(update={"job_id": None}),
            "archive": story.settings.archive.model_copy(update={"folder": None}),
        }
    )
    assert {remedy: mode_of(bare, remedy) for remedy in Remedy} == {
        Remedy.RETRAIN: Mode.OFF,
        Remedy.PROMOTE: Mode.AUTO,
        Remedy.ROLLBACK: Mode.AUTO,
        Remedy.ARCHIVE: Mode.OFF,
    }


def test_what_people_wait_for_has_the_shorter_cooldown(story: Story) -> None:
    hours = {remedy: cooldown_of(story.settings, remedy) / timedelta(hours=1) for remedy in Remedy}
    assert hours == {Remedy.RETRAIN: 24, Remedy.ROLLBACK: 1, Remedy.PROMOTE: 0, Remedy.ARCHIVE: 0}
