"""A signed link says exactly what it was signed for, until its time is over."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.web.link import Link, link_to, read, written

KEY = "k" * 32
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLAIN = link_to("approve", "260301-120000-abcde", "plan", "ab" * 32, NOON)


def parts(link: str) -> tuple[str, str]:
    path, _, query = link.partition("?")
    return path, query


def test_a_link_is_the_hmac_that_openssl_makes_of_it() -> None:
    """printf '["mlsteward link 1", "approve", "r1", "plan", "h", 1772366400]' | openssl dgst -sha256 -hmac $KEY"""
    link = link_to("approve", "r1", "plan", "h", NOON)
    assert written(link, KEY) == (
        "/approve?id=r1&gate=plan&plan=h&until=1772366400&signature="
        "b4835844bcf522ee679d6201f41c0ff5a5e345771b0be948a2d1b61f96217bb9"
    )


def test_what_was_written_is_read() -> None:
    assert read(*parts(written(PLAIN, KEY)), KEY) == PLAIN


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30), st.sampled_from(["approve", "reject"]))
def test_whatever_it_names_comes_back(name: str, gate: str, plan: str, verb: str) -> None:
    link = link_to(verb, name, gate, plan, NOON)
    try:
        made = written(link, KEY)
    except UnicodeEncodeError:
        return
    assert read(*parts(made), KEY) == link


@pytest.mark.parametrize("name", ["id", "gate", "plan", "until", "signature"])
@pytest.mark.parametrize("change", ["add", "drop", "empty", "twice", "other"])
def test_a_link_that_was_touched_is_none(name: str, change: str) -> None:
    path, query = parts(written(PLAIN, KEY))
    values = dict(parse_qsl(query))
    pairs = [
        (n, {"add": v + "0", "empty": "", "other": "x" * len(v)}.get(change, v) if n == name else v)
        for n, v in values.items()
        if not (change == "drop" and n == name)
    ]
    pairs += [(name, values[name])] if change == "twice" else []
    assert read(path, urlencode(pairs), KEY) is None


def test_a_yes_is_no_no() -> None:
    path, query = parts(written(PLAIN, KEY))
    assert read("/reject", query, KEY) is None
    assert read(f"/{path}", query, KEY) is None
    assert read("/metrics", query, KEY) is None


def test_another_key_signs_other_links() -> None:
    assert read(*parts(written(PLAIN, "x" * 32)), KEY) is None


def test_fields_do_not_run_into_one_another() -> None:
    one = written(Link("approve", "a", "bc", "d", 1), KEY)
    other = written(Link("approve", "ab", "c", "d", 1), KEY)
    assert one.rsplit("=", 1)[1] != other.rsplit("=", 1)[1]


@given(st.text(max_size=200), st.text(max_size=200))
def test_garbage_is_no_link(path: str, query: str) -> None:
    assert read(path, query, KEY) is None


def test_it_holds_to_its_last_second() -> None:
    assert PLAIN.holds_at(NOON)
    assert not PLAIN.holds_at(NOON + timedelta(seconds=1))
