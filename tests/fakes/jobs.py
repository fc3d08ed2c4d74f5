"""A jobs service whose runs follow a script, one state a look."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from daemon.domain.registry import JobRun, RunState
from daemon.ports import PlatformError
from tests.fakes.ledger import Fake, Ledger

OnSuccess = Callable[[Mapping[str, str]], object]


@dataclass
class FakeRun:
    job_id: int
    parameters: Mapping[str, str]
    token: str
    states: list[RunState]
    """What the looks to come will see; the last one stays."""
    message: str = ""
    told: bool = False
    """Its job's `on_success` was called."""


class FakeJobs(Fake):
    def __init__(self, ledger: Ledger | None = None) -> None:
        super().__init__("jobs", ledger)
        self.runs: dict[int, FakeRun] = {}
        self._scripts: dict[int, tuple[tuple[RunState, ...], str]] = {}
        self._on_success: dict[int, OnSuccess] = {}

    def start(self, job_id: int, parameters: Mapping[str, str], *, token: str) -> int:
        self._ask("start")
        if job_id not in self._scripts:
            raise PlatformError(f"job {job_id} does not exist", permanent=True, missing=True)
        for run_id, run in self.runs.items():
            if run.token == token:
                return run_id
        run_id = 1001 + len(self.runs)
        states, message = self._scripts[job_id]
        self.runs[run_id] = FakeRun(job_id, dict(parameters), token, list(states), message)
        self._did("start", str(job_id), run_id=run_id, token=token, parameters=dict(parameters))
        return run_id

    def run(self, run_id: int) -> JobRun:
        self._ask("run")
        run = self._find(run_id)
        state = run.states[0]
        if len(run.states) > 1:
            del run.states[0]
        if state is RunState.SUCCEEDED and not run.told:
            run.told = True
            if then := self._on_success.get(run.job_id):
                then(run.parameters)
        return JobRun(run_id, state, run.message if state.ended else "")

    def add(self, job_id: int, *states: RunState, message: str = "") -> None:
        """Create a job, or change what its later runs will do."""
        self._scripts[job_id] = (states or (RunState.RUNNING, RunState.SUCCEEDED), message)

    def on_success(self, job_id: int, then: OnSuccess) -> None:
        """Call `then` with a run's parameters when it first shows as succeeded."""
        self._on_success[job_id] = then

    def finish(self, run_id: int, state: RunState, *, message: str = "") -> None:
        """End a run from outside."""
        run = self._find(run_id)
        run.states, run.message = [state], message

    def _find(self, run_id: int) -> FakeRun:
        if run_id not in self.runs:
            raise PlatformError(f"run {run_id} does not exist", permanent=True, missing=True)
        return self.runs[run_id]
