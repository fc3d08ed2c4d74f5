"""Stages of the registry are kept in step where a team goes by them, and never taken out of somebody's hand."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.config.remedies import Archive, Promote
from daemon.domain.finding import Verdict
from daemon.domain.registry import Stage
from daemon.domain.remediation import Remedy, State, Step, StepState
from daemon.ports import PlatformError
from daemon.remediate.journal import Outcome
from daemon.remediate.registry_stage import move_stage
from tests.fakes import FakeRegistry
from tests.remediate.conftest import Tell
from tests.remediate.stories import ENDPOINT, MODEL, START, Story
from tests.remediate.test_promote import promotion
from tests.remediate.test_rollback import bad_release

RULES = Promote(canary=(20,), windows=1, requests=50, load_requests=4, smoke_requests=1, stages=True)
NONE, STAGING, PRODUCTION, ARCHIVED = Stage


@pytest.fixture
def staged(tell: Tell) -> Story:
    """Version 1 is in production."""
    story = tell(promote=RULES)
    story.registry.set_stage(MODEL, 1, PRODUCTION)
    story.ledger.effects.clear()
    return story


def stages(story: Story) -> list[Stage]:
    return [v.stage for v in story.registry.versions(MODEL)]


def moves(story: Story) -> list[tuple[str, str]]:
    return [(e.subject.rpartition("/")[2], str(e.detail["stage"])) for e in story.ledger.of("registry.set_stage")]


def up_to(story: Story, act: str) -> Story:
    """Live until this act is done."""
    for _ in range(100):
        if any(s.name == act and s.state is StepState.DONE for s in story.steps()):
            return story
        story.tick()
        story.step()
    raise AssertionError(f"{act} never came: {story.newest().outcome}")


def test_staging_while_it_bakes_production_in_charge_archived_after(staged: Story) -> None:
    up_to(promotion(staged), "bake-20")
    assert stages(staged) == [PRODUCTION, STAGING]
    staged.live(until=State.VERIFYING)
    assert stages(staged) == [PRODUCTION, PRODUCTION], "the way back stays open"
    staged.live()
    assert staged.newest().state is State.SUCCEEDED
    assert stages(staged) == [ARCHIVED, PRODUCTION]
    assert moves(staged) == [("2", "Staging"), ("2", "Production"), ("1", "Archived")]
    calls = [call for call, _ in staged.done()]
    assert calls[-4:-1] == ["registry.set_alias", "registry.set_stage", "serving.update"]


@pytest.mark.parametrize("reached", ["smoke", "bake-20", "production"])
def test_a_promotion_that_is_backed_out_leaves_the_stages_as_it_found_them(staged: Story, reached: str) -> None:
    if reached == "smoke":
        staged.serving.answers[ENDPOINT, 2] = (400, 5.0)
    if reached == "bake-20":
        staged.verdicts[2] = Verdict.BREACH
    promotion(staged)
    if reached == "production":
        staged.live(until=State.VERIFYING)
        staged.verdicts[2] = Verdict.BREACH
    staged.live()
    assert staged.newest().state is State.FAILED
    assert stages(staged) == [PRODUCTION, NONE]


def test_a_breach_that_comes_late_takes_the_champion_out_of_the_archive(staged: Story) -> None:
    promotion(staged).live(until=State.VERIFYING)
    staged.registry.lose_reply("set_stage")
    for _ in range(60):
        staged.tick()
        staged.attempt(staged.step)
        if stages(staged)[0] is ARCHIVED:
            break
    assert staged.newest().state is State.VERIFYING
    staged.verdicts[2] = Verdict.BREACH
    for _ in range(9):
        staged.tick()
    assert staged.live().newest().state is State.FAILED
    assert stages(staged) == [PRODUCTION, NONE]
    assert staged.traffic() == {1: 100}


BY_HAND: dict[str, tuple[str, int, Stage]] = {
    "before it is staged": ("stage", 2, ARCHIVED),
    "while it bakes": ("canary-20", 2, NONE),
    "before full charge": ("bake-20", 2, PRODUCTION),
    "before it is in charge": ("full", 2, ARCHIVED),
    "while it is verified": ("production", 2, STAGING),
    "the champion, before it is archived": ("production", 1, STAGING),
}


@pytest.mark.parametrize("when", BY_HAND)
def test_a_stage_changed_by_hand_ends_the_plan(staged: Story, when: str) -> None:
    act, version, stage = BY_HAND[when]
    up_to(promotion(staged), act)
    staged.registry.set_stage(MODEL, version, stage)
    before = len(staged.ledger.of("registry.set_stage"))
    staged.live()
    assert staged.newest().state is State.SUPERSEDED
    assert f"moved version {version} to stage {stage}" in staged.newest().outcome
    assert len(staged.ledger.of("registry.set_stage")) == before
    assert staged.registry.version(MODEL, version).stage is stage


def test_a_rollback_takes_the_target_to_production_and_the_bad_one_to_the_archive(staged: Story) -> None:
    bad_release(staged)
    staged.registry.set_stage(MODEL, 1, ARCHIVED)
    staged.registry.set_stage(MODEL, 2, PRODUCTION)
    staged.live()
    assert staged.newest().state is State.SUCCEEDED
    assert stages(staged) == [PRODUCTION, ARCHIVED]
    assert [s.name for s in staged.steps()] == ["traffic", "alias", "production", "archived"]


def test_a_registry_without_stages_backs_the_promotion_out_before_any_traffic(staged: Story) -> None:
    refused = PlatformError("Unity Catalog has no stages", permanent=True)
    staged.registry.fail_next(refused, call="set_stage")
    promotion(staged).live()
    assert staged.newest().state is State.FAILED
    assert staged.traffic() == {1: 100}
    assert "Unity Catalog has no stages" in staged.newest().outcome


def test_a_stage_that_cannot_be_set_at_the_end_does_not_undo_a_success(staged: Story) -> None:
    promotion(staged).live(until=State.VERIFYING)
    staged.registry.fail_next(PlatformError("not allowed", permanent=True), call="set_stage")
    staged.live()
    assert staged.newest().state is State.SUCCEEDED
    assert "not allowed" in staged.newest().outcome
    assert stages(staged) == [PRODUCTION, PRODUCTION]


@pytest.mark.parametrize("keeps", [True, False])
def test_an_archived_version_is_in_the_stage_that_says_so(tell: Tell, tmp_path: Path, keeps: bool) -> None:
    rules = Archive(folder=tmp_path / "vault", keep=1, remove=True, wait=timedelta(0))
    story = tell(promote=RULES.model_copy(update={"stages": keeps}), archive=rules)
    for n in range(2, 5):
        story.registry.add(MODEL, created_at=START - timedelta(days=200 - n))
    story.registry.set_stage(MODEL, 3, STAGING)
    for _ in ("mark", "archive"):
        story.housekeep()
        story.live()
        story.now += timedelta(hours=1)
        story.seen()
    assert story.ends() == [(Remedy.ARCHIVE, State.SUCCEEDED)] * 2
    assert stages(story) == [NONE, ARCHIVED if keeps else NONE, STAGING, NONE], "what is in a stage is in use"


INTENT: dict[str, Any] = {"remediation_id": "r", "n": 0, "name": "x", "state": StepState.INTENT, "token": "t"}


@pytest.mark.parametrize(
    ("at", "expected", "how", "outcome"),
    [
        (NONE, NONE, {}, Outcome.READY),
        (STAGING, NONE, {}, Outcome.DONE),
        (PRODUCTION, NONE, {}, Outcome.FOREIGN),
        (PRODUCTION, PRODUCTION, {"was": [NONE]}, Outcome.FOREIGN),
        (PRODUCTION, PRODUCTION, {"was": [NONE], "fine": [PRODUCTION]}, Outcome.DONE),
        (ARCHIVED, ARCHIVED, {}, Outcome.READY),
    ],
)
def test_where_a_version_stands_says_whether_to_move_it(
    tmp_path: Path, at: Stage, expected: Stage, how: dict[str, Any], outcome: Outcome
) -> None:
    registry = FakeRegistry(tmp_path)
    registry.add(MODEL)
    registry.set_stage(MODEL, 1, expected)
    act = move_stage("x", registry, MODEL, 1, STAGING, **how)
    intent = Step(**INTENT, expected=act.base())
    registry.set_stage(MODEL, 1, at)
    assert act.look(intent).outcome is outcome
    if outcome is Outcome.READY and act.do:
        act.do(intent)
        assert act.look(intent).outcome is Outcome.DONE
