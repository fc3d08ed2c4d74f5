"""The machine of findings: a table by hand, and what no order of windows may do."""

from datetime import timedelta
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.detection import Decide
from daemon.domain.finding import Verdict
from daemon.domain.trail import PHASES, Phase, Trail
from daemon.watch.trail import follow, proven, step
from tests.watch.stories import DRIFT, ERRORS, LENGTH, NEVER_STALE, START, finding, lived, phases, window

RULE = Decide(breaches=3, of=5, clear=3, good=3)
INACTIVE, PENDING, FIRING, CLEARING, RESOLVED = Phase
WORDS = {".": INACTIVE, "P": PENDING, "F": FIRING, "C": CLEARING, "R": RESOLVED}

# A story, window by window, and the phase after each: h well below the threshold, m within it, b in breach,
# i inconclusive, n no data. 3 of 5 in, 3 out.
TABLE = {
    "one bad window is a blip": ("hbhhh", ".PPP."),
    "three of five fire": ("hbhbb", ".PPPF"),
    "three spread over six do not": ("bhbhhb", "PPPPPP"),
    "a blip ends with three healthy windows, well below or not": ("bmmm", "PPP."),
    "breaches from before a calm do not count": ("bbhhhb", "PPPP.P"),
    "doubt does not begin anything": ("iinnin", "......"),
    "doubt does not hold up what is pending": ("bnibiinb", "PPPPPPPF"),
    "three windows well below end it": ("bbbhhh", "PPFCCR"),
    "a breach on the way out is a flap, and counting starts over": ("bbbhhbhhh", "PPFCCFCCR"),
    "a window within the threshold does not begin the way out": ("bbbmmmm", "PPFFFFF"),
    "nor does it count on the way, nor start it over": ("bbbhmhmmh", "PPFCCCCCR"),
    "doubt does not count on the way out": ("bbbhninih", "PPFCCCCCC"),
    "missing data ends nothing": ("bbb" + "ni" * 9, "PPF" + "FF" * 9),
    "nor does it bring back what was clearing": ("bbbhnnnn", "PPFCCCCC"),
    "what comes back begins from the start": ("bbbhhhbbb", "PPFCCRPPF"),
    "and may be a blip the second time": ("bbbhhhbmmm", "PPFCCRPPP."),
    "calm after it was resolved changes nothing": ("bbbhhhhmhi", "PPFCCRRRRR"),
}


@pytest.mark.parametrize(("letters", "expected"), TABLE.values(), ids=TABLE)
def test_the_machine(letters: str, expected: str) -> None:
    assert list(phases(letters, RULE)) == [WORDS[letter] for letter in expected]


def test_where_one_window_is_enough_it_fires_and_ends_at_once() -> None:
    at_once = Decide(breaches=1, of=1, clear=1, good=1)
    assert list(phases("bhb", at_once)) == [FIRING, RESOLVED, FIRING]


def test_a_breach_from_before_a_calm_is_no_evidence_however_far_back_the_rule_looks() -> None:
    far = Decide(breaches=3, of=20, clear=3, good=3)
    assert list(phases("bbhhhb", far))[-1] is PENDING
    assert list(phases("bbbhhhb", far))[-2:] == [RESOLVED, PENDING]
    assert list(phases("bbhhb", far))[-1] is FIRING, "two healthy windows are no calm"


def test_the_lower_threshold_is_a_share_of_the_threshold() -> None:
    """Statistic 0.09 of 0.1 tolerated."""
    assert lived("bbbm", RULE).phase is FIRING
    assert lived("bbbm", RULE.model_copy(update={"clear_below": 0.9})).phase is CLEARING


def test_each_return_to_firing_is_a_flap_of_the_same_finding() -> None:
    trail = lived("hbbbhbhhb", RULE)
    assert (trail.phase, trail.flaps, trail.since) == (FIRING, 2, window(1).start)
    again = lived("hbbbhbhhb" + "hhh" + "bbb", RULE)
    assert (again.phase, again.flaps, again.since) == (FIRING, 0, window(12).start)


def test_trouble_counts_from_the_start_of_its_first_window() -> None:
    assert lived("hhbbb", RULE).since == window(2).start
    assert lived("hhh", RULE).since is None
    assert lived("bbbhhh", RULE).since is None


# --- gaps


