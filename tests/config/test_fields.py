"""Durations as people write them, and secrets where people keep them."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.fields import Secret, SecretError, duration

WRITTEN = {
    "90s": timedelta(seconds=90),
    "5m": timedelta(minutes=5),
    "1h30m": timedelta(minutes=90),
    "7d": timedelta(days=7),
    "2w": timedelta(days=14),
    "700ms": timedelta(milliseconds=700),
    "0.5s": timedelta(milliseconds=500),
}


@pytest.mark.parametrize(("text", "length"), WRITTEN.items())
def test_a_duration_is_read_as_written(text: str, length: timedelta) -> None:
    assert duration(text) == length


@pytest.mark.parametrize("text", ["", "5", "5 minutes", "-5m", "m", "5m!", 5, None, True])
def test_anything_else_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="write a duration as a string"):
        duration(text)


@given(st.integers(0, 10_000), st.integers(0, 59), st.integers(0, 59))
def test_parts_add_up(hours: int, minutes: int, seconds: int) -> None:
    assert duration(f"{hours}h{minutes}m{seconds}s") == timedelta(hours=hours, minutes=minutes, seconds=seconds)


def test_a_secret_is_read_from_its_file_without_the_editors_newline(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("dapi-1\n")
    assert Secret(file=tmp_path / "token").read() == "dapi-1"


def test_a_credential_is_read_from_where_systemd_put_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "token").write_text("dapi-2")
    assert Secret(credential="token").read() == "dapi-2"


def test_a_secret_that_is_not_there_names_its_place_and_not_its_value(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="NOWHERE_TO_BE_FOUND is not set"):
        Secret(env="NOWHERE_TO_BE_FOUND").read()
    with pytest.raises(SecretError, match="cannot be read: No such file"):
        Secret(file=tmp_path / "gone").read()
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(SecretError, match="is empty"):
        Secret(file=tmp_path / "empty").read()
