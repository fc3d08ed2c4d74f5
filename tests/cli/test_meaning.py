"""`check` says what a configuration asks of the traffic, in numbers that come from elsewhere."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from daemon.cli.meaning import Traffic, means, rows_wanted, time_wanted, traffic_of
from daemon.config.detection import Decide, Drift, Level, Sensitivity, Watch
from daemon.config.endpoint import EndpointSettings
from daemon.config.fields import Secret
from daemon.config.remedies import Promote, Rollback
from daemon.config.settings import Settings, Store
from daemon.store import baselines, profiles
from daemon.store.engine import Store as Opened
from tests.store.nouns import T0, baseline, profile

HOUR = timedelta(hours=1)


def endpoint(**changes: object) -> EndpointSettings:
    patient = {"rollback": Rollback(timeout=6 * HOUR), "promote": Promote(timeout=6 * HOUR)}
    plain = {"watch": Watch(window=HOUR), **patient, **changes}
    return EndpointSettings(name="flights", table="/t", model="m", **plain)  # type: ignore[arg-type]


def traffic(an_hour: float, varies: float = float("nan")) -> Traffic:
    return Traffic(3, an_hour, 20, varies)


def test_the_rows_are_those_of_hoeffdings_inequality_at_the_budget_of_a_year() -> None:
    # ln(2 / alpha) / (2 * 0.1 ** 2), one alarm in 8,766 hours over 20 columns of 63 checks and ten more
    wanted = np.log(2 * 8766 * (20 * 63 + 10)) / 0.02
    assert rows_wanted(endpoint(), None) == rows_wanted(endpoint(), traffic(100)) == np.ceil(wanted)


@pytest.mark.parametrize(("varies", "times"), [(1.0, 1), (4.0, 1), (12.0, 3)])
def test_where_windows_vary_more_is_needed_to_lie_outside_of_what_they_do(varies: float, times: int) -> None:
    # D = 0.2 exceeds sqrt(phi ln(2 / alpha) / 2n) at a quarter of phi times the rows that exceed the tolerance
    plain = np.log(2 * 8766 * (20 * 63 + 10)) / 0.02
    assert rows_wanted(endpoint(), traffic(100, varies)) == pytest.approx(times * plain, abs=times)
    stated = endpoint(drift=Drift(design_effect=varies))
    assert rows_wanted(stated, traffic(100, 1.0)) == pytest.approx(times * plain, abs=times)


def test_the_time_is_whole_windows_and_no_less_than_the_levels_stretch() -> None:
    assert time_wanted(endpoint(), traffic(100)) == 9 * HOUR
    assert time_wanted(endpoint(), traffic(100_000)) == HOUR
    daily = endpoint(sensitivity=Sensitivity(feature=Level.DAILY))
    assert time_wanted(daily, traffic(100_000)) == timedelta(days=1)
    assert time_wanted(daily, traffic(30)) == timedelta(days=2)


def test_it_is_said_in_words() -> None:
    told = means(endpoint(decide=Decide(breaches=3, of=5)), traffic(100, 2.0))
    assert "20 columns, at most 1 false alarm a year" in told
    assert (
        "version 3 gives 100 an hour to count: that takes about 9 h, and 2 h more until 3 windows have said so" in told
    )
    assert "vary" not in told
    assert "it takes more where its windows vary by themselves" in means(endpoint(), None)


def test_the_traffic_is_what_the_store_has_counted_lately(tmp_path: Path) -> None:
    where = Store(url=f"sqlite:///{tmp_path}/store.db")
    settings = Settings(store=where, endpoints=(endpoint(),))
    assert traffic_of(settings, now=T0) == {}
    assert not (tmp_path / "store.db").exists()
    store = Opened.open(where)
    with store.begin() as tx:
        baselines.save(tx, baseline())
        # twice as many records as requests, 800 in four quarters of an hour
        profiles.save(tx, [profile(n, requests=100) for n in range(4)])
    store.close()
    (known,) = traffic_of(settings, now=T0 + HOUR).values()
    assert (known.version, known.an_hour, known.columns) == (3, 800, 2)
    assert traffic_of(settings, now=T0 + timedelta(days=30)) == {}


def test_a_secret_that_only_the_service_has_keeps_nobody_from_checking() -> None:
    where = Store(url="postgresql+psycopg://steward@127.0.0.1:1/x", password=Secret(credential="database"))
    assert traffic_of(Settings(store=where, endpoints=(endpoint(),)), now=T0) == {}
