"""Peers in virtual environments of their own, made once under `build/`."""

import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Peer:
    name: str
    requirements: tuple[str, ...]
    module: str


EVIDENTLY = Peer("evidently", ("evidently==0.7.23", "pandas<3", "orjson"), "evidently_peer")
NANNYML = Peer("nannyml", ("nannyml==0.13.1", "statsmodels", "orjson"), "nannyml_peer")
PEERS = (EVIDENTLY, NANNYML)


def python_of(peer: Peer, folder: Path) -> Path | str:
    """Return the interpreter that has the peer, or a sentence why there is none."""
    home = folder / peer.name
    done = home / "installed"
    python = home / "bin" / "python"
    if done.exists():
        return python
    venv.create(home, with_pip=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.requirements]
    told = subprocess.run(install, capture_output=True, text=True, check=False)
    if told.returncode:
        lines = told.stderr.strip().splitlines() or [f"pip ended with {told.returncode}"]
        print(f"{peer.name} cannot be installed: {lines[-1]}", file=sys.stderr)
        return "not installed"
    done.touch()
    return python
