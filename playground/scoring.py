"""A served version: loaded by MLflow from the registry, and scored by the scoring server's own function.

In: the raw body of a request. Out: status and text exactly as `mlflow models serve` would answer them.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow.pyfunc
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import scoring_server

_invocations: Any = scoring_server.invocations


@dataclass(frozen=True)
class Answer:
    """What goes back to the caller and into the inference table."""

    status: int
    text: str
    media_type: str = "application/json"
    ms: int = 0


@dataclass(frozen=True)
class Scorer:
    """One version in memory. Blocks while it scores: call it from a thread."""

    pyfunc: Any
    input_schema: Any

    def score(self, body: bytes, content_type: str) -> Answer:
        """Answer one request, a model's exception included."""
        start = time.perf_counter()
        status, text, media_type = self._invoke(body, content_type)
        return Answer(status, text, media_type, ms=round(1000 * (time.perf_counter() - start)))

    def _invoke(self, body: bytes, content_type: str) -> tuple[int, str, str]:
        try:
            answer = _invocations(body, content_type, self.pyfunc, self.input_schema)
        except MlflowException as error:
            refusal: Any = error
            return refusal.get_http_status_code(), refusal.serialize_as_json(), "application/json"
        except Exception:
            # What the server's framework makes of an error that MLflow did not foresee.
            return 500, "Internal Server Error", "text/plain"
        return answer.status, answer.response, answer.mimetype


def load(registered_model: str, version: str, *, into: Path) -> Scorer:
    """Download a registered version into a folder and load it; raises whatever keeps it from loading."""
    pyfunc = mlflow.pyfunc.load_model(f"models:/{registered_model}/{version}", dst_path=str(into))
    return Scorer(pyfunc, pyfunc.metadata.get_input_schema())
