"""The alarm, in processes of their own: frozen until after the end of the lease, and woken again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

FROZEN = """
import os, signal, sys, threading, time
from daemon.lead import alarm

alarm.hold_off()
alarm.set_for(float(sys.argv[2]))

def work():
    if sys.argv[1] == "sending":
        with alarm.heard():
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
            print("sent", flush=True)
    else:
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
        if sys.argv[1] == "about to send":
            with alarm.heard():
                print("sent", flush=True)
    print("went on", flush=True)

thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


def frozen(at: str, *, lease_s: float, wakes_after_s: float) -> tuple[int, str]:
    """Let a process freeze itself, wake it after so long, and return how it ended and what it said."""
    process = subprocess.Popen(
        [sys.executable, "-c", FROZEN, at, str(lease_s)], stdout=subprocess.PIPE, text=True, env={**os.environ}
    )
    deadline = time.monotonic() + 60
    while Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2][0] != "T":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(wakes_after_s)
    process.send_signal(signal.SIGCONT)
    said, _ = process.communicate(timeout=60)
    return process.returncode, said


@pytest.mark.parametrize("at", ["sending", "about to send"])
def test_what_wakes_after_its_lease_does_not_send_another_byte(at: str) -> None:
    assert frozen(at, lease_s=0.01, wakes_after_s=0.3) == (-signal.SIGALRM, "")


def test_what_wakes_within_its_lease_goes_on() -> None:
    assert frozen("sending", lease_s=600, wakes_after_s=0) == (0, "sent\nwent on\n")


def test_what_sends_nothing_may_still_end_in_its_own_words() -> None:
    assert frozen("elsewhere", lease_s=0.01, wakes_after_s=0.3) == (0, "went on\n")
