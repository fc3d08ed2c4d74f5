"""The long run, and what it did in numbers: `python -m tests.machine --examples N --steps M [--postgres]`."""

import argparse
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.machine.rules import Machine
from tests.machine.run import run
from tests.machine.tally import Tally
from tests.postgres import Postgres


def main() -> int:
    given = _arguments()
    began = time.monotonic()
    broken: Exception | None = None
    with ExitStack() as stack:
        if given.postgres:
            stack.enter_context(_on_postgres())
        try:
            run(examples=given.examples, steps=given.steps, random_seed=given.seed, shrink=given.shrink)
        except Exception as error:
            broken = error
    report(Machine.tally, seconds=time.monotonic() - began)
    if broken is not None:
        print(f"BROKEN: {broken!r}", *traceback.format_tb(broken.__traceback__)[-3:], sep="\n")
        print(*getattr(broken, "__notes__", ()), sep="\n")
    return int(broken is not None)


def report(tally: Tally, *, seconds: float) -> None:
    rules = sum(tally.of("rule").values())
    loops = tally.of("loop")
    days = tally["seconds of the fleet's time"] / 86400
    print(f"{tally['example']} examples, {rules} rules, {sum(loops.values())} rounds of loops in {seconds:.0f} s")
    print(f"{days:.1f} days of the fleet's time")
    for title, kind in (("loops", "loop"), ("rules", "rule"), ("effects", "effect"), ("people", "person")):
        print(f"\n{title}:")
        _table(tally.of(kind))
    for remedy in ("retrain", "promote", "rollback", "archive"):
        print(f"\n{remedy}:")
        _table(tally.of(remedy))
    print(
        f"\ncrashes: {tally['crash']}, workspace errors: {tally['workspace error']}, "
        f"writes refused: {tally['write refused']}"
    )


def _table(counts: dict[str, int]) -> None:
    for name, times in counts.items():
        print(f"  {times:7d}  {name}")


@contextmanager
def _on_postgres() -> Iterator[None]:
    with Postgres() as server:
        Machine.new_url = staticmethod(server.create)
        yield


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.machine", description=__doc__)
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--shrink", action="store_true", help="look for the shortest story that breaks it: slow")
    parser.add_argument("--postgres", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
