"""Whether a right is held: by oneself, by a group, as an owner, or nobody can say."""

import pytest

from daemon.domain.found import Kind, Principal, Rights
from daemon.setup.line import Verdict
from daemon.setup.needs import Need
from daemon.setup.rights import judge
from daemon.setup.seen import Answer

ME = Principal("ana@example.com", frozenset({"users", "scientists"}))
OK, MISSING, UNKNOWN, WARNING = Verdict.OK, Verdict.MISSING, Verdict.UNKNOWN, Verdict.WARNING


def need(right: str, kind: Kind = Kind.TABLE) -> Need:
    return Need(kind, "a.b.c", right, ("observe",), now=True)


def held(right: str, kind: Kind = Kind.TABLE, *, owner: str = "", withheld: str = "", **holders: str) -> Verdict:
    return held_by(holders, right, kind, owner=owner, withheld=withheld)


def held_by(
    holders: dict[str, str], right: str, kind: Kind = Kind.TABLE, *, owner: str = "", withheld: str = ""
) -> Verdict:
    rights = Rights({name: frozenset(who.split(",")) for name, who in holders.items()}, owner, withheld)
    return judge(need(right, kind), Answer(rights), ME)[0]


@pytest.mark.parametrize(
    ("holders", "verdict"),
    [
        ({"SELECT": "ana@example.com"}, OK),
        ({"SELECT": "scientists"}, OK),
        ({"SELECT": "account users"}, OK),
        ({"ALL_PRIVILEGES": "scientists"}, OK),
        ({"SELECT": "bob@example.com,11111111-2222-3333-4444-555555555555"}, MISSING),
        ({"SELECT": "engineers"}, UNKNOWN),
        ({"MODIFY": "ana@example.com"}, MISSING),
        ({}, MISSING),
    ],
)
def test_a_privilege_is_held_by_oneself_or_by_a_group(holders: dict[str, str], verdict: Verdict) -> None:
    assert held_by(holders, "SELECT") is verdict


def test_an_owner_needs_no_grant_but_for_external_use() -> None:
    assert held("SELECT", owner="ana@example.com") is OK
    assert held("SELECT", owner="scientists") is OK
    assert held("SELECT", owner="bob@example.com") is MISSING
    assert held("EXTERNAL_USE_SCHEMA", Kind.SCHEMA, owner="ana@example.com") is MISSING


def test_all_privileges_leave_out_what_they_do_not_hold() -> None:
    assert held("EXTERNAL_USE_SCHEMA", Kind.SCHEMA, ALL_PRIVILEGES="ana@example.com") is MISSING
    assert held("MANAGE", Kind.MODEL, ALL_PRIVILEGES="ana@example.com") is MISSING
    assert held("USE_SCHEMA", Kind.SCHEMA, ALL_PRIVILEGES="ana@example.com") is OK


def test_that_manage_is_enough_for_an_alias_is_not_taken_for_granted() -> None:
    assert held("MANAGE", Kind.MODEL, MANAGE="ana@example.com") is WARNING
    assert held("MANAGE", Kind.MODEL, owner="ana@example.com") is OK


@pytest.mark.parametrize(
    ("right", "level", "verdict"),
    [
        ("CAN_VIEW", "CAN_VIEW", OK),
        ("CAN_VIEW", "CAN_MANAGE", OK),
        ("CAN_MANAGE_RUN", "CAN_VIEW", MISSING),
        ("CAN_MANAGE_RUN", "IS_OWNER", OK),
        ("CAN_USE", "CAN_MONITOR", OK),
        ("CAN_USE", "CAN_VIEW", MISSING),
        ("CAN_MANAGE", "CAN_MANAGE_RUN", MISSING),
    ],
)
def test_a_level_holds_the_levels_below_it(right: str, level: str, verdict: Verdict) -> None:
    assert held_by({level: "users"}, right, Kind.JOB) is verdict


def test_what_the_workspace_does_not_show_is_unknown_unless_ownership_tells() -> None:
    assert held("SELECT", withheld="could not ask") is UNKNOWN
    assert held("SELECT", owner="ana@example.com", withheld="could not ask") is OK


def test_an_object_that_is_not_seen_lacks_every_right_and_one_not_asked_about_is_unknown() -> None:
    assert judge(need("SELECT"), Answer(None, "not there", gone=True), ME)[0] is MISSING
    assert judge(need("SELECT"), Answer(None, "away"), ME)[0] is UNKNOWN
