"""P15: bad configurations under SIGHUP in the middle of a remedy: the old one stays, and so does what was begun."""

import signal
from collections.abc import Callable, Iterator
from functools import partial

from tests.faults.ground import Ground
from tests.faults.plays import PROMOTE, ROLLBACK, Play
from tests.faults.report import Case, Tried
from tests.faults.site import Site

TRIED = "a bad configuration and SIGHUP in the middle of a remedy"
BAD: dict[str, Callable[[str], str]] = {
    "no TOML": lambda text: text + "\n[[[",
    "an unknown key": lambda text: text + "\nnonsense = 1\n",
    "no endpoint": lambda text: text.partition("[[endpoints]]")[0],
    "another store": lambda text: text.replace("mlsteward.db", "other.db"),
    "empty": lambda text: "",
    "not even text": lambda text: "\x00\xff" * 100,
    "a duration without a unit": lambda text: text.replace('timeout = "3s"', 'timeout = "3"'),
}


def cases() -> Iterator[Tried]:
    for play in (ROLLBACK, PROMOTE):
        yield Case("P15", TRIED, play.name, partial(reloaded, play), short=play is ROLLBACK)


def reloaded(play: Play, ground: Ground) -> None:
    """Have every bad configuration refused under way, and see the remedy end as by the good one."""
    with play.site(ground, "sqlite") as site:
        play.begin(site)
        good = site.configuration()
        with site.daemon() as daemon:
            for n, (name, spoil) in enumerate(BAD.items(), start=1):
                daemon.config.write_text(spoil(good))
                daemon.process.send_signal(signal.SIGHUP)
                site.wait(f"{name} to be refused", partial(_refused, site, n))
                assert daemon.metric("mlsteward_config_reload_success") == 0, name
            site.wait("the end", lambda: play.over(site))
            play.check(site)
            daemon.config.write_text(good)
            daemon.process.send_signal(signal.SIGHUP)
            site.wait("the good one", lambda: daemon.metric("mlsteward_config_reload_success") == 1)
            assert "Traceback" not in daemon.log.read_text()


def _refused(site: Site, times: int) -> bool:
    return len(site.events("config.refused")) >= times
