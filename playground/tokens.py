"""Access tokens: which are good, and how the others are refused."""

import secrets

from playground.errors import ApiError

_EXPIRED = {
    401: ApiError(401, "UNAUTHENTICATED", "The access token has expired."),
    403: ApiError(403, "PERMISSION_DENIED", "Invalid access token."),
}
_UNKNOWN = ApiError(401, "UNAUTHENTICATED", "Credential was not sent or was of an unsupported type for this API.")


class Tokens:
    """Tokens by value; an expired one stays known, so that control can still be taken with it."""

    def __init__(self) -> None:
        self._refusals: dict[str, ApiError | None] = {}
        self.main = self.issue()

    def issue(self) -> str:
        """Return a new token that is good."""
        token = f"dapi{secrets.token_hex(16)}"
        self._refusals[token] = None
        return token

    def expire(self, token: str, *, status: int) -> None:
        """Have a token refused with 401 or 403 from now on."""
        self._refusals[self._known(token)] = _EXPIRED[status]

    def renew(self, token: str) -> None:
        """Make a token good again."""
        self._refusals[self._known(token)] = None

    def refusal(self, authorization: str, *, expired_too: bool = False) -> ApiError | None:
        """Return why a call with this header is refused, or None if it may pass."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or token not in self._refusals:
            return _UNKNOWN
        return None if expired_too else self._refusals[token]

    def _known(self, token: str) -> str:
        if token not in self._refusals:
            raise KeyError(token)
        return token
