"""Promises that pytest tests show already: they run, and each is counted as a case."""

from collections.abc import Iterator

from tests.faults.report import Tests, Tried

KNOWN = {
    ("P1", "source away, empty, late, thin: in-process"): ("watch/test_blindness.py", "watch/test_late_rows.py"),
    ("P2", "dead after any effect and any write: in-process"): ("remediate/test_crash.py", "remediate/test_journal.py"),
    ("P4", "the lease: taken, renewed, lost, fenced"): ("store/test_lease.py", "lead", "test_fence.py"),
    ("P5", "storms: begun, prolonged, over"): ("remediate/test_storm.py", "watch/test_upstream.py"),
    ("P6", "never to a version known bad"): ("remediate/test_rollback.py", "watch/test_decide.py"),
    ("P7", "only after it was measured"): ("remediate/test_verify.py", "remediate/test_cycle.py"),
    ("P8", "changed by hand around each step: in-process"): ("remediate/test_manual.py",),
    ("P9", "restraints, each tried alone"): ("remediate/test_restrained.py",),
    ("P10", "approved plans, and plans that are not"): ("remediate/test_approve.py", "remediate/test_frozen.py"),
    ("P11", "one trace told in two modes"): ("remediate/test_observe.py",),
    ("P12", "the outbox: at least once, by a key"): ("notify", "store/test_events.py"),
    ("P13", "the clock a day forward and back"): ("watch/test_clock.py",),
    ("P14", "every deadline is seen to"): ("remediate/test_overdue.py", "telemetry/test_heartbeat.py"),
    ("P14", "a hostile world around the process"): ("scenarios",),
    ("P15", "each error of a configuration, and all at once"): ("config",),
    ("P16", "archives restore bit for bit, and caps hold"): ("remediate/test_vault.py", "remediate/test_stale.py"),
    ("P17", "explain tells every guard"): ("cli", "remediate/test_guards.py"),
    ("P18", "older databases, with what was open in them"): ("store/test_migrate.py", "remediate/test_upgrade.py"),
}
"""Promise and what is tried -> files and folders below tests/."""


def cases() -> Iterator[Tried]:
    for (promise, tried), nodes in KNOWN.items():
        yield Tests(promise, tried, tuple(f"tests/{node}" for node in nodes))