GAP = 4 * LENGTH
GAPS = {
    "pending falls back after a gap": ("bb.....b", "P"),
    "and needs as many windows as ever": ("bb.....bb", "P"),
    "which then fire": ("bb.....bbb", "F"),
    "a gap just as long as is let pass is none": ("bb....b", "F"),
    "doubt is no answer: it makes a gap as well": ("bbninnnb", "P"),
    "a calm window after a gap ends what was pending": ("bb.....h", "."),
    "what fires is kept over a gap": ("bbb.....i", "F"),
    "and is not resolved by windows from before it": ("bbbhh.....h", "C"),
    "but by as many as ever after it": ("bbbhh.....hhh", "R"),
    "nor does what was clearing fire by a window within the threshold": ("bbbh.....m", "C"),
    "a breach after it goes on with it": ("bbbh.....b", "F"),
    "what was resolved stays so": ("bbbhhh.....hh", "R"),
    "healthy windows from before a gap do not dilute it": ("hhhh.....bbb", "F"),
}


@pytest.mark.parametrize(("letters", "expected"), GAPS.values(), ids=GAPS)
def test_after_a_gap_in_the_data_the_counts_begin_anew(letters: str, expected: str) -> None:
    assert lived(letters, RULE, stale_after=GAP).phase is WORDS[expected]


def test_a_finding_that_comes_again_after_a_gap_began_after_it() -> None:
    assert lived("bb.....bbb", RULE, stale_after=GAP).since == window(7).start
    assert lived("bbb.....bbb", RULE, stale_after=GAP).since == window(0).start


def test_it_is_frozen_from_when_it_had_no_answer_for_so_long() -> None:
    trail = lived("bbbnnn", RULE)
    assert trail.seen == window(2).end
    assert not trail.frozen(window(2).end + GAP, GAP)
    assert trail.frozen(window(2).end + GAP + timedelta(microseconds=1), GAP)
    assert lived("nnn", RULE).frozen(START, GAP), "it never had one"


def test_what_an_older_daemon_left_behind_is_as_old_as_its_newest_window() -> None:
    old = Trail(finding("b", 2), FIRING, window(0).start, (Verdict.BREACH,) * 3, newest=window(2).end)
    assert not old.frozen(window(2).end, GAP)
    assert step(old, finding("h", 2), RULE, stale_after=GAP).phase is FIRING, "that window has counted"
    assert step(old, finding("h", 3), RULE, stale_after=GAP).phase is CLEARING


# --- late rows


def test_a_window_that_is_read_again_counts_once() -> None:
    once = follow({}, [finding("b", 0), finding("b", 1)], RULE, stale_after=GAP)
    again = follow(once, [finding("b", 0), finding("b", 1), finding("b", 1)], RULE, stale_after=GAP)
    assert again == once
    assert again[ERRORS].phase is PENDING


@pytest.mark.parametrize(("first", "later"), ["bh", "hb"])
def test_another_answer_on_the_same_window_moves_nothing_but_is_what_is_shown(first: str, later: str) -> None:
    trail = lived("bb" + first, RULE)
    again = step(trail, finding(later, 2), RULE, stale_after=GAP)
    assert (again.phase, again.recent, again.since) == (trail.phase, trail.recent, trail.since)
    assert again.last == finding(later, 2)


def test_a_window_that_had_no_answer_at_first_counts_when_it_has_one() -> None:
    trail = lived("bbi", RULE)
    assert step(trail, finding("b", 2), RULE, stale_after=GAP).phase is FIRING
    with_next = step(trail, finding("i", 3), RULE, stale_after=GAP)
    late = step(with_next, finding("b", 2), RULE, stale_after=GAP)
    assert (late.phase, late.seen, late.newest, late.last) == (FIRING, window(2).end, window(3).end, finding("i", 3))


def test_an_answer_that_comes_after_that_of_a_later_window_is_too_late() -> None:
    trail = lived("bbih", RULE)
    assert step(trail, finding("b", 2), RULE, stale_after=GAP) == trail


# --- flapping


