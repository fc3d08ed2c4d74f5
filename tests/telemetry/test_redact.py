"""The second net: what must not be printed, and what must still be."""

from datetime import UTC, datetime
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.telemetry.redact import masked, redact

TOKEN = "dapi" + "0123456789abcdef" * 2


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize("prefix", ["", "client_", "x-api-", "raw."])
@pytest.mark.parametrize(
    "name", ["payload", "request", "response", "token", "secret", "password", "Authorization", "url"]
)
def test_a_field_that_may_hold_a_secret_or_a_payload_is_dropped(prefix: str, name: str) -> None:
    assert redact(None, "info", {"event": "x", prefix + name: "hush"}) == {"event": "x"}


@pytest.mark.parametrize("name", ["request_id", "requests", "token_count", "curl", "endpoint", "responses"])
def test_a_field_that_only_sounds_alike_is_kept(name: str) -> None:
    assert redact(None, "info", {name: "kept"}) == {name: "kept"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"401 for {TOKEN}!", "401 for ***!"),
        (f"{TOKEN}-2", "***"),
        ("dose" + "f" * 32, "***"),
        ("header Bearer eyJhbGciOi.J9 refused", "header Bearer *** refused"),
        ("postgresql+psycopg://steward:hunter2@db/x", "postgresql+psycopg://***@db/x"),
        ("dapiary entry, Bearer of news", "dapiary entry, Bearer *** news"),
        ("see https://host:8080/path", "see https://host:8080/path"),
    ],
)
def test_what_looks_like_a_secret_is_masked_wherever_it_stands(text: str, shown: str) -> None:
    assert masked(text) == shown


@given(st.text("0123456789abcdef", min_size=32, max_size=32), st.text(), st.text())
def test_no_token_survives_any_surroundings(digits: str, before: str, after: str) -> None:
    token = f"dapi{digits}"
    event = {
        "event": f"{before}{token}{after}",
        "deep": [{"note": (token,)}],
        "why": ValueError(token),
        "raw": token.encode(),
    }
    assert token not in str(redact(None, "error", event))


def test_values_become_what_any_renderer_can_print() -> None:
    event = {
        "at": datetime(2026, 1, 2, tzinfo=UTC),
        "colour": Colour.RED,
        "share": 0.5,
        "lost": float("nan"),
        "none": None,
        "yes": True,
        "nested": {"password": "x", "rows": 3},
    }
    assert redact(None, "info", event) == {
        "at": "2026-01-02T00:00:00+00:00",
        "colour": "red",
        "share": 0.5,
        "lost": "nan",
        "none": None,
        "yes": True,
        "nested": {"rows": 3},
    }
