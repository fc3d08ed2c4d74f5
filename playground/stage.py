"""The demo's stage: the workspace in a box, the daemon beside it as a process of its own, callers, and a webhook.

In: a folder. Out: everything running, until the context ends; then all of it is stopped, also on Ctrl-C.
"""

import os
import re
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from playground.address import Address
from playground.callers import Callers
from playground.client import Client
from playground.environment import end_of
from playground.process import Playground
from playground.profile import Profile
from playground.traffic import Mix
from playground.webhook import Webhook

CONFIG = Path(__file__).with_name("config.toml")
START_SECONDS = 60
STOP_SECONDS = 40
RATES = {"flight-delay": 450.0, "air-time": 450.0}
"""Records a second: enough that a window of four seconds can certify what it shows."""
CALLERS = 3
SINGLE_SHARE = 0.7
"""About 24 requests a second, also while each of them is slow to be answered."""


DAEMON = "mlsteward/"
"""How its user agent begins."""


class Stage:
    """Everything that the acts play with."""

    def __init__(self, root: Path, profile: Profile) -> None:
        self.root, self.profile = root, profile
        self.config = root / "config.toml"
        self.log = root / "mlsteward.log"
        self.webhook = Webhook()
        self.traffic: dict[str, Callers] = {}
        self._box = Playground(root)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._stack.enter_context(self.webhook)
            self._stack.enter_context(self._box)
            for n, (name, rate) in enumerate(RATES.items()):
                mix = Mix(records_per_second=rate, single_share=SINGLE_SHARE)
                callers = Callers(self.address, name, mix, count=CALLERS, seed=n)
                self.traffic[name] = self._stack.enter_context(callers)
            self.control.record(of=DAEMON)
            self._daemon = self._start_daemon()
            self.web = self._listening()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def address(self) -> Address:
        return self._box.address

    @property
    def control(self) -> Client:
        return self._box.control

    def check_alive(self) -> None:
        """Raise where the daemon has ended by itself."""
        if self._daemon.poll() is not None:
            raise RuntimeError(f"mlsteward ended with {self._daemon.returncode}:\n{end_of(self.log)}")

    def run(self, *module_and_options: str) -> str:
        """Run a Python module to its end beside the daemon, as somebody at a terminal would; return what it printed."""
        ended = subprocess.run(
            [sys.executable, "-m", *module_and_options],
            cwd=self.root,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode:
            raise RuntimeError(f"{' '.join(module_and_options)} ended with {ended.returncode}:\n{ended.stderr[-2000:]}")
        return ended.stdout

    def _start_daemon(self) -> subprocess.Popen[bytes]:
        self.config.write_text(self.profile.configured(CONFIG.read_text(encoding="utf-8")), encoding="utf-8")
        output = self._stack.enter_context(self.log.open("wb"))
        daemon = subprocess.Popen(
            [sys.executable, "-m", "daemon", "run", "--config", str(self.config)],
            cwd=self.root,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        self._stack.callback(_end, daemon)
        return daemon

    def _listening(self) -> str:
        """Return the address of the daemon's listener, once it has said so: then its store is there as well."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self.check_alive()
            found = re.search(r"listening=(\S+)", self.log.read_text())
            if found:
                return found.group(1)
            time.sleep(0.1)
        raise RuntimeError(f"mlsteward did not start in {START_SECONDS} s:\n{end_of(self.log)}")

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DATABRICKS_HOST": self.address.host,
            "DATABRICKS_TOKEN": self.address.token,
            "MLFLOW_TRACKING_URI": self.address.mlflow,
            "DEMO_WEBHOOK": self.webhook.url,
            "NO_PROXY": "127.0.0.1",
            "TZ": "UTC",
            "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
            "PYTHONPATH": str(Path(__file__).parent.parent),
        }


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
