"""Upstream trouble: the feature store behind the endpoints is down, so the platform fails before any model is asked."""

from dataclasses import dataclass, field

from playground.errors import ApiError, invalid

_ERROR_CODES = {500: "INTERNAL_ERROR", 503: "TEMPORARILY_UNAVAILABLE"}


@dataclass
class Outage:
    """Which endpoints fail, and with what status."""

    everywhere: int | None = None
    at: dict[str, int] = field(default_factory=dict)

    def begin(self, endpoints: list[str] | None, *, status: int) -> None:
        """Have all or some endpoints fail from now on."""
        if status not in _ERROR_CODES:
            raise invalid(f"an outage answers with one of {sorted(_ERROR_CODES)}, not with {status}")
        if endpoints is None:
            self.everywhere = status
        else:
            self.at |= dict.fromkeys(endpoints, status)

    def end(self, endpoints: list[str] | None) -> None:
        """Have all or some endpoints work again."""
        if endpoints is None:
            self.everywhere, self.at = None, {}
        else:
            self.at = {name: status for name, status in self.at.items() if name not in endpoints}

    def failure(self, endpoint: str) -> ApiError | None:
        """Return how a request to an endpoint fails, or None if it does not."""
        status = self.at.get(endpoint, self.everywhere)
        if status is None:
            return None
        return ApiError(status, _ERROR_CODES[status], "The feature store did not answer in time.")
