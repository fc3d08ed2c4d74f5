"""The peers: which, in which versions, how they are asked. Each has an interpreter of its own below `build/peers`."""

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.peers import Peer, python_of

ROOT = Path(__file__).parents[3]
SCRIPTS = Path(__file__).parent / "peers"
VENVS = ROOT / "build" / "peers"
QUIET = {
    "PYTHONWARNINGS": "ignore",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NML_DISABLE_USAGE_LOGGING": "1",
    "WHYLOGS_NO_ANALYTICS": "True",
    "DO_NOT_TRACK": "1",
}
"""One thread each, and no peer reports home."""

EVIDENTLY = Peer("evidently", ("evidently==0.7.23", "pandas<3"), "evidently_peer")
NANNYML = Peer("nannyml", ("nannyml==0.13.1", "statsmodels"), "nannyml_peer")
ALIBI = Peer("alibi", ("alibi-detect==0.13.0",), "alibi_peer")
WHYLOGS = Peer("whylogs", ("whylogs[viz]==1.6.4", "pandas<3", "numpy<2"), "whylogs_peer")


@dataclass(frozen=True, slots=True)
class Contender:
    """A peer in one configuration."""

    name: str
    peer: Peer
    rule: str
    """What it decides by default, in words."""
    arguments: tuple[str, ...] = ()


CONTENDERS = (
    Contender("Evidently, 20,000 rows", EVIDENTLY, "Wasserstein/sd, Jensen-Shannon >= 0.1", ("20000",)),
    Contender("Evidently, 1,000 rows", EVIDENTLY, "KS, chi-square p <= 0.05", ("1000",)),
    Contender("NannyML", NANNYML, "Jensen-Shannon > mean + 3 sd of the baseline's chunks"),
    Contender("Alibi Detect", ALIBI, "KS, chi-square p < 0.05 / columns"),
    Contender("whylogs", WHYLOGS, "KS of KLL sketches, chi-square p < 0.05"),
)


@dataclass(frozen=True, slots=True)
class Job:
    """Windows to judge against a baseline."""

    name: str
    reference: Path
    current: Path
    answer: Path


@dataclass(frozen=True, slots=True)
class Answer:
    """What a contender said, shape (windows, columns), the columns by name."""

    scores: NDArray[np.float64]
    alarms: NDArray[np.bool_]
    cpu_ms: float
    """Of a window."""
    preset_cpu_ms: float | None = None


def installed(contenders: Sequence[Contender], tell: Callable[[str], None]) -> dict[str, Path | str]:
    """Return each contender's interpreter, or a sentence why there is none."""
    found: dict[str, Path | str] = {}
    for contender in contenders:
        tell(f"an interpreter with {contender.peer.requirements[0]}")
        found[contender.name] = python_of(contender.peer, VENVS)
    return found


def ask(contender: Contender, python: Path, jobs: Sequence[Job]) -> dict[str, Answer]:
    """Let one process of the contender work through the jobs. Raise RuntimeError where it ends before it is done."""
    order = jobs[0].answer.with_suffix(".json")
    order.parent.mkdir(parents=True, exist_ok=True)
    told = [{part: str(getattr(job, part)) for part in ("reference", "current", "answer")} for job in jobs]
    order.write_text(json.dumps(told), encoding="utf-8")
    command = [str(python), str(SCRIPTS / f"{contender.peer.module}.py"), str(order), *contender.arguments]
    errors = order.with_suffix(".stderr")
    answers, preset = {}, None
    waiting = {str(job.answer): job for job in jobs}
    with (
        errors.open("w", encoding="utf-8") as to,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=to, text=True, env={**os.environ, **QUIET}) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            said = _json(line)
            preset = said.get("preset_cpu_ms", preset)
            if "done" in said:
                job = waiting.pop(said["done"])
                with np.load(job.answer) as held:
                    answers[job.name] = Answer(held["scores"], held["alarms"], said["cpu_ms"], preset)
    if process.returncode or waiting:
        last = errors.read_text(encoding="utf-8").strip().splitlines()[-1:]
        raise RuntimeError(f"{contender.name} ended with {process.returncode}: {' '.join(last)}")
    return answers


def _json(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
