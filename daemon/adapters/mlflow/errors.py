"""From whatever MLflow raises to a `PlatformError` that tells a person what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from daemon.ports import PlatformError

LONGEST = 300


class Meaning(NamedTuple):
    permanent: bool
    advice: str
    missing: bool = False


GONE = Meaning(True, "it is not there", True)
REFUSED = Meaning(True, "MLflow refuses it as it is")
LOCKED_OUT = Meaning(False, "look at the credentials for MLflow")
NOT_MLFLOW = Meaning(False, "nobody knows this address: are the URIs in [mlflow] right?")
AWAY = Meaning(False, "the MLflow server is away or in trouble: it will be tried again")

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


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Let nothing but PlatformError out. `what` completes "could not ...", for a person."""
    try:
        yield
    except PlatformError:
        raise
    except ImportError as error:
        advice = "install that package beside mlsteward: MLflow needs it to reach this place"
        raise _error(what, error, Meaning(True, advice)) from None
    except Exception as error:
        meaning = MEANINGS.get(getattr(error, "error_code", ""), AWAY)
        raise _error(what, error, meaning) from None


def _error(what: str, error: Exception, meaning: Meaning) -> PlatformError:
    words = str(error).partition("\n")[0].strip() or type(error).__name__
    message = f"could not {what}: {words[:LONGEST]} ({meaning.advice})"
    return PlatformError(message, permanent=meaning.permanent, missing=meaning.missing)
