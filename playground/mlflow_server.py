"""A real MLflow server for experiments, runs, artifacts and the registry: SQLite, artifacts served, one process.

In: the playground's folder. Out: an HTTP server on a free port of 127.0.0.1, in a process of its own.
`mlflow server` keeps a second Python alive beside the server that it starts. Its application runs here without
that, in half the memory and half the start.
"""

import argparse
import os
import socket
import subprocess
import time
import warnings
from pathlib import Path

import urllib3

from playground.environment import command, die_with_parent, end_of, spawn_environment

_STOP_SECONDS = 5.0


class MlflowServer:
    """The server's process, seen from its parent."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._log = mlflow_log_below(root)
        # Inherited as it is: a port that was looked up and let go could be taken by somebody else.
        listener = socket.create_server(("127.0.0.1", 0))
        self.uri = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._process = self._spawn(listener)

    def wait_until_healthy(self, *, deadline_seconds: float) -> None:
        """Return once the server answers, or raise with the end of its log."""
        deadline = time.monotonic() + deadline_seconds
        while self._process.poll() is None and time.monotonic() < deadline:
            if self._healthy():
                return
            time.sleep(0.1)
        raise RuntimeError(f"the MLflow server did not start:\n{end_of(self._log)}")

    def stop(self) -> None:
        """End the process, by force where it does not follow."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _spawn(self, listener: socket.socket) -> subprocess.Popen[bytes]:
        with listener, self._log.open("wb") as log:
            return subprocess.Popen(
                command("playground.mlflow_server", "--root", str(self._root), "--listener", str(listener.fileno())),
                env=spawn_environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[listener.fileno()],
                start_new_session=True,
            )

    def _healthy(self) -> bool:
        try:
            answer = urllib3.request("GET", f"{self.uri}/health", timeout=2.0, retries=False)
        except urllib3.exceptions.HTTPError:
            return False
        return answer.status == 200


def database_below(root: Path) -> Path:
    """Return where the server keeps everything but artifacts."""
    return root / "mlflow.db"


def mlflow_log_below(root: Path) -> Path:
    """Return where the server writes what it has to say."""
    return root / "mlflow.log"


def main() -> None:
    """Serve on an inherited socket until SIGTERM."""
    die_with_parent()
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--listener", type=int, required=True)
    options = parser.parse_args()
    _configure(options.root)
    warnings.simplefilter("ignore")
    # After the configuration, which MLflow reads while it is imported.
    import uvicorn
    from mlflow.server.fastapi_app import app

    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_keep_alive=75)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=options.listener)])


def _configure(root: Path) -> None:
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    # webhooks go to this machine here, and a new one is heeded at once
    os.environ["MLFLOW_WEBHOOK_ALLOWED_SCHEMES"] = "http"
    os.environ["MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS"] = "true"
    os.environ["MLFLOW_WEBHOOK_CACHE_TTL"] = "0"
    from mlflow.server import constants

    database = f"sqlite:///{database_below(root)}"
    os.environ[constants.BACKEND_STORE_URI_ENV_VAR] = database
    os.environ[constants.REGISTRY_STORE_URI_ENV_VAR] = database
    os.environ[constants.ARTIFACT_ROOT_ENV_VAR] = "mlflow-artifacts:/"
    os.environ[constants.ARTIFACTS_DESTINATION_ENV_VAR] = str(root / "artifacts")
    os.environ[constants.SERVE_ARTIFACTS_ENV_VAR] = "true"


if __name__ == "__main__":
    main()
