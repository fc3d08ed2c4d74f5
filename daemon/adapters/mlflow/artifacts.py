"""The files of a registered version: where they are, and how they come, go back and go away."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from daemon.adapters.mlflow.client import Client, Repository
from daemon.ports import PlatformError

VERSION = re.compile(r"models:/(?P<name>[^/]+)/(?P<version>\d+)")
"""The source of a version that is a copy of another."""


class Artifacts:
    def __init__(self, client: Client) -> None:
        self._client = client

    def text(self, model: str, version: int, name: str) -> str | None:
        """Return one file, None where the version has no such file."""
        repository = self._repository(model, version)
        if name not in {shown.path for shown in repository.list_artifacts()}:
            return None
        with TemporaryDirectory() as folder:
            return Path(repository.download_artifacts(name, folder)).read_text(encoding="utf-8")

    def present(self, model: str, version: int) -> bool:
        return bool(self._repository(model, version).list_artifacts())

    def download(self, model: str, version: int, folder: Path) -> None:
        repository = self._repository(model, version)
        if not repository.list_artifacts():
            raise PlatformError(f"{model} version {version} has no artifacts", permanent=True, missing=True)
        folder.mkdir(parents=True, exist_ok=True)
        repository.download_artifacts("", str(folder))

    def upload(self, model: str, version: int, folder: Path) -> None:
        self._repository(model, version).log_artifacts(str(folder))

    def remove(self, model: str, version: int) -> None:
        if others := self._sharing(model, version):
            raise PlatformError(
                f"the artifacts of {model} version {version} stay: {', '.join(others)} are the same files",
                permanent=True,
            )
        repository = self._repository(model, version)
        if repository.list_artifacts():
            repository.delete_artifacts()

    def _repository(self, model: str, version: int) -> Repository:
        return self._client.repository(self._client.place(f"models:/{model}/{version}"))

    def _sharing(self, model: str, version: int) -> list[str]:
        """Return the versions, of any registered model, whose files are the same: twins, originals and copies."""
        api = self._client.api
        new, known = [(model, version)], set()
        while new:
            name, number = one = new.pop()
            if one in known:
                continue
            known.add(one)
            source = api.get_model_version(name, str(number)).source or ""
            if original := VERSION.fullmatch(source):
                new.append((original["name"], int(original["version"])))
            for address in (source, f"models:/{name}/{number}"):
                new += [(v.name, int(v.version)) for v in api.search_model_versions(f"source_path = '{address}'")]
        return [f"{name} version {number}" for name, number in sorted(known - {(model, version)})]
