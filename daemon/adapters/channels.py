"""The port Channel, through apprise: one address, a hundred kinds of receiver."""

import logging

from daemon.config.fields import SecretError
from daemon.config.settings import ChannelSettings
from daemon.domain.event import Event, Severity
from daemon.ports import PlatformError

KINDS = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.PAGE: "failure"}


class AppriseChannel:
    def __init__(self, settings: ChannelSettings) -> None:
        self.name = settings.name
        self._url = settings.url

    def send(self, title: str, body: str, event: Event) -> None:
        """Send at once. The address is read anew each time, so that a changed one needs no restart."""
        try:
            url = self._url.read()
        except SecretError as error:
            raise PlatformError(f"channel {self.name} has no address: {error}", permanent=False) from None
        if not _sent(self.name, url, title, body, event):
            raise PlatformError(f"channel {self.name} did not take the message", permanent=False)


def _sent(name: str, url: str, title: str, body: str, event: Event) -> bool:
    import apprise

    logging.getLogger("apprise").addFilter(_names_no_address)
    asset = apprise.AppriseAsset(app_id="mlsteward", app_desc="mlsteward")
    service = apprise.Apprise.instantiate(url, asset=asset)
    if service is None:
        raise PlatformError(f"channel {name}: apprise cannot read its address", permanent=True)
    # Only the plain webhooks (json://, form://, xml://) have room for fields of one's own.
    if isinstance(extras := getattr(service, "payload_extras", None), dict):
        extras |= _fields(event)
    try:
        return bool(
            apprise.Apprise(service, asset=asset).notify(
                body=body, title=title, notify_type=KINDS[event.severity], body_format="text"
            )
        )
    except Exception as error:
        # Its type alone: the text may quote the address.
        raise PlatformError(f"channel {name} failed: {type(error).__name__}", permanent=False) from None


def _names_no_address(record: logging.LogRecord) -> bool:
    """Keep out of the log what apprise says of an address: one that it cannot read it prints as it is."""
    return "url" not in str(record.msg).lower()


def _fields(event: Event) -> dict[str, str]:
    return {
        "kind": event.kind,
        "severity": event.severity.value,
        "endpoint": event.endpoint,
        "at": event.at.isoformat(),
        "dedup_key": event.dedup_key,
    }
