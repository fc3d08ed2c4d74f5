"""The secrets of the listener: read from their place, never short enough to be guessed, never printed."""

from pathlib import Path

import pytest

from daemon.config.fields import Secret, SecretError
from daemon.config.settings import Web
from daemon.web.desk import Credentials


def test_what_is_not_configured_is_no_credential() -> None:
    assert Credentials.read(Web()) == Credentials(None, None)


def test_secrets_are_read_from_their_place_each_time(tmp_path: Path) -> None:
    web = Web(token=Secret(file=tmp_path / "token"), link_key=Secret(file=tmp_path / "key"))
    for token, key in (("t" * 32, "k" * 32), ("u" * 40, "l" * 40)):
        (tmp_path / "token").write_text(f"{token}\n")
        (tmp_path / "key").write_text(key)
        assert Credentials.read(web) == Credentials(token, key)


@pytest.mark.parametrize("name", ["token", "link_key", "webhook_secret"])
def test_a_secret_that_could_be_guessed_is_refused_in_a_sentence_without_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("x" * 31)
    web = Web.model_validate({name: Secret(file=tmp_path / "secret")})
    with pytest.raises(SecretError) as refused:
        Credentials.read(web)
    assert str(refused.value) == (
        f"web.{name} has 31 characters and could be guessed: take 32 or more, such as from `openssl rand -hex 32`"
    )


def test_a_secret_that_is_not_there_names_the_setting() -> None:
    with pytest.raises(SecretError, match=r"web\.link_key: the environment variable NOT_THERE is not set"):
        Credentials.read(Web(link_key=Secret(env="NOT_THERE")))


def test_credentials_print_nothing_of_themselves() -> None:
    assert repr(Credentials("t" * 32, "k" * 32, "w" * 32)) == "Credentials()"


@pytest.mark.parametrize("address", ["steward.example.com", "ftp://x", ""])
def test_an_address_that_no_browser_opens_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="begins with"):
        Web(public_url=address)
