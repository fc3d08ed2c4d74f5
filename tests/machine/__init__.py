"""A fleet with the real loops, a world of fakes that keep state, and everything that may happen, in any order."""

from collections.abc import Mapping

_HERE = "tests/machine"
_STORIES, _FOUND, _HANDS = (f"{_HERE}/test_{name}.py" for name in ("stories", "found", "hands"))

PROMISES: Mapping[str, tuple[str, ...]] = {
    "P1": (
        f"{_STORIES}::test_the_source_gone_for_an_hour_while_a_finding_fires",
        f"{_STORIES}::test_the_table_gone_for_an_hour_while_a_finding_fires",
        f"{_FOUND}::test_what_was_held_up_until_its_evidence_was_old_is_not_done",
    ),
    "P2": (f"{_FOUND}::test_the_record_shows_that_a_lost_answer_was_found_out",),
    "P3": (f"{_HANDS}::test_a_training_whose_start_nobody_confirmed_is_started_once",),
    "P5": (
        f"{_STORIES}::test_three_of_five_at_once_page_once_and_nothing_begins",
        f"{_STORIES}::test_a_storm_counts_what_is_under_treatment",
        f"{_STORIES}::test_a_second_storm_in_the_calm_time_prolongs_the_first_and_pages_nobody",
        f"{_STORIES}::test_a_storm_ends_by_itself_and_what_it_held_up_is_done",
    ),
    "P6": (
        f"{_HANDS}::test_a_version_that_was_rolled_back_and_is_put_back_by_hand_stays",
        f"{_STORIES}::test_both_versions_bad_is_one_rollback_and_then_a_person",
        f"{_STORIES}::test_both_versions_bad_and_released_by_a_person_is_no_ping_pong",
    ),
    "P7": (
        f"{_STORIES}::test_no_traffic_after_a_rollback_is_never_a_success",
        f"{_STORIES}::test_too_little_traffic_after_a_rollback_is_no_success_either",
        f"{_FOUND}::test_a_clock_that_was_set_back_does_not_let_windows_from_before_the_change_verify_it",
    ),
    "P8": (
        f"{_HANDS}::test_the_same_deployed_anew_by_hand_in_a_canary_ends_it",
        f"{_HANDS}::test_the_same_deployed_anew_by_hand_while_it_is_verified_ends_it",
        f"{_FOUND}::test_an_alias_moved_by_hand_after_the_bake_stops_the_promotion",
        f"{_FOUND}::test_an_alias_moved_by_hand_while_the_call_was_held_up_is_not_moved_back",
    ),
    "P9": (
        f"{_FOUND}::test_a_clock_that_was_set_back_hides_no_kill_switch",
        f"{_HANDS}::test_what_is_under_way_stops_before_its_next_call_and_goes_on_after",
    ),
    "P10": (
        f"{_HERE}/test_tighter.py",
        f"{_HANDS}::test_a_word_that_could_not_be_acted_upon_in_time_is_void",
    ),
    "P11": (f"{_HERE}/test_observe.py",),
    "P13": (
        f"{_HERE}/test_clock.py",
        f"{_FOUND}::test_what_was_seen_before_the_clock_was_set_back_is_not_fresh",
    ),
    "P14": (f"{_STORIES}::test_a_loop_that_hangs_for_ever_is_told_of",),
}
"""pytest node ids by the promise of safe-remediation.md, part 6, that they try to break."""
