"""Each guard, in a world where everything else is as it should be."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.finding import Against, Reason, Verdict
from daemon.domain.registry import Deployment, DeploymentJob
from daemon.domain.remediation import IN_FLIGHT, Mode, Remediation, Remedy, Standing, State
from daemon.domain.restraint import RestraintKind
from daemon.domain.serving import Update
from daemon.domain.trail import Phase
from daemon.remediate.guards import GUARDS, ask_all
from daemon.remediate.guards.circumstances import Circumstances, Fleet, Spent
from tests.remediate.stories import DRIFT, ENDPOINT, QUARTER, START, firing
from tests.remediate.worlds import (
    HOUR,
    RULES,
    SECOND,
    drifts,
    fires,
    planned,
    restrained,
    serving,
    verdict,
    wanted,
    well,
    word,
)

ROLLBACK, RETRAIN, PROMOTE, ARCHIVE = Remedy.ROLLBACK, Remedy.RETRAIN, Remedy.PROMOTE, Remedy.ARCHIVE


def against(one: Remediation, world: Circumstances) -> list[str]:
    return [r.guard for r in ask_all(one, world) if not r.passed]


def under_way(remedy: Remedy, state: State = State.EXECUTING) -> Remediation:
    return wanted(remedy, id="other", state=state)


def last_window(trail: Any, verdict: Verdict, n: int = 1000) -> Any:
    return replace(trail, last=replace(trail.last, verdict=verdict, reason=Reason.NOT_CERTAIN, n=n))


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.OBSERVE])
@pytest.mark.parametrize("remedy", Remedy)
def test_where_all_is_well_every_guard_lets_every_remedy_through(remedy: Remedy, mode: Mode) -> None:
    assert against(wanted(remedy), well(mode=mode)) == []


@pytest.mark.parametrize("remedy", Remedy)
def test_in_mode_approve_all_but_a_persons_word_is_there(remedy: Remedy) -> None:
    assert against(wanted(remedy), well(mode=Mode.APPROVE)) == ["approval"]


@pytest.mark.parametrize("mode", [Mode.APPROVE, Mode.AUTO])
@pytest.mark.parametrize("state", [State.APPROVED, State.SCHEDULED])
@pytest.mark.parametrize("remedy", [ROLLBACK, PROMOTE])
def test_what_was_approved_and_is_as_planned_is_let_through(remedy: Remedy, state: State, mode: Mode) -> None:
    one = planned(remedy, state)
    assert against(one, well(mode=mode, approval=word(one))) == []


AT_WORK = DeploymentJob("7", connected=True, run=Deployment.RUNS, words="CONNECTED, RUNNING")
CLOSED = {"hours": ["Sun 22:00-04:00"]}
"""START is a Sunday noon."""
ALONE: list[tuple[str, Remedy, dict[str, Any]]] = [
    ("mode", ROLLBACK, {"mode": Mode.OFF}),
    ("kill_switch", ROLLBACK, {"stopped": "the kill switch is pulled: /kill is there"}),
    *(("kill_switch", remedy, restrained(RestraintKind.KILL)) for remedy in Remedy),
    ("lease", ROLLBACK, {"follows": "another daemon leads"}),
    *(("pause", remedy, restrained(RestraintKind.PAUSE)) for remedy in Remedy),
    *(("pause", remedy, restrained(RestraintKind.MAINTENANCE)) for remedy in Remedy),
    *(("hold", remedy, restrained(RestraintKind.HOLD)) for remedy in Remedy),
    ("hours", RETRAIN, CLOSED),
    ("hours", ROLLBACK, CLOSED),
    ("slot", ROLLBACK, {"in_flight": [under_way(PROMOTE)]}),
    ("slot", RETRAIN, {"in_flight": [under_way(ARCHIVE, State.NEEDS_HUMAN)]}),
    ("cooldown", RETRAIN, {"ended": [START - HOUR + SECOND]}),
    ("cooldown", ROLLBACK, {"ended": [START - HOUR, START - 3 * HOUR]}),
    ("budget", ROLLBACK, {"spent": Spent(4, 1, 9, 2)}),
    ("budget", ROLLBACK, {"spent": Spent(3, 2, 9, 2)}),
    ("budget", RETRAIN, {"spent": Spent(3, 1, 10, 2)}),
    ("budget", ARCHIVE, {"spent": Spent(3, 1, 9, 3)}),
    ("fresh", ROLLBACK, {"trouble": [fires(seen=START - HOUR - SECOND)]}),
    ("fresh", ROLLBACK, {"trouble": [fires(seen=None)], "newest": START}),
    ("fresh", ROLLBACK, {"trouble": [fires(seen=START - 2 * HOUR), fires(Against.ITSELF)]}),
    ("fresh", RETRAIN, {"trouble": [drifts(seen=START - 2 * HOUR)]}),
    ("fresh", PROMOTE, {"newest": START - HOUR - SECOND}),
    ("fresh", PROMOTE, {"newest": None}),
    ("still_firing", RETRAIN, {"trouble": ()}),
    ("still_firing", RETRAIN, {"trouble": [drifts(flapping=True)]}),
    ("still_firing", ROLLBACK, {"trouble": [fires(flapping=True)]}),
    ("enough_rows", RETRAIN, {"trouble": [last_window(drifts(), Verdict.BREACH, n=999)]}),
    *(
        ("enough_rows", remedy, {"trouble": [last_window(trail, verdict)]})
        for remedy, trail in ((ROLLBACK, fires()), (RETRAIN, drifts(phase=Phase.CLEARING)))
        for verdict in (Verdict.INCONCLUSIVE, Verdict.NO_DATA, Verdict.HEALTHY)
    ),
    ("enough_rows", ROLLBACK, {"trouble": [last_window(fires(), Verdict.INCONCLUSIVE), fires(Against.ITSELF)]}),
    *(
        ("attributable", ROLLBACK, {"trouble": [fires(against)]})
        for against in (Against.BASELINE, Against.ITSELF, Against.NOTHING)
    ),
    ("attributable", ROLLBACK, {"trouble": [fires(flapping=True), fires(Against.ITSELF)]}),
    ("sound_data", RETRAIN, {"broken": ["distance/null_rate"]}),
    ("new_rows", RETRAIN, {"new_rows": 999}),
    *(("alone", remedy, {"ill_elsewhere": ["delays"]}) for remedy in (ROLLBACK, RETRAIN, PROMOTE)),
    *(("storm", remedy, {"fleet": Fleet(5, frozenset("abc"), 3)}) for remedy in Remedy),
    *(("storm", remedy, restrained(RestraintKind.STORM)) for remedy in Remedy),
    ("settled", ROLLBACK, {"state": serving({2: 100}, Update.IN_PROGRESS)}),
    ("settled", ARCHIVE, {"state": serving({2: 100}, Update.UNKNOWN)}),
    ("base", ROLLBACK, {"state": serving({1: 100})}),
    ("base", ROLLBACK, {"state": serving({1: 100, 2: 0})}),
    ("base", RETRAIN, {"state": serving({})}),
    ("base", PROMOTE, {"state": serving({2: 90, 3: 10})}),
    ("target", ROLLBACK, {"target_lacks": "is archived"}),
    ("target", PROMOTE, {"target_lacks": "is not in the registry"}),
    ("target", ROLLBACK, {"record": [verdict(1, Standing.BAD)]}),
    ("target", PROMOTE, {"record": [verdict(3, Standing.BAD)]}),
    ("target", ROLLBACK, {"record": [verdict(2, Standing.GOOD)]}),
    ("not_put_back", ROLLBACK, {"record": [verdict(1, Standing.GOOD), verdict(2, Standing.BAD)]}),
    ("deployment", PROMOTE, {"deployment": DeploymentJob("7", connected=True)}),
    ("deployment", PROMOTE, {"deployment": DeploymentJob("7", connected=False, run=Deployment.WAITS)}),
    *(("deployment", remedy, {"deployment": AT_WORK}) for remedy in (PROMOTE, ROLLBACK)),
    ("last_healthy", PROMOTE, {"keeps_champion": False}),
    ("approval", ROLLBACK, {"mode": Mode.APPROVE}),
]
WITH_A_PLAN: list[tuple[str, Remedy, dict[str, Any]]] = [
    *(("mode", ROLLBACK, {"mode": mode}) for mode in (Mode.OFF, Mode.OBSERVE)),
    *(
        ("unchanged", remedy, changes)
        for remedy in (ROLLBACK, PROMOTE)
        for changes in ({"state": serving({2: 100}, config_version=6)}, {"alias_version": 1}, {"alias_version": None})
    ),
    ("unchanged", ROLLBACK, {"state": serving({1: 50, 2: 50})}),
    ("rules", PROMOTE, {"rules": {"rollback": {"windows": 3}}}),
    ("rules", PROMOTE, {"rules": {}}),
    ("approval", ROLLBACK, {"approval": word(planned(ROLLBACK), granted=False)}),
    ("approval", ROLLBACK, {"approval": word(planned(ROLLBACK), plan_hash=64 * "0")}),
    ("approval", ROLLBACK, {"approval": None}),
]


@pytest.mark.parametrize(("guard", "remedy", "changes"), ALONE)
def test_one_guard_alone_says_no(guard: str, remedy: Remedy, changes: dict[str, Any]) -> None:
    assert against(wanted(remedy), well(**changes)) == [guard]


@pytest.mark.parametrize("state", [State.APPROVED, State.SCHEDULED])
@pytest.mark.parametrize(("guard", "remedy", "changes"), WITH_A_PLAN)
def test_one_guard_alone_says_no_to_what_was_approved(
    guard: str, remedy: Remedy, changes: dict[str, Any], state: State
) -> None:
    one = planned(remedy, state)
    world = {"mode": Mode.APPROVE, "approval": word(one), **changes}
    assert against(one, well(**world)) == [guard]


def test_every_guard_has_been_seen_to_say_no_alone() -> None:
    assert {guard for guard, _, _ in ALONE + WITH_A_PLAN} == set(GUARDS)


@pytest.mark.parametrize("remedy", [ROLLBACK, PROMOTE])
def test_a_remedy_that_must_go_somewhere_does_not_go_nowhere(remedy: Remedy) -> None:
    assert against(replace(wanted(remedy), to_version=None), well()) == ["target"]


CONCERNS_NOBODY: list[tuple[Remedy, dict[str, Any]]] = [
    (RETRAIN, {"ended": ()}),
    (PROMOTE, {"cooldown": timedelta(), "ended": [START]}),
    (ROLLBACK, {"newest": None}),
    (ROLLBACK, {"trouble": [fires(flapping=True), fires()]}),
    (ROLLBACK, {"trouble": [last_window(fires(Against.ITSELF), Verdict.HEALTHY), fires(Against.BESIDE)]}),
    (RETRAIN, {"trouble": [drifts(), last_window(drifts(), Verdict.HEALTHY)]}),
    (ROLLBACK, {"state": serving({1: 90, 2: 10})}),
    (ROLLBACK, {"state": serving({2: 100}, Update.FAILED)}),
    (ROLLBACK, {"broken": ["distance/null_rate"], "new_rows": 0, "keeps_champion": False}),
    (RETRAIN, {"new_rows": None}),
    (RETRAIN, {"record": [verdict(2, Standing.BAD)]}),
    (PROMOTE, {"trouble": (), "broken": ["distance/null_rate"], "new_rows": 0}),
    (PROMOTE, {"state": serving({2: 100, 1: 0})}),
    (PROMOTE, {"record": []}),
    (ROLLBACK, restrained(RestraintKind.SILENCE)),
    (ROLLBACK, {"hours": ["Sun 11:00-13:00"]}),
    (ARCHIVE, {"newest": None, "trouble": (), "ill_elsewhere": ["delays"], "state": serving({7: 100})}),
]


@pytest.mark.parametrize(("remedy", "changes"), CONCERNS_NOBODY)
def test_what_does_not_concern_a_remedy_does_not_hold_it_up(remedy: Remedy, changes: dict[str, Any]) -> None:
    assert against(wanted(remedy), well(**changes)) == []


@pytest.mark.parametrize("remedy", Remedy)
@pytest.mark.parametrize("other", Remedy)
@pytest.mark.parametrize("state", sorted(IN_FLIGHT))
def test_only_a_rollback_goes_past_a_training_and_past_housekeeping(
    remedy: Remedy, other: Remedy, state: State
) -> None:
    past = remedy is ROLLBACK and other in (RETRAIN, ARCHIVE) and state is State.EXECUTING
    assert against(wanted(remedy), well(in_flight=[under_way(other, state)])) == ([] if past else ["slot"])


def test_what_gives_way_does_not_hide_what_does_not() -> None:
    both = [under_way(RETRAIN), under_way(PROMOTE, State.COMPENSATING)]
    assert against(wanted(ROLLBACK), well(in_flight=both)) == ["slot"]


@given(remedy=st.sampled_from(Remedy), picked=st.sets(st.integers(0, len(ALONE) - 1)), mode=st.sampled_from(Mode))
def test_every_guard_is_asked_whatever_the_others_say(remedy: Remedy, picked: set[int], mode: Mode) -> None:
    world = well(**{name: value for n in picked for name, value in ALONE[n][2].items()})
    results = ask_all(wanted(remedy), replace(world, mode=mode))
    assert [r.guard for r in results] == list(GUARDS)
    assert all(r.detail for r in results)


@given(remedy=st.sampled_from(Remedy), picked=st.sets(st.integers(0, len(ALONE) - 1)))
def test_observe_is_answered_as_auto_is(remedy: Remedy, picked: set[int]) -> None:
    changes = {name: value for n in picked for name, value in ALONE[n][2].items() if name != "mode"}
    auto, observe = (ask_all(wanted(remedy), well(**changes, mode=mode)) for mode in (Mode.AUTO, Mode.OBSERVE))
    assert [(r.guard, r.passed) for r in auto] == [(r.guard, r.passed) for r in observe]
    named = {"mode", "approval"}
    assert [r for r in auto if r.guard not in named] == [r for r in observe if r.guard not in named]


def test_who_holds_it_up_is_named_with_owner_reason_and_end() -> None:
    (pause,) = [r for r in ask_all(wanted(ROLLBACK), well(**restrained(RestraintKind.PAUSE))) if not r.passed]
    assert all(part in pause.detail for part in ("ada", "because", "2026-03-01 13:00"))


def test_closed_hours_say_when_they_open() -> None:
    (hours,) = [r for r in ask_all(wanted(RETRAIN), well(**CLOSED)) if not r.passed]
    assert "2026-03-01 22:00 UTC" in hours.detail


def test_every_budget_that_is_spent_is_named() -> None:
    (budget,) = [r for r in ask_all(wanted(ROLLBACK), well(spent=Spent(4, 2, 10, 3))) if not r.passed]
    assert budget.detail.split("; ") == [
        "2 of 2 times rollback here in 24 h",
        "4 of 4 remediations here in 24 h",
        "10 of 10 remediations of the fleet in 24 h",
        "3 of 3 remediations of the fleet under way",
    ]


def test_the_blame_is_put_in_numbers() -> None:
    last = replace(fires().last, against_version=1)
    told = {r.guard: r.detail for r in ask_all(wanted(ROLLBACK), well(trouble=[replace(fires(), last=last)]))}
    assert told["attributable"] == "error_rate_4xx against version before (1)"
    assert told["enough_rows"] == "1000 rows of the newest window show it, 1000 are asked for"


def test_a_plan_that_changed_says_what_was_planned_and_what_is() -> None:
    one = planned(ROLLBACK)
    changed = well(state=serving({1: 100, 2: 0}, config_version=7), approval=word(one))
    told = {r.guard: r.detail for r in ask_all(one, changed)}
    assert told["unchanged"] == (
        "planned for configuration 5, traffic {'2': 100}, alias on version 2; "
        "it is configuration 7, traffic {'1': 100}, alias on version 2"
    )


@pytest.mark.parametrize("remedy", [RETRAIN, ARCHIVE])
def test_a_plan_without_traffic_is_not_held_to_any(remedy: Remedy) -> None:
    one = planned(remedy, plan={"rules": RULES})
    assert against(one, well(alias_version=9, state=serving({2: 100}, config_version=9), approval=word(one))) == []


def test_evidence_of_windows_that_end_later_is_newer() -> None:
    late = firing(DRIFT, endpoint=ENDPOINT, version=2, end=START - 4 * QUARTER)
    assert against(wanted(RETRAIN), well(trouble=[late])) == []
    assert against(wanted(RETRAIN), well(trouble=[late], now=START + SECOND)) == ["fresh"]


@pytest.mark.parametrize(
    ("remedy", "changes"),
    [
        (ROLLBACK, {"deployment": DeploymentJob("7", connected=True)}),
        (ROLLBACK, {"deployment": DeploymentJob("7", connected=True, run=Deployment.WAITS)}),
        (PROMOTE, {"deployment": DeploymentJob("7", connected=False)}),
        (RETRAIN, {"deployment": AT_WORK}),
        (ARCHIVE, {"deployment": AT_WORK}),
    ],
)
def test_a_deployment_job_stands_in_the_way_of_what_it_would_race_and_of_nothing_else(
    remedy: Remedy, changes: dict[str, Any]
) -> None:
    assert against(wanted(remedy), well(**changes)) == []
