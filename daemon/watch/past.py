"""The windows before those that are judged, and what they did by themselves: recalled, and learnt where it is due."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from daemon.config.endpoint import EndpointSettings
from daemon.domain.baseline import Baseline
from daemon.domain.finding import Cause
from daemon.domain.history import History
from daemon.domain.profile import Profile
from daemon.store import histories, profiles
from daemon.store.engine import Store, Tx
from daemon.watch import history
from daemon.watch.memory import Memory
from daemon.watch.scales import every_scale


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of one served version besides the window that is judged."""

    windows: Sequence[Profile] = ()
    """Oldest first, in the bins of its baseline."""
    history: History | None = None

    def until(self, newest: Profile) -> list[Profile]:
        """Return the windows before one, and that one."""
        return [*(one for one in self.windows if one.window.start < newest.window.start), newest]


def learn(
    settings: EndpointSettings,
    store: Store,
    seen: Sequence[Profile],
    baselines: Mapping[int, Baseline],
    known: Memory,
    *,
    now: datetime,
) -> dict[int, Past]:
    """Return the past of every version that is to be judged. Windows that were read again count as they are now."""
    found = {}
    with store.read() as tx:
        for version, baseline in baselines.items():
            mine = [one for one in seen if one.version == version]
            if mine:
                windows = _windows(settings, tx, mine, baseline, known.retrained)
                found[version] = Past(windows, histories.of(tx, baseline))
    for version, past in found.items():
        baseline = baselines[version]
        if not _in_trouble(known, version):
            learnt = _learnt(settings, store, baseline, past, now=now)
            found[version] = Past(past.windows, learnt or past.history)
    return found


def _windows(
    settings: EndpointSettings, tx: Tx, mine: Sequence[Profile], baseline: Baseline, retrained: datetime | None
) -> list[Profile]:
    oldest, newest = min(one.window.start for one in mine), max(one.window.end for one in mine)
    since = oldest - every_scale(settings)[-1] * settings.watch.window
    if retrained is not None:
        since = max(since, retrained)
    stored = profiles.load(tx, baseline.endpoint, baseline.version, since=since, until=newest, baseline=baseline)
    by_window = {one.window: one for one in (*stored, *mine)}
    return [by_window[window] for window in sorted(by_window)]


def _in_trouble(known: Memory, version: int) -> bool:
    """What may be drift is not what a version does by itself."""
    trails = known.trails.get(version, {}).values()
    return any(t.phase.trouble for t in trails if t.last.check.cause is not Cause.HEALTH)


def _learnt(
    settings: EndpointSettings, store: Store, baseline: Baseline, past: Past, *, now: datetime
) -> History | None:
    length = settings.watch.window
    with store.read() as tx:
        calm, since = profiles.count_calm(tx, baseline, until=now, length=length)
        if not history.due(past.history, calm, settings, since=since, now=now):
            return None
        windows = profiles.calm(tx, baseline, until=now, newest=history.MOST, length=length)
        made = history.learn(windows, baseline, settings)
    if made is not None:
        with store.begin() as tx:
            histories.save(tx, made)
    return made
