import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from daemon.adapters.mlflow import MlflowRegistry
from daemon.config.mlflow import Mlflow
from daemon.domain.registry import Stage
from daemon.ports import PlatformError
from tests.adapters.local_server import Answer, LocalServer

GET, SEARCH = "/api/2.0/mlflow/model-versions/get", "/api/2.0/mlflow/model-versions/search"
MODEL, ALIAS = "/api/2.0/mlflow/registered-models/get", "/api/2.0/mlflow/registered-models/alias"
PROJECT = Path(__file__).parents[3]
URI, FILES = "/api/2.0/mlflow/model-versions/get-download-uri", "/api/2.0/mlflow-artifacts/artifacts"
SHOWN = {"name": "m", "version": "3", "creation_timestamp": 1_700_000_000_000, "status": "READY", "run_id": ""}


@pytest.fixture
def registry(server: LocalServer) -> MlflowRegistry:
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "3"
    return MlflowRegistry(Mlflow(tracking_uri=server.url))


def refused(call: Callable[[], Any]) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        call()
    assert str(caught.value).startswith("could not ")
    return caught.value


@pytest.mark.parametrize(
    ("answer", "permanent", "missing"),
    [
        (Answer({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"}, 404), True, True),
        (Answer({"error_code": "INVALID_PARAMETER_VALUE", "message": "no"}, 400), True, False),
        (Answer({"error_code": "PERMISSION_DENIED", "message": "no"}, 403), True, False),
        (Answer({"error_code": "UNAUTHENTICATED", "message": "no"}, 401), False, False),
        (Answer(b"<html>not found</html>", 404), False, False),
        (Answer(b"<html>oops</html>", 500), False, False),
        (Answer(b"<html>oops</html>", 502), False, False),
        (Answer({"error_code": "TEMPORARILY_UNAVAILABLE", "message": "no"}, 503), False, False),
        (Answer({"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "no"}, 429), False, False),
        (Answer(b"garbage"), False, False),
        (Answer(hang=True), False, False),
    ],
)
def test_every_refusal_says_whether_asking_again_can_help(
    server: LocalServer, registry: MlflowRegistry, answer: Answer, permanent: bool, missing: bool
) -> None:
    server.on("GET", GET, answer)
    error = refused(lambda: registry.version("m", 3))
    assert (error.permanent, error.missing) == (permanent, missing)


def test_a_server_that_is_away_may_come_back(registry: MlflowRegistry) -> None:
    away = MlflowRegistry(Mlflow(tracking_uri="http://127.0.0.1:9"))
    error = refused(lambda: away.version("m", 3))
    assert not error.permanent
    assert not error.missing


def test_without_an_address_no_database_is_made_up(tmp_path: Path) -> None:
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    with pytest.raises(PlatformError, match="tracking_uri") as caught:
        MlflowRegistry(Mlflow()).version("m", 3)
    assert caught.value.permanent
    assert not Path("mlflow.db").exists()


def test_the_address_may_stand_in_the_environment(server: LocalServer, registry: MlflowRegistry) -> None:
    os.environ["MLFLOW_TRACKING_URI"] = server.url
    server.on("GET", GET, Answer({"model_version": SHOWN}))
    version = MlflowRegistry(Mlflow()).version("m", 3)
    assert (version.version, version.run_id) == (3, None)


def test_a_version_that_is_not_ready_says_so(server: LocalServer, registry: MlflowRegistry) -> None:
    server.on("GET", GET, Answer({"model_version": SHOWN | {"status": "PENDING_REGISTRATION"}}))
    assert not registry.version("m", 3).ready


def test_versions_beyond_the_first_page_are_listed_too(server: LocalServer, registry: MlflowRegistry) -> None:
    server.on("GET", MODEL, Answer({"registered_model": {"name": "m", "aliases": [{"alias": "a", "version": "12"}]}}))
    first = {"model_versions": [SHOWN | {"version": "12"}], "next_page_token": "more"}
    server.on("GET", SEARCH, Answer(first), Answer({"model_versions": [SHOWN | {"version": "9"}]}))
    assert [(v.version, v.aliases) for v in registry.versions("m")] == [(9, ()), (12, ("a",))]


@pytest.fixture
def with_files(server: LocalServer) -> str:
    """Give version 3 a single file, an MLmodel with a signature, and return its path on the server."""
    path = f"{FILES}/0/run/artifacts/model/MLmodel"
    server.on("GET", MODEL, Answer({"registered_model": {"name": "m"}}))
    server.on("GET", GET, Answer({"model_version": SHOWN}))
    server.on("GET", URI, Answer({"artifact_uri": "mlflow-artifacts:/0/run/artifacts/model"}))
    server.on("GET", FILES, Answer({"files": [{"path": "MLmodel", "is_dir": False, "file_size": 9}]}))
    server.on("GET", path, Answer(b"""signature: {inputs: '[{"type": "double", "name": "x"}]'}"""))
    server.on("PUT", path, Answer())
    return path


def test_a_signature_is_fetched_once(server: LocalServer, registry: MlflowRegistry, with_files: str) -> None:
    assert registry.signature("m", 3) == registry.signature("m", 3)
    assert registry.input_example("m", 3) is None
    assert len(server.to(with_files)) == 1


def test_files_that_another_version_needs_are_not_removed(server: LocalServer, registry: MlflowRegistry) -> None:
    server.on("GET", GET, Answer({"model_version": SHOWN | {"source": "models:/m-1"}}))
    server.on("GET", SEARCH, Answer({"model_versions": [SHOWN, SHOWN | {"name": "other", "version": "5"}]}))
    with pytest.raises(PlatformError, match="other version 5") as caught:
        registry.remove_artifacts("m", 3)
    assert caught.value.permanent
    assert {asked.method for asked in server.asked} == {"GET"}


def test_nothing_needs_what_mlflow_skinny_leaves_out(server: LocalServer, with_files: str) -> None:
    """In a process of its own, in which these packages cannot be imported. SciPy is left out too, and needed by us."""
    code = f"""
        import sys
        for name in ("pandas", "sklearn", "pyarrow", "sqlalchemy", "alembic", "flask", "matplotlib"):
            sys.modules[name] = None
        import tempfile
        from pathlib import Path
        from daemon.adapters.mlflow import MlflowRegistry
        from daemon.config.mlflow import Mlflow
        registry = MlflowRegistry(Mlflow(tracking_uri={server.url!r}))
        folder = Path(tempfile.mkdtemp())
        registry.version("m", 3), registry.input_example("m", 3)
        registry.download("m", 3, folder), registry.upload("m", 3, folder)
        print(registry.signature("m", 3).inputs[0].name, (folder / "MLmodel").exists())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "x True", done.stderr
    assert [asked.method for asked in server.to(with_files)] == ["GET", "GET", "PUT"]


@pytest.mark.parametrize(
    "answer", [Answer({}, 503, {"Retry-After": "0"}), Answer({}, headers={"Content-Length": "99"})]
)
def test_what_changes_the_registry_is_sent_once(server: LocalServer, answer: Answer) -> None:
    server.on("GET", MODEL, Answer({"registered_model": {"name": "m"}}))
    server.on("POST", ALIAS, answer)
    code = """
        import sys
        from daemon.adapters.mlflow import MlflowRegistry
        from daemon.config.mlflow import Mlflow
        from daemon.ports import PlatformError
        try:
            MlflowRegistry(Mlflow(tracking_uri=sys.argv[1])).set_alias("m", "champion", 3)
        except PlatformError as error:
            print(error.permanent)
    """
    # a process of its own, with nothing of MLflow's settled yet
    bare = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_HTTP")}
    words = [sys.executable, "-c", textwrap.dedent(code), server.url]
    done = subprocess.run(words, cwd=PROJECT, env=bare, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "False", done.stderr
    assert len(server.to(ALIAS)) == 1


@contextmanager
def closed() -> Iterator[None]:
    raise PlatformError("nothing was sent: the gate is closed", permanent=False)
    yield


@pytest.mark.parametrize("what", ["set_alias", "set_tag", "set_stage", "upload", "remove_artifacts"])
def test_behind_a_fence_nothing_is_changed(server: LocalServer, tmp_path: Path, what: str) -> None:
    registry = MlflowRegistry(Mlflow(tracking_uri=server.url), fence=closed)
    call: Callable[[], object] = {
        "set_alias": lambda: registry.set_alias("m", "champion", 3),
        "set_tag": lambda: registry.set_tag("m", 3, "key", "value"),
        "set_stage": lambda: registry.set_stage("m", 3, Stage.PRODUCTION),
        "upload": lambda: registry.upload("m", 3, tmp_path),
        "remove_artifacts": lambda: registry.remove_artifacts("m", 3),
    }[what]
    with pytest.raises(PlatformError, match=r"^nothing was sent: the gate is closed$"):
        call()
    assert server.asked == []


def test_behind_a_fence_looking_goes_on(server: LocalServer) -> None:
    server.on("GET", GET, Answer({"model_version": SHOWN}))
    assert MlflowRegistry(Mlflow(tracking_uri=server.url), fence=closed).version("m", 3).version == 3
