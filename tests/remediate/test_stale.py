"""Which versions are stale: tables, and whatever registry there may be."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.remedies import Archive
from daemon.domain.registry import ModelVersion, Stage
from daemon.remediate.stale import ARCHIVED, KEEP, MARKED, Housekeeping, due, spared

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = Archive(keep=2, most=3, older_than=90 * DAY, wait=4 * DAY)
RIPE, GREEN = (NOW - 4 * DAY).isoformat(), (NOW - 4 * DAY + timedelta(seconds=1)).isoformat()


def version(
    n: int,
    *,
    days: int = 100,
    mark: str = "",
    aliases: tuple[str, ...] = (),
    stage: Stage = Stage.NONE,
    archived: bool = False,
) -> ModelVersion:
    tags = {**({MARKED: mark} if mark else {}), **({ARCHIVED: "then"} if archived else {})}
    return ModelVersion("m", n, NOW - days * DAY, True, None, tags, aliases, stage)


def found(first: ModelVersion, *, in_use: set[int] | None = None) -> Housekeeping:
    """Return what is due where two younger versions stand above the one in question."""
    return due([first, version(8), version(9)], in_use=in_use or set(), rules=RULES, now=NOW)


MARK, ARCHIVE, NOTHING = Housekeeping(mark=(1,)), Housekeeping(archive=(1,)), Housekeeping()


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (version(1), MARK),
        (version(1, days=90), MARK),
        (version(1, days=89), NOTHING),
        (version(1, mark=RIPE), ARCHIVE),
        (version(1, mark=GREEN), NOTHING),
        (version(1, mark=KEEP), NOTHING),
        (version(1, mark="no, please"), NOTHING),
        (version(1, mark="2020-01-01"), NOTHING),
        (version(1, mark=(NOW + DAY).isoformat()), NOTHING),
        (version(1, mark=RIPE, archived=True), NOTHING),
        (version(1, aliases=("champion",)), NOTHING),
        (version(1, mark=RIPE, aliases=("previous",)), NOTHING),
        (version(1, stage=Stage.PRODUCTION), NOTHING),
        (version(1, mark=RIPE, stage=Stage.STAGING), NOTHING),
        (version(1, stage=Stage.ARCHIVED), MARK),
        (version(1, mark=RIPE, stage=Stage.ARCHIVED), ARCHIVE),
    ],
)
def test_a_version_is_marked_waited_for_and_archived_unless_somebody_speaks_for_it(
    first: ModelVersion, expected: Housekeeping
) -> None:
    assert found(first) == expected


def test_what_is_in_use_is_not_stale() -> None:
    assert found(version(1, mark=RIPE), in_use={1}) == NOTHING
    assert found(version(1, mark=RIPE), in_use={8, 9}) == ARCHIVE


def test_the_newest_are_the_highest_numbers_in_whatever_order_they_come() -> None:
    versions = [version(n) for n in (3, 1, 4, 2)]
    assert sorted(due(versions, in_use=(), rules=RULES, now=NOW).mark) == [1, 2]


def test_an_empty_registry_is_refused_not_obeyed() -> None:
    answer = due([], in_use=(), rules=RULES, now=NOW)
    assert answer == Housekeeping(refused=answer.refused)
    assert "no version" in answer.refused


def test_over_the_cap_nothing_is_done_at_all() -> None:
    assert due([version(n) for n in range(1, 6)], in_use=(), rules=RULES, now=NOW).mark == (1, 2, 3)
    answer = due([version(n) for n in range(1, 7)], in_use=(), rules=RULES, now=NOW)
    assert answer == Housekeeping(refused=answer.refused)
    assert "1, 2, 3, 4" in answer.refused


def test_what_waits_for_its_turn_counts_towards_the_cap() -> None:
    versions = [version(n, mark=GREEN) for n in (1, 2, 3)] + [version(n) for n in (4, 5, 6)]
    assert due(versions, in_use=(), rules=RULES, now=NOW).refused


MARKS = st.sampled_from(["", RIPE, GREEN, KEEP, "nonsense"])
VERSIONS = st.builds(
    lambda n, days, mark, aliases, stage, archived: version(
        n, days=days, mark=mark, aliases=aliases, stage=stage, archived=archived
    ),
    n=st.integers(1, 30),
    days=st.integers(0, 200),
    mark=MARKS,
    aliases=st.sampled_from([(), (), ("champion",), ("a", "b")]),
    stage=st.sampled_from([Stage.NONE, Stage.NONE, *Stage]),
    archived=st.booleans(),
)
REGISTRIES = st.lists(VERSIONS, max_size=15, unique_by=lambda v: v.version)
USED = st.sets(st.integers(1, 30))
ANY_RULES = st.builds(
    lambda keep, most, wait: Archive(keep=keep, most=most, older_than=90 * DAY, wait=wait * DAY),
    keep=st.integers(1, 6),
    most=st.integers(1, 6),
    wait=st.integers(0, 9),
)


@given(versions=REGISTRIES, used=USED, rules=ANY_RULES)
def test_nothing_is_touched_that_anybody_needs_whatever_the_registry(
    versions: list[ModelVersion], used: set[int], rules: Archive
) -> None:
    answer = due(versions, in_use=used, rules=rules, now=NOW)
    touched = {*answer.mark, *answer.archive}
    assert len(touched) == len(answer.mark) + len(answer.archive) <= rules.most
    assert not touched & used
    assert not touched & set(sorted(v.version for v in versions)[-rules.keep :])
    for one in versions:
        if one.version in touched:
            assert not one.aliases
            assert one.stage in (Stage.NONE, Stage.ARCHIVED)
            assert ARCHIVED not in one.tags
            assert one.tags.get(MARKED) != KEEP
            assert NOW - one.created_at >= 90 * DAY
        if one.version in answer.archive:
            assert NOW - datetime.fromisoformat(one.tags[MARKED]) >= rules.wait
        if one.version in answer.mark:
            assert MARKED not in one.tags


@given(versions=REGISTRIES, used=USED, rules=ANY_RULES)
def test_what_is_to_be_archived_stands_a_second_look_until_somebody_objects(
    versions: list[ModelVersion], used: set[int], rules: Archive
) -> None:
    def look(of: Collection[int], among: Sequence[ModelVersion], in_use: Collection[int] = frozenset(used)) -> str:
        return spared(of, among, in_use=in_use, rules=rules, now=NOW)

    chosen = due(versions, in_use=used, rules=rules, now=NOW).archive
    assert look(chosen, versions) == "" or not chosen
    for one in (v for v in versions if v.version in chosen):
        others = [v for v in versions if v != one]
        tagged = replace(one, tags={**one.tags, ARCHIVED: "a moment ago"})
        assert look([one.version], [tagged, *others]) == ""
        assert look(chosen, versions, in_use={one.version})
        assert look(chosen, others)
        assert look([one.version], sorted(versions, key=lambda v: v.version > one.version)[: rules.keep])
        objections: list[dict[str, str]] = [{}, {MARKED: KEEP}, {MARKED: "no"}]
        for other in [replace(one, aliases=("champion",)), *(replace(one, tags=tags) for tags in objections)]:
            assert look(chosen, [other, *others])


def test_a_second_look_minds_the_cap_too() -> None:
    ripe = [version(n, mark=RIPE) for n in (1, 2, 3)] + [version(n) for n in (8, 9)]
    asked: dict[str, Any] = {"in_use": (), "rules": RULES, "now": NOW}
    assert spared([1, 2, 3], ripe, **asked) == ""
    assert "more than 3" in spared([1, 2, 3], [*ripe, version(7)], **asked)


def test_what_has_become_one_of_the_newest_is_left_alone() -> None:
    versions = [version(n, mark=RIPE) for n in (1, 2)] + [version(8)]
    assert "newest" in spared([2], versions, in_use=(), rules=RULES, now=NOW)
