"""What is told of the store as a whole."""

from datetime import timedelta
from pathlib import Path

from daemon import report
from daemon.config.endpoint import EndpointSettings
from daemon.config.settings import Settings
from daemon.store import lease
from daemon.store.engine import Store
from tests.store.nouns import T0

ONE = Settings(endpoints=(EndpointSettings(name="flights", table=str(Path("/t")), model="m"),))


def leader(store: Store) -> object:
    with store.read() as tx:
        return report.status(tx, ONE, stopped="", now=T0)["leads"]


def test_who_leads_is_told_where_there_can_be_several(postgresql_store: Store) -> None:
    assert leader(postgresql_store) is None
    with postgresql_store.begin() as tx:
        assert lease.acquire(tx, "anna pid 7", timedelta(seconds=30))
    assert leader(postgresql_store) == "anna pid 7"


def test_nobody_has_to_lead_on_sqlite(sqlite_store: Store) -> None:
    assert leader(sqlite_store) is None
