"""`python -m playground --root DIR`: start everything, say so in DIR/playground.json, stop everything on SIGTERM."""

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from playground.environment import end_with, settle
from playground.mlflow_server import MlflowServer, database_below


def main() -> int:
    """Run until SIGTERM, SIGINT, or the end of the guardian."""
    options = _options()
    root: Path = options.root.resolve()
    if database_below(root).exists():
        print(f"{root}: a playground has been here before, and starts in a fresh folder only", file=sys.stderr)
        return 2
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, _leave)
    if options.guardian is not None:
        end_with(options.guardian)
    settle(root)
    mlflow_server = MlflowServer(root)
    try:
        # The server starts on one core while this process imports on the other.
        from playground.box import Box

        box = Box(root, mlflow_server, deploy_seconds=options.deploy_seconds, flush_seconds=options.flush_seconds)
        return box.run(port=options.port)
    finally:
        mlflow_server.stop()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="playground", description="A Databricks workspace in a box.")
    parser.add_argument("--root", type=Path, required=True, help="a fresh folder; everything stays below it")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--deploy-seconds", type=float, default=1.0, help="least time that an update takes")
    parser.add_argument("--flush-seconds", type=float, default=1.0, help="delay of the inference tables")
    parser.add_argument("--guardian", type=int, help="stop when the process with this id ends")
    return parser.parse_args()


def _leave(_signum: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
