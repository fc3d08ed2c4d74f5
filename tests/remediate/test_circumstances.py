"""What the guards are told is what is so, at the moment of the question."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from daemon.config.remedies import Allowed, Promote
from daemon.domain.finding import Check, Statistic
from daemon.domain.registry import DeploymentJob
from daemon.domain.remediation import IN_FLIGHT, Approval, Mode, Remediation, Remedy, Standing, State
from daemon.domain.restraint import Restraint, RestraintKind
from daemon.domain.states import PROPOSALS
from daemon.domain.trail import Phase
from daemon.domain.window import Window
from daemon.ports import PlatformError
from daemon.remediate.circumstances import ask_world, circumstances, cooldown_of, mode_of, windows_since
from daemon.remediate.frozen import rules
from daemon.remediate.guards import Circumstances
from daemon.remediate.guards.circumstances import Spent
from daemon.remediate.stale import ARCHIVED
from daemon.store import approvals, restraints
from tests.remediate.conftest import Tell
from tests.remediate.stories import DRIFT, ENDPOINT, ERRORS, MODEL, QUARTER, START, Story, proposal

FELL = Check(Statistic.ACCURACY)


def ask(story: Story, one: Remediation) -> Circumstances:
    world = ask_world(one, story.settings, story.doors)
    with story.store.begin() as tx:
        return circumstances(one, story.settings, story.doors, world, tx, now=story.now)


def told(story: Story, remedy: Remedy = Remedy.ROLLBACK, *, to: int | None = None, **changes: Any) -> Circumstances:
    return ask(story, story.propose(remedy, to=to, **changes))


def test_all_of_it_is_read(story: Story) -> None:
    story.propose(Remedy.PROMOTE, state=State.VERIFYING, id="under way", began_at=START)
    ends = {f"{n} before": START - n * QUARTER for n in (2, 1, 3)}
    for name, end in ends.items():
        story.propose(Remedy.ROLLBACK, state=State.SUCCEEDED, id=name, updated_at=end, began_at=end)
    story.fires(endpoint="delays")
    pause = restrain(story, RestraintKind.PAUSE)
    restrain(story, RestraintKind.PAUSE, endpoint="delays")
    asked = told(story, to=1)
    assert (asked.now, asked.mode, asked.newest) == (START, Mode.AUTO, START)
    assert [r.id for r in asked.in_flight] == ["under way"]
    assert (asked.ended, asked.cooldown) == ([START - n * QUARTER for n in (1, 2, 3)], timedelta(hours=1))
    assert (asked.state.config_version, asked.stale_after) == (1, timedelta(hours=2))
    assert [(v.version, v.standing) for v in asked.record] == [(1, Standing.GOOD)]
    assert asked.ill_elsewhere == ["delays"]
    assert (asked.target_lacks, asked.alias_version, asked.keeps_champion) == ("", 1, True)
    assert asked.restraints == [pause]
    assert (asked.requests, asked.rows_wanted, asked.hours) == (50, 1000, ())
    assert (asked.stopped, asked.follows) == ("", "")
    assert asked.rules == rules(story.settings, Remedy.ROLLBACK)


def restrain(story: Story, kind: RestraintKind, *, endpoint: str = ENDPOINT) -> Restraint:
    with story.memory.begin() as tx:
        return restraints.impose(tx, Restraint(kind, endpoint, "ada", "because", START))


def test_the_kill_file_and_the_lease_are_asked(story: Story) -> None:
    story.doors = replace(story.doors, stopped=lambda: "pulled", follows=lambda: "another one leads")
    asked = told(story)
    assert (asked.stopped, asked.follows) == ("pulled", "another one leads")


@pytest.mark.parametrize(
    ("remedy", "check", "concerns"),
    [
        (Remedy.ROLLBACK, ERRORS, True),
        (Remedy.ROLLBACK, DRIFT, False),
        (Remedy.RETRAIN, DRIFT, True),
        (Remedy.RETRAIN, FELL, True),
        (Remedy.ROLLBACK, FELL, False),
        (Remedy.RETRAIN, ERRORS, False),
        (Remedy.RETRAIN, Check(Statistic.NULLS, "distance"), False),
        (Remedy.PROMOTE, ERRORS, False),
    ],
)
def test_only_findings_of_its_own_cause_concern_a_remedy(
    story: Story, remedy: Remedy, check: Check, concerns: bool
) -> None:
    story.fires(check)
    assert [t.last.check for t in told(story, remedy).trouble] == ([check] if concerns else [])


def test_evidence_from_labels_alone_may_be_as_old_as_labels_are_late(story: Story) -> None:
    lately, late = story.settings.watch.stale_after, story.settings.labels.fresh_for
    story.fires(FELL)
    one = story.propose(Remedy.RETRAIN)
    assert late > lately and ask(story, one).stale_after == late
    story.fires(DRIFT)
    assert ask(story, one).stale_after == lately


def test_findings_of_another_version_do_not(story: Story) -> None:
    story.fires(version=2)
    assert told(story).trouble == []


@pytest.mark.parametrize("phase", Phase)
def test_what_fires_concerns_it_until_it_is_over(story: Story, phase: Phase) -> None:
    story.fires(phase=phase)
    assert bool(told(story).trouble) is (phase in (Phase.FIRING, Phase.CLEARING))


@pytest.mark.parametrize("phase", Phase)
def test_data_is_broken_from_the_first_window_in_breach(story: Story, phase: Phase) -> None:
    story.fires(Check(Statistic.NULLS, "distance"), phase=phase)
    assert told(story).broken == (["distance/null_rate"] if phase.trouble else [])


def test_trouble_elsewhere_that_is_long_over_is_no_company(story: Story) -> None:
    story.fires(endpoint="delays")
    for _ in range(18):
        story.tick()
    assert told(story).ill_elsewhere == []


def lacks(story: Story, version: int | None) -> str:
    return ask(story, replace(proposal(Remedy.PROMOTE, story.now), to_version=version)).target_lacks


def test_a_target_is_there_when_it_is_ready_not_archived_and_can_be_loaded(story: Story) -> None:
    ready, raw, kept = story.register(), story.register(ready=False), story.register(tags={ARCHIVED: "then"})
    emptied = story.register()
    story.registry.remove_artifacts(MODEL, emptied)
    assert {version: lacks(story, version) for version in (ready, raw, kept, emptied, 99, None)} == {
        ready: "",
        raw: "is not ready in the registry",
        kept: "is archived",
        emptied: "has no artifacts to be loaded from",
        99: "is not in the registry",
        None: "",
    }


def test_what_serves_already_need_not_be_loaded_again(story: Story) -> None:
    story.registry.remove_artifacts(MODEL, 1)
    assert lacks(story, 1) == ""


def hour(story: Story, n: int, remedy: Remedy, endpoint: str = ENDPOINT, **about: Any) -> None:
    """Let a remediation have begun so many hours ago, and ended."""
    began = story.now - n * timedelta(hours=1)
    plain = {"began_at": began, "updated_at": began, "state": State.SUCCEEDED, "id": f"{remedy} {endpoint} {n}"}
    story.propose(remedy, endpoint=endpoint, **{**plain, **about})


def test_budgets_are_spent_by_what_began_in_the_last_day_here_of_this_remedy_and_anywhere(story: Story) -> None:
    for n in (1, 23, 24, 25):
        hour(story, n, Remedy.ROLLBACK)
    hour(story, 2, Remedy.RETRAIN)
    hour(story, 3, Remedy.ROLLBACK, "delays")
    hour(story, 4, Remedy.ROLLBACK, state=State.REJECTED, began_at=None)
    asked = told(story)
    assert asked.spent == Spent(endpoint=4, remedy=3, fleet=5, at_once=0)
    assert asked.budget == Spent(endpoint=4, remedy=2, fleet=10, at_once=3)


def test_what_is_under_way_elsewhere_counts_at_once_and_what_is_here_is_the_slots(story: Story) -> None:
    for n, state in enumerate(sorted(IN_FLIGHT)):
        hour(story, 30, Remedy.RETRAIN, f"endpoint {n}", state=state)
    hour(story, 30, Remedy.RETRAIN, "proposed", state=State.SCHEDULED, began_at=None)
    hour(story, 30, Remedy.RETRAIN, state=State.EXECUTING)
    assert told(story).spent == Spent(endpoint=0, remedy=0, fleet=0, at_once=len(IN_FLIGHT))


@pytest.mark.parametrize(("mode", "spent"), [(Mode.OBSERVE, 1), (Mode.APPROVE, 0), (Mode.AUTO, 0)])
def test_what_was_only_shadowed_spends_the_budget_of_observe_alone(story: Story, mode: Mode, spent: int) -> None:
    modes = story.settings.mode.model_copy(update={"rollback": mode})
    story.settings = story.settings.model_copy(update={"mode": modes})
    hour(story, 1, Remedy.ROLLBACK, state=State.SHADOWED, began_at=None)
    assert told(story).spent == Spent(endpoint=spent, remedy=spent, fleet=spent, at_once=0)


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.SHADOWED])
def test_rows_are_new_since_the_last_training_began_or_would_have(story: Story, state: State) -> None:
    assert told(story, Remedy.RETRAIN, id="first").new_rows is None
    began = None if state is State.SHADOWED else START + QUARTER
    story.propose(Remedy.RETRAIN, id="before", state=state, began_at=began, updated_at=START + QUARTER)
    for n in range(4):
        story.window(Window(START + n * QUARTER, START + (n + 1) * QUARTER))
    story.now += 4 * QUARTER
    assert ask(story, replace(proposal(Remedy.RETRAIN, story.now), id="second")).new_rows == 300


def test_only_remedies_that_keep_to_hours_have_them(tell: Tell) -> None:
    story = tell(allowed=Allowed(hours=("22:00-04:00",)))
    asked = {remedy: told(story, remedy).hours for remedy in Remedy}
    assert asked[Remedy.ROLLBACK] == ()
    assert {asked[remedy] for remedy in Remedy if remedy is not Remedy.ROLLBACK} == {("22:00-04:00",)}


@pytest.mark.parametrize(
    ("standby", "canary", "keeps"), [(True, (), True), (False, (10,), True), (False, (), False), (True, (10,), True)]
)
def test_the_champion_stays_where_a_standby_or_a_canary_keeps_it(
    tell: Tell, standby: bool, canary: tuple[int, ...], keeps: bool
) -> None:
    story = tell(promote=Promote(standby=standby, canary=canary))
    assert told(story, Remedy.PROMOTE).keeps_champion is keeps


@pytest.mark.parametrize("state", sorted(PROPOSALS))
def test_a_word_counts_once_the_plan_was_shown(story: Story, state: State) -> None:
    one = story.propose(Remedy.ROLLBACK, state=state)
    word = Approval(one.id, "plan", one.plan_hash, True, "ada", "because", story.now)
    with story.memory.begin() as tx:
        approvals.answer(tx, word)
    assert ask(story, one).approval == (None if state in (State.PROPOSED, State.BLOCKED) else word)


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


JOB_OF_DATABRICKS = DeploymentJob("7", connected=True)


@pytest.mark.parametrize("remedy", Remedy)
def test_a_deployment_job_is_looked_for_where_traffic_would_move(story: Story, remedy: Remedy) -> None:
    story.registry.add(MODEL)
    story.registry.connect(MODEL, JOB_OF_DATABRICKS)
    asked = told(story, remedy, to=2 if remedy is Remedy.PROMOTE else 1 if remedy is Remedy.ROLLBACK else None)
    moves = remedy in (Remedy.PROMOTE, Remedy.ROLLBACK)
    assert asked.deployment == (JOB_OF_DATABRICKS if moves else None)


def test_that_a_version_is_gone_is_for_another_guard_to_say(story: Story) -> None:
    story.registry.connect(MODEL, JOB_OF_DATABRICKS)
    asked = told(story, Remedy.PROMOTE, to=99)
    assert (asked.deployment, asked.target_lacks) == (None, "is not in the registry")


@pytest.mark.parametrize(("remedy", "to"), [(Remedy.PROMOTE, 2), (Remedy.ROLLBACK, 1)])
def test_a_deployment_job_that_does_not_deploy_is_not_looked_for(story: Story, remedy: Remedy, to: int) -> None:
    story.registry.add(MODEL)
    story.registry.connect(MODEL, JOB_OF_DATABRICKS)
    story.settings = story.settings.model_copy(update={"promote": Promote(deployment_job="ignore")})
    story.registry.fail_next(PlatformError("nobody asks", permanent=False), call="deployment_job")
    assert told(story, remedy, to=to).deployment is None


def test_no_rollback_waits_for_the_right_to_look_for_a_deployment_job(story: Story) -> None:
    story.registry.add(MODEL)
    refused = PlatformError("User does not have EXECUTE", permanent=True)
    story.registry.fail_next(refused, call="deployment_job")
    assert told(story, Remedy.ROLLBACK, to=1).deployment is None
    story.registry.fail_next(refused, call="deployment_job")
    with pytest.raises(PlatformError, match="EXECUTE"):
        told(story, Remedy.PROMOTE, to=2)


def test_a_rollback_waits_while_the_workspace_does_not_answer(story: Story) -> None:
    story.registry.fail_next(PlatformError("away", permanent=False), call="deployment_job")
    with pytest.raises(PlatformError, match="away"):
        told(story, Remedy.ROLLBACK, to=1)
