"""From whatever MLflow raises to a `PlatformError` that tells a person what to do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import requests

from daemon.adapters.signature import UnusableError
from daemon.ports import PlatformError

LONGEST = 300
QUERY = re.compile(r"\?[^\s'\")]+")
"""What an object store signs is in there."""


class Meaning(NamedTuple):
    permanent: bool
    advice: str
    missing: bool = False


GONE = Meaning(True, "it is not there", True)
REFUSED = Meaning(True, "MLflow refuses it as it is")
LOCKED_OUT = Meaning(False, "look at the credentials for MLflow")
NOT_MLFLOW = Meaning(False, "nobody knows this address: are the URIs in [mlflow] right?")
AWAY = Meaning(False, "the server is away or in trouble: it will be tried again")
DISK = Meaning(False, "look at this machine's disk")
UNUSABLE = Meaning(True, "log the next version with an input example or a signature")
UNINSTALLED = Meaning(True, "MLflow reaches this place only with that package: install it beside mlsteward")

MEANINGS = {
    "RESOURCE_DOES_NOT_EXIST": GONE,
    "NOT_FOUND": GONE,
    "INVALID_PARAMETER_VALUE": REFUSED,
    "BAD_REQUEST": REFUSED,
    "NOT_IMPLEMENTED": REFUSED,
    "PERMISSION_DENIED": Meaning(True, "grant it to the daemon's account"),
    "UNAUTHENTICATED": LOCKED_OUT,
    "CUSTOMER_UNAUTHORIZED": LOCKED_OUT,
    "ENDPOINT_NOT_FOUND": NOT_MLFLOW,
}
"""By MLflow's error code; any other code is trouble on its side."""

BY_STATUS = {401: LOCKED_OUT, 403: LOCKED_OUT, 404: GONE, 410: GONE}
"""For files, which come without such a code."""


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Let nothing but PlatformError out. `what` completes "could not ...", for a person."""
    try:
        yield
    except PlatformError:
        raise
    except Exception as error:
        # Not chained: a traceback through MLflow tells nobody what to do.
        raise _platform_error(what, error) from None


def _platform_error(what: str, error: Exception) -> PlatformError:
    meaning = _meaning(error)
    words = QUERY.sub("", str(error).partition("\n")[0].strip()) or type(error).__name__
    message = f"could not {what}: {words[:LONGEST]} ({meaning.advice})"
    return PlatformError(message, permanent=meaning.permanent, missing=meaning.missing)


def _meaning(error: Exception) -> Meaning:
    if isinstance(error, UnusableError):
        return UNUSABLE
    if isinstance(error, ImportError):
        return UNINSTALLED
    if isinstance(error, requests.HTTPError):
        return BY_STATUS.get(error.response.status_code if error.response is not None else 0, AWAY)
    if isinstance(error, FileNotFoundError):
        return GONE
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException | ConnectionError | TimeoutError):
        return DISK
    return MEANINGS.get(getattr(error, "error_code", ""), AWAY)
