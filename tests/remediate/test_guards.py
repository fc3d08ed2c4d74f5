"""Each guard, in a world where everything else is as it should be."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.remediation import IN_FLIGHT, Mode, Remediation, Remedy, Standing, State, VersionVerdict
from daemon.domain.serving import EndpointState, ServedEntity, Update
from daemon.remediate.guards import ENDING, GUARDS, Circumstances, ask_all
from tests.remediate.stories import ENDPOINT, MODEL, START, proposal

HOUR = timedelta(hours=1)


def wanted(remedy: Remedy, **changes: Any) -> Remediation:
    to = {Remedy.ROLLBACK: 1, Remedy.PROMOTE: 3}.get(remedy)
    return replace(proposal(remedy, START), from_version=2, to_version=to, **changes)


def serving(percents: dict[int, int], update: Update = Update.NONE) -> EndpointState:
    served = tuple(ServedEntity(f"m-{v}", MODEL, v, percent) for v, percent in percents.items())
    return EndpointState(ENDPOINT, 5, served, True, update)


def verdict(version: int, standing: Standing) -> VersionVerdict:
    return VersionVerdict(ENDPOINT, MODEL, version, standing, "", START)


def well(**changes: Any) -> Circumstances:
    """Return a world in which version 2 serves and nothing stands in the way of anything."""
    plain = Circumstances(
        now=START,
        mode=Mode.AUTO,
        in_flight=(),
        last_ended=START - HOUR,
        cooldown=HOUR,
        firing=frozenset({"error_rate_4xx"}),
        newest=START - HOUR,
        stale_after=HOUR,
        state=serving({2: 100}),
        record=[verdict(1, Standing.GOOD), verdict(2, Standing.GOOD)],
        target_there=True,
        ill_elsewhere=(),
    )
    return replace(plain, **changes)


def against(one: Remediation, world: Circumstances) -> list[str]:
    return [r.guard for r in ask_all(one, world) if not r.passed]


def under_way(remedy: Remedy, state: State = State.EXECUTING) -> Remediation:
    return wanted(remedy, id="other", state=state)


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.OBSERVE])
@pytest.mark.parametrize("remedy", Remedy)
def test_where_all_is_well_every_guard_lets_every_remedy_through(remedy: Remedy, mode: Mode) -> None:
    assert against(wanted(remedy), well(mode=mode)) == []


ALONE: list[tuple[str, Remedy, dict[str, Any]]] = [
    ("mode", Remedy.ROLLBACK, {"mode": Mode.OFF}),
    ("slot", Remedy.ROLLBACK, {"in_flight": [under_way(Remedy.PROMOTE)]}),
    ("slot", Remedy.RETRAIN, {"in_flight": [under_way(Remedy.ARCHIVE, State.NEEDS_HUMAN)]}),
    ("cooldown", Remedy.RETRAIN, {"last_ended": START - HOUR + timedelta(seconds=1)}),
    ("fresh", Remedy.ROLLBACK, {"newest": START - HOUR - timedelta(seconds=1)}),
    ("fresh", Remedy.RETRAIN, {"newest": None}),
    ("still_firing", Remedy.RETRAIN, {"firing": frozenset()}),
    ("still_firing", Remedy.ROLLBACK, {"firing": frozenset()}),
    ("settled", Remedy.ROLLBACK, {"state": serving({2: 100}, Update.IN_PROGRESS)}),
    ("settled", Remedy.ARCHIVE, {"state": serving({2: 100}, Update.UNKNOWN)}),
    ("base", Remedy.ROLLBACK, {"state": serving({1: 100})}),
    ("base", Remedy.ROLLBACK, {"state": serving({1: 100, 2: 0})}),
    ("base", Remedy.RETRAIN, {"state": serving({})}),
    ("base", Remedy.PROMOTE, {"state": serving({2: 90, 3: 10})}),
    ("target", Remedy.ROLLBACK, {"target_there": False}),
    ("target", Remedy.PROMOTE, {"target_there": False}),
    ("target", Remedy.ROLLBACK, {"record": [verdict(1, Standing.BAD)]}),
    ("target", Remedy.PROMOTE, {"record": [verdict(3, Standing.BAD)]}),
    ("target", Remedy.ROLLBACK, {"record": [verdict(2, Standing.GOOD)]}),
    ("alone", Remedy.ROLLBACK, {"ill_elsewhere": ["delays"]}),
    ("alone", Remedy.RETRAIN, {"ill_elsewhere": ["delays"]}),
]


@pytest.mark.parametrize(("guard", "remedy", "changes"), ALONE)
def test_one_guard_alone_says_no(guard: str, remedy: Remedy, changes: dict[str, Any]) -> None:
    assert against(wanted(remedy), well(**changes)) == [guard]


def test_every_guard_has_been_seen_to_say_no_alone() -> None:
    assert {guard for guard, _, _ in ALONE} == set(GUARDS)


@pytest.mark.parametrize("remedy", [Remedy.ROLLBACK, Remedy.PROMOTE])
def test_a_remedy_that_must_go_somewhere_does_not_go_nowhere(remedy: Remedy) -> None:
    assert against(replace(wanted(remedy), to_version=None), well()) == ["target"]


@pytest.mark.parametrize(
    ("remedy", "changes"),
    [
        (Remedy.RETRAIN, {"last_ended": None}),
        (Remedy.ROLLBACK, {"state": serving({1: 90, 2: 10})}),
        (Remedy.ROLLBACK, {"state": serving({2: 100}, Update.FAILED)}),
        (Remedy.PROMOTE, {"firing": frozenset()}),
        (Remedy.PROMOTE, {"state": serving({2: 100, 1: 0})}),
        (Remedy.PROMOTE, {"record": []}),
        (
            Remedy.ARCHIVE,
            {"newest": None, "firing": frozenset(), "ill_elsewhere": ["delays"], "state": serving({7: 100})},
        ),
    ],
)
def test_what_does_not_concern_a_remedy_does_not_hold_it_up(remedy: Remedy, changes: dict[str, Any]) -> None:
    assert against(wanted(remedy), well(**changes)) == []


@pytest.mark.parametrize("remedy", Remedy)
@pytest.mark.parametrize("other", Remedy)
@pytest.mark.parametrize("state", sorted(IN_FLIGHT))
def test_only_a_rollback_goes_past_a_training_and_past_housekeeping(
    remedy: Remedy, other: Remedy, state: State
) -> None:
    past = remedy is Remedy.ROLLBACK and other in (Remedy.RETRAIN, Remedy.ARCHIVE) and state is State.EXECUTING
    assert against(wanted(remedy), well(in_flight=[under_way(other, state)])) == ([] if past else ["slot"])


def test_what_gives_way_does_not_hide_what_does_not() -> None:
    both = [under_way(Remedy.RETRAIN), under_way(Remedy.PROMOTE, State.COMPENSATING)]
    assert against(wanted(Remedy.ROLLBACK), well(in_flight=both)) == ["slot"]


@given(remedy=st.sampled_from(Remedy), picked=st.sets(st.integers(0, len(ALONE) - 1)), mode=st.sampled_from(Mode))
def test_every_guard_is_asked_whatever_the_others_say(remedy: Remedy, picked: set[int], mode: Mode) -> None:
    world = well(**{name: value for n in picked for name, value in ALONE[n][2].items()})
    results = ask_all(wanted(remedy), replace(world, mode=mode))
    assert [r.guard for r in results] == list(GUARDS)
    assert all(r.detail for r in results)


def test_observe_is_answered_as_auto_is() -> None:
    for _, remedy, changes in ALONE:
        answers = [
            [r for r in ask_all(wanted(remedy), replace(well(**changes), mode=mode)) if r.guard != "mode"]
            for mode in (Mode.AUTO, Mode.OBSERVE)
        ]
        assert answers[0] == answers[1]


def test_only_a_world_that_is_gone_ends_a_proposal() -> None:
    assert sorted(ENDING) == ["base", "mode", "still_firing"]
