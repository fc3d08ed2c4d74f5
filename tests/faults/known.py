"""Promises that pytest tests show already: they run, and each is counted as a case."""

from collections.abc import Iterator

from tests.faults.report import Tests, Tried


def cases() -> Iterator[Tried]:
    crash = ("tests/remediate/test_crash.py", "tests/remediate/test_journal.py")
    yield Tests("P2", "dead after any effect, any write, again and again: in-process", crash)
    yield Tests(
        "P4",
        "the lease: taken, renewed, lost, fenced",
        ("tests/store/test_lease.py", "tests/lead", "tests/test_fence.py"),
    )
    yield Tests(
        "P6", "never to a version known bad", ("tests/remediate/test_rollback.py", "tests/watch/test_decide.py")
    )
    yield Tests("P7", "only after it was measured", ("tests/remediate/test_verify.py", "tests/remediate/test_cycle.py"))
    yield Tests(
        "P8", "changed by hand before, during and after each step: in-process", ("tests/remediate/test_manual.py",)
    )
    yield Tests("P12", "the outbox: at least once, by a key", ("tests/notify", "tests/store/test_events.py"))
    yield Tests("P13", "the clock a day forward and back, and standing still", ("tests/watch/test_clock.py",))
    yield Tests(
        "P16",
        "archives restore bit for bit, and caps hold",
        ("tests/remediate/test_vault.py", "tests/remediate/test_stale.py"),
    )
    yield Tests("P17", "explain tells every guard", ("tests/cli/test_commands.py", "tests/remediate/test_guards.py"))
    yield Tests("P18", "databases of older versions, with what was open in them", ("tests/store/test_migrate.py",))
