"""The job runner: a run is a real process, from its start to its end or its cancellation."""

import asyncio
import os
import signal
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playground.environment import spawn_environment
from playground.errors import invalid
from playground.run import Command, Job, Run, RunState

MAXIMUM_TOKEN_LENGTH = 64
_KILL_SECONDS = 3.0


@dataclass
class Jobs:
    """All jobs and runs of the workspace. Belongs to the event loop."""

    folder: Path
    jobs: dict[int, Job] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)
    _by_token: dict[tuple[int, str], Run] = field(default_factory=dict)
    _followed: set[asyncio.Task[None]] = field(default_factory=set)

    def declare(self, name: str, parameters: dict[str, str], command: Command) -> Job:
        """Add a job under the next id."""
        job = Job(101 + len(self.jobs), name, parameters, command)
        self.jobs[job.job_id] = job
        return job

    def job(self, job_id: int) -> Job:
        """Return a job, or refuse in the words of the real service."""
        if job_id not in self.jobs:
            raise invalid(f"Job {job_id} does not exist.")
        return self.jobs[job_id]

    def run(self, run_id: int) -> Run:
        """Return a run, or refuse in the words of the real service."""
        if run_id not in self.runs:
            raise invalid(f"Run {run_id} does not exist.")
        return self.runs[run_id]

    def run_now(self, job_id: int, parameters: dict[str, str], *, token: str) -> tuple[Run, bool]:
        """Start a run, or return the one that was started under the same token before; and whether it is new."""
        job = self.job(job_id)
        if len(token) > MAXIMUM_TOKEN_LENGTH:
            raise invalid(f"idempotency_token must have at most {MAXIMUM_TOKEN_LENGTH} characters")
        if token and (job_id, token) in self._by_token:
            return self._by_token[job_id, token], False
        undeclared = sorted(set(parameters) - set(job.parameters))
        if undeclared:
            raise invalid(f"Job {job_id} does not declare the job parameters {undeclared}.")
        run = self._begin(job, job.parameters | parameters)
        if token:
            self._by_token[job_id, token] = run
        return run, True

    def cancel(self, run_id: int) -> None:
        """Ask an active run to end; it ends a little later."""
        run = self.run(run_id)
        if run.state.active and not run.canceled:
            run.canceled, run.state = True, RunState.TERMINATING
            self._follow(_kill(run))

    async def stop(self) -> None:
        """Cancel all that runs and wait for its end."""
        for run in self.runs.values():
            self.cancel(run.run_id)
        if self._followed:
            await asyncio.wait(self._followed)

    def _begin(self, job: Job, parameters: dict[str, str]) -> Run:
        run_id = 100_001 + len(self.runs)
        run = Run(run_id, job, parameters, datetime.now(UTC), self.folder / f"{run_id}.log")
        if any(other.state.active for other in self.runs.values() if other.job is job):
            run.state, run.ended_at = RunState.SKIPPED, run.started_at
            run.message = "The job's limit of 1 concurrent run is reached."
        else:
            self._follow(self._execute(run))
        self.runs[run_id] = run
        return run

    async def _execute(self, run: Run) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if not run.canceled:
            with run.log.open("wb") as log:
                run.process = await asyncio.create_subprocess_exec(
                    *run.job.command(run.parameters),
                    env=spawn_environment(),
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            run.state = RunState.TERMINATING if run.canceled else RunState.RUNNING
            code = await run.process.wait()
            run.message = _last_line(run.log)
            run.state = RunState.SUCCESS if code == 0 else RunState.FAILED
        if run.canceled:
            run.state, run.message = RunState.CANCELED, "Run was canceled."
        run.ended_at = datetime.now(UTC)

    def _follow(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._followed.add(task)
        task.add_done_callback(self._followed.discard)


async def _kill(run: Run) -> None:
    while run.process is None and run.ended_at is None:
        await asyncio.sleep(0.01)
    if run.process is None or run.process.returncode is not None:
        return
    os.killpg(run.process.pid, signal.SIGTERM)
    try:
        await asyncio.wait_for(asyncio.shield(run.process.wait()), _KILL_SECONDS)
    except TimeoutError:
        os.killpg(run.process.pid, signal.SIGKILL)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1][:500] if lines else ""
