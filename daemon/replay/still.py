"""A world that only stands there: what guards ask is answered from the record, and nothing in it can be changed."""

from pathlib import Path
from typing import NoReturn

from daemon.config.settings import Safety
from daemon.domain.registry import ModelVersion
from daemon.domain.serving import EndpointState
from daemon.domain.window import EPOCH
from daemon.ports import PlatformError
from daemon.remediate.doors import Doors


class Still:
    """Serving, registry and jobs in one. Whoever wants to change something is refused."""

    def __init__(self) -> None:
        self.now: EndpointState | None = None

    def state(self, endpoint: str) -> EndpointState:
        if self.now is None or self.now.endpoint != endpoint:
            raise PlatformError(f"{endpoint} is not replayed", permanent=True, missing=True)
        return self.now

    def version(self, model: str, version: int) -> ModelVersion:
        return ModelVersion(model, version, EPOCH, ready=True, run_id=None)

    def loadable(self, model: str, version: int) -> bool:
        return True

    def alias(self, model: str, alias: str) -> int | None:
        return self.now.main.version if self.now and self.now.main else None

    def deployment_job(self, model: str, version: int) -> None:
        """Say that there is none: the record does not tell."""

    def _refused(self, *_: object, **__: object) -> NoReturn:
        raise PlatformError("a replay touches nothing", permanent=True)

    update = query = start = run = _refused
    set_alias = set_tag = set_stage = upload = download = remove_artifacts = _refused
    versions = signature = input_example = metrics = training_data = serving_anywhere = _refused


def doors(still: Still, safety: Safety, scratch: Path) -> Doors:
    """Return the doors of a remediation that may only be weighed."""
    return Doors(still, still, still, scratch, safety=safety)
