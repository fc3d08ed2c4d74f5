"""One run of the machine."""

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.database import InMemoryExampleDatabase
from hypothesis.stateful import run_state_machine_as_test

from tests.machine.rules import Machine


def run(*, examples: int, steps: int, random_seed: int | None = None, shrink: bool = False) -> None:
    """Let the machine run. Raise the invariant that it breaks, with the story as a note."""

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
    run_state_machine_as_test(test, settings=found)
