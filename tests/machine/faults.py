"""What the machine and its stories show of the promises: `make faults` counts each as a case."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from tests.faults.report import Case, Tests, Tried
from tests.machine import PROMISES
from tests.machine.rules import Machine
from tests.machine.run import run

if TYPE_CHECKING:
    from tests.faults.ground import Ground

SEEDS = range(1, 31)
EXAMPLES, STEPS = 8, 14
WORDS = {
    "P1": "the source gone, thin or missing while a finding fires, and before an approved call",
    "P2": "the record of every move, whatever was lost on the way",
    "P3": "a training whose start nobody confirmed",
    "P5": "three of five endpoints at once, under treatment, and again in the calm",
    "P6": "both versions bad: one rollback, then a person",
    "P7": "no traffic, or too little, after a change",
    "P8": "a person moves the alias or deploys in the middle of a plan, or of a call",
    "P9": "what is forbidden stops before its next call, also under a clock that was set back",
    "P10": "tighter rules, and a word for another plan",
    "P11": "one trace in both modes, every decision and every guard compared",
    "P14": "a loop that hangs for ever in the middle of a rollback",
    "P13": "the clock a day off at any moment of a story",
}
MACHINE = "hypothesis' state machine over all loops, held against I1-I22"


def cases() -> Iterator[Tried]:
    """Return the stories by promise, and runs of the machine, which stand for all of them, under P2."""
    for promise, nodes in PROMISES.items():
        yield Tests(promise, WORDS[promise], nodes)
    for seed in SEEDS:
        yield Case("P2", MACHINE, f"seed {seed}", partial(_machine, seed), alone=True)


def _machine(seed: int, _ground: "Ground") -> dict[str, int]:
    Machine.tally.clear()
    run(examples=EXAMPLES, steps=STEPS, random_seed=seed)
    tally = Machine.tally
    return {
        "steps": sum(tally.of("rule").values()),
        "rounds of loops": sum(tally.of("loop").values()),
        "effects": sum(tally.of("effect").values()) - tally["effect channel.send"],
        "crashes": tally["crash"],
    }