def test_half_of_the_last_21_verdicts_changing_is_flapping_and_it_lasts_until_fewer_than_a_quarter_do() -> None:
    """Of 20 changes that 21 verdicts can make, 10 begin it, and the first 4 or fewer end it."""
    assert not lived("b" + "hb" * 4 + "h", RULE).flapping, "9 changes"
    assert lived("b" + "hb" * 5, RULE).flapping, "10 changes"
    calming = "b" + "hb" * 5
    assert lived(calming + "b" * 14, RULE).flapping, "the last 21 still hold 6 changes"
    assert lived(calming + "b" * 15, RULE).flapping, "5 changes"
    assert not lived(calming + "b" * 16, RULE).flapping, "4 changes"


def test_missing_data_neither_begins_flapping_nor_ends_it() -> None:
    flaps = "b" + "hb" * 5
    assert not lived("bibnbibnbibnbibnbibnbibn", RULE).flapping
    assert lived(flaps + "in" * 40, RULE).flapping
    assert lived(flaps + "....." + "b" * 20, RULE, stale_after=GAP).flapping, "after a gap too little is known"
    assert not lived(flaps + "....." + "b" * 21, RULE, stale_after=GAP).flapping


# --- subjects


def test_where_the_subject_changes_it_begins_anew_even_with_nothing_new_to_read() -> None:
    before = follow({}, [finding("b", n) for n in range(3)], RULE, stale_after=GAP, subject=lambda _: "a")
    assert before[ERRORS].phase is FIRING
    assert follow(before, [], RULE, stale_after=GAP, subject=lambda _: "a") == before
    after = follow(before, [], RULE, stale_after=GAP, subject=lambda _: "b")[ERRORS]
    assert (after.phase, after.since, after.recent, after.subject) == (INACTIVE, None, (), "b")
    assert (after.last, after.newest, after.seen) == (finding("b", 2), window(2).end, window(2).end)
    assert step(after, finding("b", 2), RULE, stale_after=GAP).phase is INACTIVE, "that window was the old subject's"
    assert step(after, finding("b", 3), RULE, stale_after=GAP).phase is PENDING


def test_a_trail_of_an_older_daemon_which_has_no_subject_goes_on() -> None:
    before = follow({}, [finding("b", n) for n in range(3)], RULE, stale_after=GAP)
    after = follow(before, [], RULE, stale_after=GAP, subject=lambda _: "b")[ERRORS]
    assert (after.phase, after.subject) == (FIRING, "b")


def test_a_healthy_window_fires_nothing_even_under_a_rule_that_has_become_shorter() -> None:
    shorter = Decide(breaches=2, of=5, clear=3, good=3)
    pending = lived("bb", RULE)
    assert step(pending, finding("h", 2), shorter, stale_after=GAP).phase is PENDING
    assert step(pending, finding("b", 2), shorter, stale_after=GAP).phase is FIRING


def test_a_check_that_is_no_longer_asked_has_no_trail() -> None:
    both = follow({}, [finding("b", 0), finding("b", 0, check=DRIFT)], RULE, stale_after=GAP)
    assert follow(both, [finding("h", 1)], RULE, stale_after=GAP).keys() == {ERRORS}
    assert follow(both, [], RULE, stale_after=GAP) == both


# --- whatever comes


def moves(letters: str, rule: Decide, stale_after: timedelta) -> set[tuple[Phase, Phase]]:
    story = [INACTIVE, *phases(letters.lstrip(".") or "h", rule, stale_after=stale_after)]
    return {(a, b) for a, b in pairwise(story) if a is not b}


def test_every_move_of_the_table_is_made_by_some_story_and_no_other_move_by_any() -> None:
    rules = [Decide(breaches=b, of=3, clear=c, good=1) for b, c in ((1, 1), (2, 1), (2, 2))]
    made = {
        move for rule in rules for letters in product("hb", repeat=6) for move in moves("".join(letters), rule, GAP)
    }
    assert made == {(a, b) for a, following in PHASES.items() for b in following}


ANYTHING = st.text("hmbin.", min_size=1, max_size=40)
RULES = st.builds(
    lambda breaches, more, clear, good: Decide(breaches=breaches, of=breaches + more, clear=clear, good=good),
    *(st.integers(1, 5), st.integers(0, 5), st.integers(1, 5), st.integers(1, 5)),
)


