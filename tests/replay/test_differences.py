"""Two replays side by side."""

from dataclasses import replace
from datetime import datetime

from daemon.domain.remediation import Mode
from daemon.replay.differences import Apart, Difference, apart, differences
from daemon.replay.outcome import Budget, Decided, Episode, Guarded, Outcome, Proposed
from tests.watch.stories import finding
from tests.watch.traffic import START, after


def episode(n: int, over: int | None = None, name: str = "flights:1:x/ks") -> Episode:
    return Episode(name, "drift", START, after(n), None if over is None else after(over), finding("b"))


def decided(n: int, action: str, because: str = "why") -> Decided:
    return Decided(after(n), action, because, "a sentence")


def retrain(n: int, through: int | None = None) -> Proposed:
    guards = (Guarded("cooldown", False, "too soon"), Guarded("lease", False, "", "not on record"))
    let: datetime | None = None if through is None else after(through)
    return Proposed("retrain", Mode.AUTO, 1, None, "a sentence", after(n), let, "", guards)


CALM = Outcome("flights", START, after(99), 99, 99, [], [decided(0, "nothing")], [], [], Budget(1, 0.1, 0, 99), [])


def test_what_is_alike_is_no_difference() -> None:
    one = replace(CALM, episodes=[episode(3)], proposed=[retrain(3)])
    assert differences(one, one) == []
    assert apart(one, one) == []


def test_what_one_finds_later_or_not_at_all_is_told() -> None:
    ours = replace(CALM, episodes=[episode(3, 9), episode(20, 21)])
    theirs = replace(CALM, episodes=[episode(5, 9)])
    assert differences(ours, theirs) == [
        Difference(
            "finding flights:1:x/ks", "2026-03-01 01:05 to 2026-03-01 02:35", "2026-03-01 01:35 to 2026-03-01 02:35"
        ),
        Difference("finding flights:1:x/ks, time 2", "2026-03-01 05:20 to 2026-03-01 05:35", ""),
    ]


def test_a_remedy_that_only_one_of_them_lets_through_is_told_with_what_holds_the_other_up() -> None:
    (found,) = differences(replace(CALM, proposed=[retrain(3, 3)]), replace(CALM, proposed=[retrain(3)]))
    assert found.what == "retrain of version 1"
    assert found.ours.endswith("let through 2026-03-01 01:05")
    assert found.theirs.endswith("held up by cooldown"), "what the record cannot answer holds nothing up"


def test_they_are_apart_from_the_first_other_decision_until_they_agree_again() -> None:
    ours = replace(CALM, decisions=[decided(0, "nothing"), decided(4, "page"), decided(9, "nothing")])
    theirs = replace(CALM, decisions=[decided(0, "nothing"), decided(6, "page"), decided(12, "nothing")])
    assert apart(ours, theirs) == [
        Apart(after(4), after(6), "page (why)", "nothing (why)"),
        Apart(after(9), after(12), "nothing (why)", "page (why)"),
    ]


def test_to_the_end_where_they_never_agree_again() -> None:
    theirs = replace(CALM, decisions=[decided(0, "nothing"), decided(6, "page")])
    assert apart(CALM, theirs) == [Apart(after(6), after(99), "nothing (why)", "page (why)")]
