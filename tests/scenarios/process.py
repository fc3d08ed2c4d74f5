"""A real daemon process on a folder of its own: started, asked, signalled, and always ended."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.error import HTTPError
from urllib.request import urlopen

from daemon.config.settings import Store as StoreSettings
from daemon.domain.event import Event
from daemon.store import events
from daemon.store.engine import Store

START_SECONDS = 180.0
STOP_SECONDS = 40.0
TINY = """
[workspace]
host = "{host}"
token = {{ env = "TEST_TOKEN" }}
timeout = "5s"
retry_for = "2s"
served_entities_table = "{served_entities_table}"
[mlflow]
tracking_uri = "{mlflow}"
[store]
url = "sqlite:///mlsteward.db"
[web]
port = 0
[schedule]
remediate = "500ms"
[defaults.baseline]
kind = "first"
rows = 1000000
[defaults.watch]
interval = "1s"
window = "2s"
settle = "2s"
overlap = "20s"
"""


class Daemon:
    """`mlsteward run` below a folder."""

    def __init__(self, folder: Path, config: str, **environment: str) -> None:
        self.folder = folder
        self.config = folder / "config.toml"
        self.log = folder / "mlsteward.log"
        self.config.write_text(config)
        self._environment = {**os.environ, "NO_PROXY": "127.0.0.1", "TZ": "UTC", **environment}
        self.store_url = f"sqlite:///{folder}/mlsteward.db"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.spawn()
        self.wait("the start", lambda: bool(self.url) or self.ended is not None, START_SECONDS)
        assert self.url, self.log.read_text()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def spawn(self) -> None:
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "daemon", "run", "--config", str(self.config)],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def disarm(self) -> None:
        """Let it pass its failpoint from the next start on."""
        self._environment.pop("MLSTEWARD_FAILPOINT", None)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    @property
    def ended(self) -> int | None:
        """The exit status, negative for a signal; None while it runs, and before it was ever started."""
        return self._process.poll() if self._process else None

    @property
    def frozen(self) -> bool:
        """Whether a signal has stopped it."""
        return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0] in "Tt"

    @property
    def url(self) -> str:
        found = re.findall(r"listening=(\S+)", self.log.read_text())
        return str(found[-1]) if found else ""

    def stop(self) -> int:
        """End it as systemd would; return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urlopen(self.url + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as refused:
            return refused.code, refused.read().decode()

    def metric(self, name: str) -> float | None:
        """Return the value of the first series that begins so."""
        lines = [line for line in self.get("/metrics")[1].splitlines() if line.startswith(name)]
        return float(lines[0].rsplit(" ", 1)[1]) if lines else None

    def events(self, kind: str = "") -> list[Event]:
        store = Store.open(StoreSettings(url=self.store_url), migrate=False)
        try:
            with store.read() as tx:
                return [e for e in events.history(tx, limit=500) if e.kind.startswith(kind)]
        finally:
            store.close()

    def wait(self, what: str, done: Callable[[], bool], seconds: float = 30.0) -> None:
        """Look until something is so, and fail with the end of the log if it is not in time."""
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f"waited {seconds} s for {what}\n{self.log.read_text()[-3000:]}"
            time.sleep(0.1)
