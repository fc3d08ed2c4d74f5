"""The long run: `python -m tests.machine --examples N --steps M [--seed S] [--postgres]`, and what it did in numbers."""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.database import InMemoryExampleDatabase
from hypothesis.stateful import run_state_machine_as_test

from tests.machine.rules import Machine
from tests.machine.tally import Tally
from tests.postgres import Postgres


def main() -> int:
    given = _arguments()
    began = time.monotonic()
    with ExitStack() as stack:
        if given.postgres:
            stack.enter_context(_on_postgres())
        broken = run(examples=given.examples, steps=given.steps, random_seed=given.seed, shrink=given.shrink)
    report(Machine.tally, seconds=time.monotonic() - began)
    if broken is not None:
        print(f"BROKEN: {broken}", *getattr(broken, "__notes__", ()), sep="\n")
    return int(broken is not None)


def run(*, examples: int, steps: int, random_seed: int | None = None, shrink: bool = False) -> AssertionError | None:
    """Let the machine run, and return the invariant that it broke."""

    class Seeded(Machine):
        pass

    found = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=random_seed is None,
        database=None if random_seed is None else InMemoryExampleDatabase(),
        print_blob=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
    )
    test = seed(random_seed)(Seeded) if random_seed is not None else Seeded
    try:
        run_state_machine_as_test(test, settings=found)
    except AssertionError as error:
        return error
    return None


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
        Machine.new_url = staticmethod(lambda _: server.create())  # type: ignore[assignment]
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


__all__ = ["Path", "main", "report", "run"]
