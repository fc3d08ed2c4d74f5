"""A real MLflow server delivers to the listener: what it sends is what the door lets in."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Event
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities.webhook import WebhookAction, WebhookEntity, WebhookEvent

from daemon.web import hook
from playground.process import Playground
from tests.web.desks import SECRET, House

SECONDS = 20.0
EVENTS: list[Any] = [
    WebhookEvent(WebhookEntity.MODEL_VERSION, WebhookAction.CREATED),
    WebhookEvent(WebhookEntity.MODEL_VERSION_TAG, WebhookAction.SET),
    WebhookEvent(WebhookEntity.MODEL_VERSION_ALIAS, WebhookAction.CREATED),
]


@pytest.fixture
def registry(playground: Playground, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return MlflowClient(playground.address.mlflow)


@pytest.fixture
def told(house: House) -> Iterator[Event]:
    """Set by each hint that gets through."""
    came = Event()
    house.desk.hasten = lambda _: came.set()
    house.now = datetime.now(UTC)
    yield came


@pytest.mark.parametrize(("secret", "heard"), [(SECRET, True), ("a secret of somebody else, 0123456789", False)])
def test_a_new_version_a_tag_and_an_alias_are_heard_of(
    house: House, registry: MlflowClient, told: Event, secret: str, heard: bool
) -> None:
    model = f"hooked-{uuid.uuid4().hex[:8]}"
    house.settings = house.settings.model_copy(
        update={"endpoints": (house.settings.endpoints[0].model_copy(update={"model": model}),)}
    )
    registry.create_registered_model(model)
    run = registry.create_run("0").info.run_id
    with house.listening() as client:
        url = str(client.base_url.join(hook.PATH))
        webhook = registry.create_webhook(model, url, EVENTS, secret=secret)
        try:
            changes = (
                lambda: registry.create_model_version(model, f"runs:/{run}/model", run),
                lambda: registry.set_model_version_tag(model, "1", "owner", "ops"),
                lambda: registry.set_registered_model_alias(model, "champion", "1"),
            )
            for change in changes:
                told.clear()
                change()
                if heard:
                    assert told.wait(SECONDS)
            tested = registry.test_webhook(webhook.webhook_id)
            assert (tested.success, tested.response_status) == ((True, 200) if heard else (False, 401))
        finally:
            registry.delete_webhook(webhook.webhook_id)
    assert bool(house.events("web.refused")) is not heard
    assert told.is_set() is heard
