"""What kind of workspace the demo plays on: the same configuration, but for who reads tables and where models are."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from playground.cases import CASES, SCHEMA
from playground.catalog import SERVING
from playground.warehouse import WAREHOUSE_ID

MODELS = "playground.models"


@dataclass(frozen=True)
class Profile:
    """One kind."""

    name: str
    environment: Mapping[str, str] = field(default_factory=dict)
    """Of the box, and of whoever deploys by hand."""
    changes: tuple[tuple[str, str], ...] = ()
    """Lines of the configuration, and what stands there instead."""
    removes: bool = True
    """Whether an archive may remove files: in Unity Catalog they go only with their version."""

    def configured(self, config: str) -> str:
        """Return the configuration for this kind. Raise ValueError where a line that it changes is not there once."""
        for line, instead in self.changes:
            if config.count(line) != 1:
                raise ValueError(f"{line!r} stands {config.count(line)} times in the configuration")
            config = config.replace(line, instead)
        return config


def _by_name() -> tuple[tuple[str, str], ...]:
    tables = ((f'table = "tables/{case}_payload"', f'table = "{SERVING}.{case}_payload"') for case in CASES)
    models = ((f'model = "{c.model}"', f'model = "{MODELS}.{c.model}"') for c in CASES.values())
    return (*tables, *models)


PLAIN = Profile("plain")
WAREHOUSE_UC = Profile(
    "warehouse-uc",
    {SCHEMA: MODELS},
    (
        (
            'served_entities_table = "tables/system/serving/served_entities"',
            f'served_entities_table = "system.serving.served_entities"\nwarehouse_id = "{WAREHOUSE_ID}"',
        ),
        ("[store]", '[mlflow]\ntracking_uri = "databricks"\nregistry_uri = "databricks-uc"\n\n[store]'),
        ("[defaults.watch]", '[defaults]\nreader = "warehouse"\n\n[defaults.watch]'),
        ("remove = true", "remove = false"),
        *_by_name(),
    ),
    removes=False,
)
PROFILES = {profile.name: profile for profile in (PLAIN, WAREHOUSE_UC)}
