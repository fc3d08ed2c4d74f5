"""What is told of the store as a whole."""

from datetime import timedelta
from pathlib import Path

from daemon import report
from daemon.config.endpoint import EndpointSettings
from daemon.config.labels import Labels
from daemon.config.settings import Settings
from daemon.domain.serving import EndpointState, ServedEntity, Update
from daemon.store import cohorts, endpoints, lease
from daemon.store.engine import Store
from daemon.watch.labels.due import subject
from tests.store.nouns import T0, cohort, window

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


def test_what_labels_say_is_told_beside_the_estimate_that_scores_make_until_then(sqlite_store: Store) -> None:
    rules = Labels(table="/labels", score="p", metrics=("accuracy",))
    settings = Settings(endpoints=(ONE.endpoints[0].model_copy(update={"labels": rules}),))
    known = subject(rules)
    with sqlite_store.begin() as tx:
        state = EndpointState("flights", 1, (ServedEntity("one", "m", 3, 100),), True, Update.NONE)
        endpoints.save_state(tx, state, T0)
        assert report.status(tx, settings, stopped="", now=T0)["endpoints"][0]["performance"] == []
        cohorts.save(tx, [cohort(0, subject=known), cohort(1, subject=known, predicted=100)])
        (told,) = report.status(tx, settings, stopped="", now=T0)["endpoints"][0]["performance"]
        assert report.status(tx, ONE, stopped="", now=T0)["endpoints"][0]["performance"] == []
    assert (told["measured"]["until"], told["measured"]["accuracy"]) == (window(0).end, 0.9)
    assert (told["newest"]["until"], told["newest"]["coverage"]) == (window(1).end, 0.1)
    assert told["newest"]["estimated_accuracy"] == 0.8