@given(ANYTHING, RULES)
def test_it_moves_only_along_the_table_and_only_by_an_answer(letters: str, rule: Decide) -> None:
    trail = None
    for n, letter in enumerate(letters):
        if letter == ".":
            continue
        before = trail or Trail(finding(letter, n))
        trail = step(before, finding(letter, n), rule, stale_after=GAP)
        if letter in "in":
            assert trail.phase is before.phase
        # a gap and the window after it may be two moves
        between = {before.phase, *PHASES[before.phase]}
        assert any(trail.phase in {phase, *PHASES[phase]} for phase in between)
        assert (trail.since is None) == (not trail.phase.trouble)


@given(ANYTHING, RULES)
def test_it_fires_only_on_enough_breaches_of_the_last_windows_and_ends_only_on_enough_calm(
    letters: str, rule: Decide
) -> None:
    story = [INACTIVE, *phases("h" + letters, rule)]
    for n, (before, after) in enumerate(pairwise(story)):
        valid = [x for x in ("h" + letters)[: n + 1] if x in "hmb"]
        if after is FIRING and before not in (FIRING, CLEARING):
            assert valid[-1] == "b"
            assert valid[-rule.of :].count("b") >= rule.breaches
        if after is RESOLVED and before is not RESOLVED:
            assert "".join(valid).rpartition("b")[2].count("h") >= rule.clear
        if after is INACTIVE:
            assert before in (INACTIVE, PENDING)


@given(st.text("hmbin", min_size=1, max_size=40))
def test_windows_without_an_answer_could_as_well_not_have_been(letters: str) -> None:
    with_doubt = lived(letters, RULE)
    valid = letters.replace("i", "").replace("n", "")
    if valid:
        without = lived(valid, RULE)
        assert (with_doubt.phase, with_doubt.recent, with_doubt.cleared, with_doubt.flaps, with_doubt.flapping) == (
            *(without.phase, without.recent, without.cleared, without.flaps, without.flapping),
        )
    else:
        assert with_doubt.phase is INACTIVE


@given(st.text("hmb", max_size=30), st.text("hmb", min_size=1, max_size=30), RULES)
def test_it_goes_on_after_a_restart_as_if_there_had_been_none(before: str, after: str, rule: Decide) -> None:
    trails = follow({}, [finding(x, n) for n, x in enumerate(before)], rule, stale_after=GAP)
    then = [finding(x, len(before) + n) for n, x in enumerate(after)]
    assert follow(trails, then, rule, stale_after=GAP)[ERRORS] == lived(before + after, rule, stale_after=GAP)


@given(st.permutations(list(range(8))))
def test_the_order_in_which_windows_are_handed_in_does_not_matter(order: list[int]) -> None:
    story = "hbbhbhmh"
    found = [finding(story[n], n) for n in order]
    assert follow({}, found, RULE, stale_after=GAP)[ERRORS] == lived(story, RULE)


# --- what is kept, and what is made of it


@pytest.mark.parametrize(
    "rule",
    [RULE, Decide(breaches=20, of=50, clear=9), Decide(clear=50), Decide(good=30)],
    ids=["21", "of", "clear", "good"],
)
def test_a_trail_keeps_as_much_as_any_rule_looks_at_and_no_more(rule: Decide) -> None:
    assert len(lived("h" * 200, rule).recent) == max(rule.of, rule.clear, rule.good, 21)


def test_a_version_is_proven_by_three_healthy_windows_and_no_trouble_with_its_health() -> None:
    assert proven([lived("hhh", RULE)], RULE)
    assert not proven([lived("hh", RULE)], RULE)
    assert not proven([lived("hbhh", RULE)], RULE)
    assert not proven([], RULE)


def test_a_version_that_is_still_clearing_is_not_proven() -> None:
    soon = Decide(breaches=3, of=5, clear=3, good=2)
    assert lived("bbbhh", soon).phase is CLEARING
    assert not proven([lived("bbbhh", soon)], soon)
    assert proven([lived("bbbhhh", soon)], soon)


def test_drift_says_nothing_about_whether_a_version_is_healthy() -> None:
    drifted = lived("bbb", RULE, check=DRIFT)
    assert proven([lived("hhh", RULE), drifted], RULE)
    assert not proven([drifted], RULE)


def test_the_newest_window_is_told_whether_or_not_it_had_an_answer() -> None:
    trail = lived("hn", RULE, stale_after=NEVER_STALE)
    assert (trail.newest, trail.seen) == (window(1).end, window(0).end)
