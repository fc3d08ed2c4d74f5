"""The kernel's alarm clock, set to the end of the lease: it ends a process that no longer runs its own checks.

A process can be frozen, or starved, between asking whether it may still send a request and sending it. It cannot ask
again when it wakes: to itself, no time has passed. The kernel does know. So SIGALRM is due at the end of the lease and
held off, except while a request is on its way out: then it ends the process before a single further instruction.
Everywhere else the process finds out by itself, and ends in its own words.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

ALARM = {signal.SIGALRM}


def hold_off() -> None:
    """Hold the alarm off in this thread and in those that it starts from now on."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ALARM)


def set_for(seconds: float) -> None:
    """Have it ring so long from now, instead of when it was set for before."""
    # nothing would turn it off
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))


def turn_off() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)


@contextmanager
def heard() -> Iterator[None]:
    """Let the alarm end the process at once while this block runs, or before it begins, if it has rung already."""
    before = signal.pthread_sigmask(signal.SIG_UNBLOCK, ALARM)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
