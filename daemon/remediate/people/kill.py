"""The kill switch, pulled twice over: as a file and in the database. Either of them alone stops everything."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from daemon.domain.event import Severity
from daemon.domain.person import Done, Refused, Who
from daemon.domain.restraint import RestraintKind
from daemon.remediate import switch
from daemon.remediate.people import record, restrain
from daemon.store import restraints
from daemon.store.engine import Store, StoreError, Tx

Opened = Callable[[], AbstractContextManager[Store]]
"""Gives the store, or raises StoreError."""


def pull(opened: Opened, file: Path, who: Who) -> Done:
    """Pull whatever can be pulled, the file first: it takes no waiting. Raise Refused where neither can."""
    no_file, no_flag = _write_file(file, who), _write_flag(opened, who)
    if no_file and no_flag:
        raise Refused(f"NOTHING WAS STOPPED: {no_file}; {no_flag}. Stop the daemon: `systemctl stop mlsteward`")
    sentence = f"the kill switch is pulled: {restrain.MEANS[RestraintKind.KILL]}, until `mlsteward kill --lift`"
    if no_file:
        sentence += f". The flag in the database does it alone: {no_file}"
    if no_flag:
        sentence += f". The file {file} on this machine does it alone, and nobody was told: {no_flag}"
    return Done("kill", sentence, {"file": not no_file, "database": not no_flag})


def put_back(opened: Opened, file: Path, who: Who) -> Done:
    """Put both back, the flag first: as long as one of them stays, everything stays stopped, and Refused says so."""
    try:
        with opened() as store, store.begin() as tx:
            done = _lift_flag(tx, file, who)
    except StoreError as error:
        raise Refused(f"the kill switch stays as it is, because the database cannot be written: {error}") from error
    try:
        switch.put_back(file)
    except OSError as error:
        why = f"{file} cannot be removed: {error.strerror or error}"
        raise Refused(f"the kill switch stays pulled: its flag in the database is lifted, but {why}") from error
    return done


def _write_file(file: Path, who: Who) -> str:
    try:
        switch.pull(file, who)
    except OSError as error:
        return f"the file {file} cannot be written: {error.strerror or error}"
    return ""


def _write_flag(opened: Opened, who: Who) -> str:
    try:
        with opened() as store, store.begin() as tx:
            restrain.impose(tx, RestraintKind.KILL, "", who)
    except StoreError as error:
        return f"the database cannot be written: {error}"
    return ""


def _lift_flag(tx: Tx, file: Path, who: Who) -> Done:
    flags = restraints.lift(tx, [RestraintKind.KILL], "", by=who.by, now=who.now)
    if not flags and not switch.kill_switch(file):
        raise Refused("the kill switch is not pulled")
    left = "; ".join(r.words() for r in restraints.in_force(tx, who.now))
    sentence = f"the kill switch is put back: remedies go on{f'; still in force: {left}' if left else ''}"
    return record(tx, Done("lift_kill", sentence), who, "", told=Severity.WARNING)
