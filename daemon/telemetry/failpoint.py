"""Named instants at which a test can end or freeze the process. Armed by the environment alone; else they do nothing.

MLSTEWARD_FAILPOINT=after_call:2=kill      at its second passing, SIGKILL
MLSTEWARD_FAILPOINTS_PASSED=FILE           appends the name of each point that is passed, a line each
"""

import os
import re
import signal
import threading
from itertools import count

POINTS = (
    "after_intent",
    "before_call",
    "after_call",
    "after_answer",
    "after_close",
    "before_move",
    "after_move",
)
"""Around a step: its intent is committed; the call is counted; it was made; its answer is noted; the step is closed.
Around a move: about to be committed; committed."""

ARMED = re.fullmatch(r"(\w+)(?::(\d+))?=(kill|stop)", os.environ.get("MLSTEWARD_FAILPOINT", ""))
PASSED = os.environ.get("MLSTEWARD_FAILPOINTS_PASSED", "")
SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}
_passings = count(1)


def failpoint(name: str) -> None:
    """Pass the point, unless it is armed."""
    if PASSED:
        _note(name)
    if ARMED and ARMED[1] == name and next(_passings) == int(ARMED[2] or 1):
        # to this very thread: sent to the process, it would be for the main thread to stop, and this one would run on
        signal.pthread_kill(threading.get_ident(), SIGNALS[ARMED[3]])


def _note(name: str) -> None:
    # one write to a file opened for appending: two threads do not mix their lines
    file = os.open(PASSED, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(file, f"{name}\n".encode())
    os.close(file)
