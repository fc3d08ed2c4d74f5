"""M of N in, K out, by hand; and what no order of windows may change."""

from hypothesis import given
from hypothesis import strategies as st

from daemon.config.detection import Decide
from daemon.domain.finding import Verdict
from daemon.domain.trail import Phase
from daemon.watch.trail import follow, proven
from tests.watch.stories import DRIFT, ERRORS, START, finding, lived, phases, window

RULE = Decide(breaches=3, of=5, clear=3, good=3)
INACTIVE, PENDING, FIRING, RESOLVED = Phase.INACTIVE, Phase.PENDING, Phase.FIRING, Phase.RESOLVED


def test_one_bad_window_is_pending_and_three_of_five_fire() -> None:
    assert list(phases("hbhbb", RULE)) == [INACTIVE, PENDING, PENDING, PENDING, FIRING]


def test_three_breaches_spread_over_six_windows_do_not_fire() -> None:
    assert FIRING not in phases("bhhbhb", Decide(breaches=3, of=5, clear=5))


def test_a_firing_finding_needs_three_healthy_windows_in_a_row_to_end() -> None:
    assert list(phases("bbbhhbhhh", RULE))[2:] == [FIRING, FIRING, FIRING, FIRING, FIRING, FIRING, RESOLVED]


def test_trouble_that_comes_back_after_it_was_resolved_fires_again_from_the_start() -> None:
    story = list(phases("bbbhhhbbb", RULE))
    assert story[5:] == [RESOLVED, PENDING, PENDING, FIRING]
    assert lived("bbbhhhbbb", RULE).since == window(6).start


def test_silence_and_doubt_neither_start_trouble_nor_end_it() -> None:
    assert lived("iininniiin", RULE).phase is INACTIVE
    assert lived("bbb" + "ni" * 50, RULE).phase is FIRING
    assert lived("b" + "n" * 20 + "b" + "i" * 20 + "b", RULE).phase is FIRING


def test_trouble_counts_from_the_start_of_its_first_window() -> None:
    assert lived("hhbbb", RULE).since == window(2).start
    assert lived("hhh", RULE).since is None


def test_a_window_that_is_read_again_counts_once() -> None:
    once = follow({}, [finding("b", 0), finding("b", 1)], RULE)
    again = follow(once, [finding("b", 0), finding("b", 1), finding("b", 1)], RULE)
    assert again == once
    assert again[ERRORS].phase is PENDING


def test_a_check_that_is_no_longer_asked_has_no_trail() -> None:
    both = follow({}, [finding("b", 0), finding("b", 0, check=DRIFT)], RULE)
    assert follow(both, [finding("h", 1)], RULE).keys() == {ERRORS}
    assert follow(both, [], RULE) == both


@given(st.text("hbin", min_size=1, max_size=40))
def test_inconclusive_windows_could_as_well_not_have_been(letters: str) -> None:
    with_doubt = lived(letters, RULE)
    valid = letters.replace("i", "").replace("n", "")
    if valid:
        without = lived(valid, RULE)
        assert (with_doubt.phase, with_doubt.recent) == (without.phase, without.recent)
    else:
        assert with_doubt.phase is INACTIVE


@given(st.text("hbin", min_size=1, max_size=40))
def test_nothing_fires_without_enough_breaches_among_the_last_valid_windows(letters: str) -> None:
    story = list(phases(letters, RULE))
    for n, phase in enumerate(story):
        began = phase is FIRING and (n == 0 or story[n - 1] is not FIRING)
        if began:
            valid = [c for c in letters[: n + 1] if c in "hb"]
            assert valid[-5:].count("b") >= 3


@given(st.permutations(list(range(8))))
def test_the_order_in_which_windows_are_handed_in_does_not_matter(order: list[int]) -> None:
    story = "hbbhbhhh"
    found = [finding(story[n], n) for n in order]
    assert follow({}, found, RULE)[ERRORS] == lived(story, RULE)


def test_a_version_is_proven_by_three_healthy_windows_and_no_trouble_with_its_health() -> None:
    assert proven([lived("hhh", RULE)], RULE)
    assert not proven([lived("hh", RULE)], RULE)
    assert not proven([lived("hbhh", RULE)], RULE)
    assert not proven([], RULE)


def test_drift_says_nothing_about_whether_a_version_is_healthy() -> None:
    drifted = lived("bbb", RULE, check=DRIFT)
    assert proven([lived("hhh", RULE), drifted], RULE)
    assert not proven([drifted], RULE)


def test_a_trail_keeps_no_more_than_the_rule_looks_at() -> None:
    assert len(lived("h" * 200, RULE).recent) == 5
    assert set(lived("h" * 200, RULE).recent) == {Verdict.HEALTHY}
    assert lived("h", RULE).newest == window(0).end > START
