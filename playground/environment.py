"""What has to be settled before the first heavy import, for a process of the playground and its children.

In: the playground's folder. Out: environment variables, and a temporary folder below that folder.
"""

import ctypes
import os
import select
import signal
import sys
import tempfile
import threading
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]

_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # A caller may have it off for itself; a served model is a pickle, as on Databricks.
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "true",
    "MLFLOW_DISABLE_AGENT_HINT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    # One process each on two cores: more threads per matrix product only wait for one another.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONUNBUFFERED": "1",
    "TZ": "UTC",
}
# Where a caller's own models are: MLflow would register the playground's there.
_CALLERS_OWN = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
_TOLD = 2_000
"""Characters of a log that an error quotes."""
_PARENT = "PLAYGROUND_PARENT"
_PR_SET_PDEATHSIG = 1


def settle(root: Path) -> None:
    """Settle libraries and temporary files for the playground below `root`."""
    temporary = root / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    for name in _CALLERS_OWN:
        os.environ.pop(name, None)
    os.environ.update(_SETTINGS, TMPDIR=str(temporary), **_loopback_without_proxy())
    tempfile.tempdir = str(temporary)


def command(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs a module with this very Python."""
    return [sys.executable, "-m", module, *arguments]


def spawn_environment() -> dict[str, str]:
    """Return the environment for a child, in which the playground can be imported from anywhere."""
    paths = [str(PROJECT), os.environ.get("PYTHONPATH", "")]
    own = {"PYTHONPATH": os.pathsep.join(filter(None, paths)), _PARENT: str(os.getpid())}
    inherited = {name: value for name, value in os.environ.items() if name not in _CALLERS_OWN}
    return inherited | _loopback_without_proxy() | own


def end_of(log: Path) -> str:
    """Return the last lines that a process wrote to its log; nothing of one that was not begun."""
    return log.read_text()[-_TOLD:] if log.exists() else ""


def die_with_parent(parent: int | None = None) -> None:
    """Have the kernel kill this process with its parent, also where the parent gets no chance to do so.

    Whose child this is, the environment tells (`spawn_environment`) where the caller does not know better.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have ended before the kernel knew of the wish.
    if str(parent or os.environ.get(_PARENT, os.getppid())) != str(os.getppid()):
        sys.exit(1)


def end_with(guardian: int) -> None:
    """Have this process end itself by SIGTERM when another, not necessarily its parent, is gone."""
    try:
        descriptor = os.pidfd_open(guardian)
    except ProcessLookupError:
        signal.raise_signal(signal.SIGTERM)
        return

    def watch() -> None:
        select.select([descriptor], [], [])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="guardian", daemon=True).start()


def _loopback_without_proxy() -> dict[str, str]:
    hosts = [host for host in os.environ.get("NO_PROXY", "").split(",") if host and host != "127.0.0.1"]
    value = ",".join(["127.0.0.1", *hosts])
    return {"NO_PROXY": value, "no_proxy": value}
