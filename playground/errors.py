"""A refusal, in the shape that Databricks gives it: HTTP status, `error_code` and `message`."""

from typing import Any


class ApiError(Exception):
    """What a caller is told instead of an answer."""

    def __init__(self, status: int, error_code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.error_code, self.message = status, error_code, message

    def as_json(self) -> dict[str, Any]:
        """Return the body of the answer."""
        return {"error_code": self.error_code, "message": self.message}


def invalid(message: str) -> ApiError:
    """Return the refusal of a body or parameter."""
    return ApiError(400, "INVALID_PARAMETER_VALUE", message)


def missing(message: str) -> ApiError:
    """Return the refusal of a name that nobody knows."""
    return ApiError(404, "RESOURCE_DOES_NOT_EXIST", message)
