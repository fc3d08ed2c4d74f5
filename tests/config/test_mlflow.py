"""Which registry an URI means, and which settings fit it."""

from pathlib import Path

import pytest

from daemon.config.load import ConfigError, load
from daemon.config.mlflow import Mlflow, RegistryKind
from daemon.config.settings import Settings

ENDPOINT = '[[endpoints]]\nname = "churn"\ntable = "/t"\nmodel = "{model}"\n'
KINDS = [
    ("https://mlflow.example.com", None, RegistryKind.MLFLOW, False),
    ("http://127.0.0.1:5000", "http://127.0.0.1:5001", RegistryKind.MLFLOW, False),
    (None, None, RegistryKind.MLFLOW, False),
    ("databricks", None, RegistryKind.UNITY, True),
    ("databricks://prod", None, RegistryKind.UNITY, True),
    ("databricks", "databricks-uc", RegistryKind.UNITY, True),
    ("databricks", "databricks-uc://prod", RegistryKind.UNITY, True),
    ("databricks", "databricks", RegistryKind.WORKSPACE, True),
    (None, "databricks-uc", RegistryKind.UNITY, True),
    (None, "databricks", RegistryKind.WORKSPACE, True),
    ("https://mlflow.example.com", "databricks-uc", RegistryKind.UNITY, False),
]


def loaded(tmp_path: Path, text: str, *, model: str = "main.ml.churn") -> Settings:
    file = tmp_path / "config.toml"
    file.write_text(text + ENDPOINT.format(model=model))
    return load(file)


def problem(tmp_path: Path, text: str, *, model: str = "main.ml.churn") -> str:
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, text, model=model)
    return "; ".join(refused.value.problems)


@pytest.mark.parametrize(("tracking", "registry", "kind", "on_databricks"), KINDS)
def test_the_registry_is_what_mlflow_would_take_the_uris_for(
    monkeypatch: pytest.MonkeyPatch, tracking: str | None, registry: str | None, kind: RegistryKind, on_databricks: bool
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    found = Mlflow(tracking_uri=tracking, registry_uri=registry)
    assert (found.registry, found.runs_on_databricks) == (kind, on_databricks)
    if tracking:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking)
        from_environment = Mlflow(registry_uri=registry)
        assert (from_environment.registry, from_environment.runs_on_databricks) == (kind, on_databricks)


@pytest.mark.parametrize(
    ("text", "model", "words"),
    [
        ('[mlflow]\nregistry_uri = "uc:http://127.0.0.1:8080"\n', "main.ml.churn", "databricks-uc"),
        ('[mlflow]\ntracking_uri = "databricks-uc"\n', "main.ml.churn", 'tracking_uri is "databricks"'),
        (
            '[mlflow]\ntracking_uri = "databricks"\nregistry_uri = "https://x"\n',
            "churn",
            "models are in a registry there",
        ),
        ('[mlflow]\nregistry_uri = "databricks-uc"\n', "churn", "catalog.schema.model"),
        ('[mlflow]\nregistry_uri = "databricks-uc"\n', "main..churn", "catalog.schema.model"),
        ('[mlflow]\nregistry_uri = "databricks-uc"\n[defaults.promote]\nstages = true\n', "a.b.c", "has no stages"),
        (
            '[mlflow]\nregistry_uri = "databricks"\n[defaults.archive]\nremove = true\n',
            "churn",
            "only with their version",
        ),
        ('[mlflow]\ntracking_uri = "databricks://dev"\n[workspace]\nprofile = "prod"\n', "a.b.c", "the profile dev"),
    ],
)
def test_what_does_not_fit_is_refused_and_says_why(tmp_path: Path, text: str, model: str, words: str) -> None:
    assert words in problem(tmp_path, text, model=model)


def test_what_fits_is_taken(tmp_path: Path) -> None:
    text = '[mlflow]\ntracking_uri = "databricks://prod"\n[workspace]\nprofile = "prod"\n'
    assert loaded(tmp_path, text).mlflow.registry is RegistryKind.UNITY
    staged = '[mlflow]\nregistry_uri = "databricks"\n[defaults.promote]\nstages = true\n'
    assert loaded(tmp_path, staged, model="churn").mlflow.registry is RegistryKind.WORKSPACE
