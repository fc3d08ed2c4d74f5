"""From whatever the SDK raises to a `PlatformError` that tells a person what to do, and never holds a secret."""

import re
from typing import NamedTuple

import requests
from databricks.sdk import errors
from databricks.sdk.errors.base import DatabricksError

from daemon.ports import PlatformError

LONGEST = 300
TOKEN = re.compile(r"\btoken\b", re.IGNORECASE)
STATUS = re.compile(r"^< (\d{3} .*)$", re.MULTILINE)
ABSENT = re.compile(r"does(?: not|n't) exist", re.IGNORECASE)
SOCKET = re.compile(r"host='([^']+)', port=(\d+).*?(?:\[Errno -?\d+\] |: )([A-Z][\w ]+?)['\")]*$")
"""What is wrong with a connection, in the pile of exceptions that urllib3 makes of it."""
QUERY = re.compile(r"\?[^\s'\")]+")
"""What a storage signs is in there."""
NO_SUCH_ADDRESS = "ENDPOINT_NOT_FOUND"


class IssuerError(Exception):
    """Whoever issues the credentials does not answer."""


class BusyError(IssuerError):
    """Another thread waits for it already."""


class GarbledError(Exception):
    """The answer is none that we know."""


class Meaning(NamedTuple):
    error: type[Exception]
    permanent: bool
    advice: str
    missing: bool = False


GONE = Meaning(errors.ResourceDoesNotExist, True, "it is not there, or the daemon's principal may not see it", True)
LOCKED_OUT = Meaning(
    errors.Unauthenticated, False, "renew the credentials where [workspace] names them; no restart is needed"
)
GARBLED = "something else than Databricks may have answered: a proxy, a login page"
UNDER_WAY = Meaning(errors.ResourceConflict, False, "an update is under way and has to end first")

MEANINGS = (
    GONE,
    LOCKED_OUT,
    UNDER_WAY,
    Meaning(errors.NotFound, False, "nobody knows this address: is [workspace] host right?"),
    Meaning(errors.InvalidState, False, UNDER_WAY.advice),
    Meaning(errors.PermissionDenied, True, "grant it to the daemon's principal, or to the endpoint's creator"),
    Meaning(errors.BadRequest, True, "Databricks refuses it as it is"),
    Meaning(errors.NotImplemented, True, "this workspace does not offer it"),
    Meaning(errors.TooManyRequests, False, "too many requests at once: it will be tried again"),
    Meaning(DatabricksError, False, "trouble on Databricks' side: it will be tried again"),
    Meaning(IssuerError, False, "the workspace or its identity provider is away: it will be tried again"),
    Meaning(errors.OperationFailed, False, "it ended otherwise than it should: it will be tried again"),
    Meaning(TimeoutError, False, "the workspace is away or overloaded: it will be tried again"),
    Meaning(GarbledError, False, GARBLED),
    Meaning(TypeError, False, GARBLED),
    Meaning(requests.exceptions.JSONDecodeError, False, GARBLED),
    Meaning(requests.HTTPError, False, "the storage behind the workspace refuses it: it will be tried again"),
    Meaning(requests.RequestException, False, "the workspace cannot be reached: it will be tried again"),
    Meaning(ValueError, False, "look at [workspace] and at the credentials it names"),
)
"""The first that fits counts."""
UNKNOWN = Meaning(Exception, False, "unforeseen: it will be tried again")


def platform_error(what: str, error: Exception, *, secret: str | None) -> PlatformError:
    meaning = _meaning(error)
    message = f"could not {what}: {_words(error, secret)} ({meaning.advice})"
    return PlatformError(message, permanent=meaning.permanent, missing=meaning.missing)


def locked_out(error: Exception) -> bool:
    """Say whether new credentials could help. A bad OAuth secret comes as a bare ValueError."""
    if isinstance(error, requests.RequestException):
        return False
    return _meaning(error).error in (errors.Unauthenticated, ValueError)


def hiccup(error: Exception) -> bool:
    """Say whether it is a 500, 502 or 504: the SDK repeats none of these. It has no class for a 502."""
    return isinstance(error, errors.InternalError | errors.DeadlineExceeded) or type(error) is DatabricksError


def nothing_there(error: Exception) -> bool:
    """Say whether it is a 404, be it that the thing is not there or that the workspace knows no such path."""
    return isinstance(error, errors.NotFound)


def refusal(status: int, words: str) -> Exception:
    """Return what the SDK would raise for a 401 or 403."""
    return (errors.Unauthenticated if status == 401 else errors.PermissionDenied)(words)


def _meaning(error: Exception) -> Meaning:
    # Real workspaces answer an expired token with 403 as well, and an unknown job with 400.
    if isinstance(error, errors.PermissionDenied) and TOKEN.search(_first_line(error)):
        return LOCKED_OUT
    if isinstance(error, errors.InvalidParameterValue) and ABSENT.search(str(error)):
        return GONE
    # Unity Catalog and the files API have codes of their own, such as MODEL_VERSION_DOES_NOT_EXIST and NOT_FOUND.
    if isinstance(error, errors.NotFound) and _told_as_gone(error):
        return GONE
    return next((meaning for meaning in MEANINGS if isinstance(error, meaning.error)), UNKNOWN)


def _told_as_gone(error: errors.NotFound) -> bool:
    code = str(error.error_code or "")
    return code != NO_SUCH_ADDRESS and (code.endswith(("NOT_EXIST", "NOT_FOUND")) or bool(ABSENT.search(str(error))))


def _words(error: Exception, secret: str | None) -> str:
    words = _plain(QUERY.sub("", _first_line(error))) or type(error).__name__
    if isinstance(error, TimeoutError) and error.__cause__ is not None:
        words = f"{words}, last: {_plain(_first_line(error.__cause__))}"
    if secret:
        words = words.replace(secret, "***")
    return words if len(words) <= LONGEST else f"{words[:LONGEST]}..."


def _plain(words: str) -> str:
    found = SOCKET.search(words)
    return f"{found[1]}:{found[2]}: {found[3].lower()}" if found else words


def _first_line(error: BaseException) -> str:
    """Return the error's own words, without what the SDK hangs on: its configuration, a whole answer it cannot read."""
    words = str(error)
    if words.startswith("unable to parse response"):
        status = STATUS.search(words)
        return f"unreadable answer {status.group(1) if status else ''}".strip()
    return words.partition("\n")[0].partition(" Config: ")[0].strip()
