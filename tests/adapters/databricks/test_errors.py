import pytest
import requests
from databricks.sdk import errors as sdk
from databricks.sdk.errors.base import DatabricksError

from daemon.adapters.databricks.errors import GarbledError, IssuerError, hiccup, locked_out, platform_error
from daemon.config.fields import SecretError
from daemon.ports import PlatformError

TEMPORARY, PERMANENT, MISSING = (False, False), (True, False), (True, True)

MEANINGS: list[tuple[Exception, tuple[bool, bool], str]] = [
    (sdk.ResourceDoesNotExist("The endpoint with name 'x' does not exist."), MISSING, "not there"),
    (sdk.InvalidParameterValue("Job 7 does not exist."), MISSING, "not there"),
    (sdk.InvalidParameterValue("Run: 7 in job: 3 doesn't exist"), MISSING, "not there"),
    (sdk.NotFound("No API found for 'GET /api'"), TEMPORARY, "host"),
    (sdk.Unauthenticated("expired"), TEMPORARY, "renew the credentials"),
    (sdk.PermissionDenied("Invalid access token. [ReqId: 1]"), TEMPORARY, "renew the credentials"),
    (sdk.PermissionDenied("User does not have CAN_MANAGE"), PERMANENT, "grant"),
    (sdk.ResourceConflict("busy"), TEMPORARY, "under way"),
    (sdk.Aborted("busy"), TEMPORARY, "under way"),
    (sdk.InvalidState("Endpoint is updating"), TEMPORARY, "under way"),
    (sdk.BadRequest("no"), PERMANENT, "refuses"),
    (sdk.InvalidParameterValue("traffic"), PERMANENT, "refuses"),
    (sdk.NotImplemented("no"), PERMANENT, "does not offer"),
    (sdk.TooManyRequests("slower"), TEMPORARY, "again"),
    (sdk.RequestLimitExceeded("slower"), TEMPORARY, "again"),
    (sdk.InternalError("oops"), TEMPORARY, "again"),
    (sdk.TemporarilyUnavailable("oops"), TEMPORARY, "again"),
    (sdk.DeadlineExceeded("oops"), TEMPORARY, "again"),
    (sdk.Cancelled("oops"), TEMPORARY, "again"),
    (DatabricksError("oops"), TEMPORARY, "again"),
    (sdk.OperationFailed("failed to reach RUNNING, got FAILED"), TEMPORARY, "otherwise than it should"),
    (TypeError("list indices must be integers"), TEMPORARY, "proxy"),
    (TimeoutError("Timed out after 0:01:00"), TEMPORARY, "away"),
    (IssuerError("no credentials after 60 s"), TEMPORARY, "identity provider"),
    (GarbledError("the answer is no JSON object"), TEMPORARY, "proxy"),
    (requests.ConnectionError("refused"), TEMPORARY, "cannot be reached"),
    (SecretError("the environment variable TOKEN is not set"), TEMPORARY, "[workspace]"),
    (RuntimeError("who knows"), TEMPORARY, "unforeseen"),
]


@pytest.mark.parametrize(("error", "meaning", "advice"), MEANINGS, ids=lambda it: getattr(it, "args", [""])[0] or None)
def test_every_error_says_whether_asking_again_can_help_and_what_to_do(
    error: Exception, meaning: tuple[bool, bool], advice: str
) -> None:
    told = platform_error("look", error, secret=None)
    assert (told.permanent, told.missing) == meaning
    assert advice in str(told)
    assert str(error) in str(told)


def test_the_secret_is_masked_wherever_it_stands() -> None:
    told = _told("token abc123 expired: abc123", secret="abc123")
    assert "abc123" not in told
    assert "token *** expired: ***" in told


def test_the_sdks_dump_of_its_configuration_is_left_out() -> None:
    told = _told("Invalid. Config: host=https://x, client_id=robot, token=***. Env: DATABRICKS_HOST")
    assert told.startswith("could not look: Invalid. (")


def test_a_whole_answer_is_not_repeated() -> None:
    assert len(_told("x" * 5000)) < 500
    assert _told("first\nsecond").startswith("could not look: first (")


def test_the_last_trouble_is_told_where_patience_ran_out() -> None:
    error = TimeoutError("Timed out after 0:01:00")
    error.__cause__ = sdk.TooManyRequests("slow down")
    assert "last: slow down" in str(platform_error("look", error, secret=None))


def test_only_500_502_and_504_are_hiccups() -> None:
    again = {sdk.InternalError, sdk.DeadlineExceeded, DatabricksError}
    for error, _, _ in MEANINGS:
        assert hiccup(error) == (type(error) in again)


def test_new_credentials_are_tried_only_where_they_can_help() -> None:
    helped = [error for error, _, _ in MEANINGS if locked_out(error)]
    assert [type(error).__name__ for error in helped] == ["Unauthenticated", "PermissionDenied", "SecretError"]
    assert "token" in str(helped[1])
    assert locked_out(ValueError("invalid_client: bad secret"))
    assert not locked_out(requests.exceptions.InvalidURL("no host"))


def _told(words: str, *, secret: str | None = None) -> str:
    error = platform_error("look", sdk.Unauthenticated(words), secret=secret)
    assert isinstance(error, PlatformError)
    return str(error)
