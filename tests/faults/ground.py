"""What all cases stand on: one playground, one PostgreSQL, one thread of proxies, each started when first asked for."""

import logging
import os
import shutil
import threading
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Any, Self, TypeVar

from daemon.config import settings as config
from daemon.store.engine import Store
from playground.process import Playground
from tests.faults.proxy import Proxies
from tests.faults.versions import Versions
from tests.postgres import Postgres

DEPLOY_SECONDS = 0.4
"""Short, so that an update that is asked for twice finds the first one through, and shows."""

T = TypeVar("T")
QUIET = {
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
"""For this process: requests stay on this machine, and MLflow's client says nothing."""


class Ground:
    """Shared by all cases, which run in threads."""

    def __init__(self, box: Playground | None = None, postgres: Postgres | None = None) -> None:
        self.folder = Path(mkdtemp(prefix="mlsteward-faults-"))
        self._box, self._postgres = box, postgres
        self._proxies: Proxies | None = None
        self._versions: Versions | None = None
        self._stack = ExitStack()
        self._lock = threading.RLock()
        self._numbers = count(1)
        self._looks: dict[str, threading.Lock] = {}
        self._seen: dict[str, Any] = {}
        self.given_up = threading.Event()
        """Set when somebody has interrupted the run: whatever waits ends."""

    def __enter__(self) -> Self:
        os.environ.update(QUIET)
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def number(self) -> int:
        """Return a number that no other case has."""
        with self._lock:
            return next(self._numbers)

    @property
    def box(self) -> Playground:
        with self._lock:
            if self._box is None:
                started = Playground(self.folder / "box", deploy_seconds=DEPLOY_SECONDS)
                self._box = self._stack.enter_context(started)
            return self._box

    @property
    def versions(self) -> Versions:
        with self._lock:
            self._versions = self._versions or Versions(self.box.address.mlflow, self.folder)
            return self._versions

    @property
    def proxies(self) -> Proxies:
        with self._lock:
            self._proxies = self._proxies or self._stack.enter_context(Proxies())
            return self._proxies

    @property
    def postgres(self) -> Postgres:
        with self._lock:
            self._postgres = self._postgres or self._stack.enter_context(Postgres())
            return self._postgres

    def store(self, url: str) -> Store:
        """Open a database of a case's own. Alembic keeps what it migrates in globals: one at a time."""
        with self._lock:
            return Store.open(config.Store(url=url))

    def once(self, name: str, look: Callable[[], T]) -> T:
        """Return what a look shows; it is taken once, however many ask."""
        with self._lock:
            mine = self._looks.setdefault(name, threading.Lock())
        with mine:
            if name not in self._seen:
                self._seen[name] = look()
            found: T = self._seen[name]
            return found

    def database(self, kind: str, folder: Path) -> str:
        """Return the URL of a new database: `sqlite` below the folder, or `postgresql`."""
        if kind == "sqlite":
            return f"sqlite:///{folder}/mlsteward.db"
        with self._lock:
            return self.postgres.create()
