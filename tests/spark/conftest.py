"""A real Spark, and two engines that must agree: what Spark SQL answers, and what the playground's warehouse does."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from daemon.adapters.databricks.catalog import TableInfo
from daemon.adapters.tables.dialect import DATABRICKS, Question
from daemon.adapters.tables.engine import QuestionError
from daemon.adapters.warehouse import WarehouseTable
from daemon.domain.table_name import TableName
from daemon.ports import PlatformError
from playground import sql
from playground.catalog import Catalog
from playground.sql import RefusedError

JAVA = 17


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """One session, in UTC as a warehouse's is, and as strict (ANSI)."""
    _require_java()
    folder = tmp_path_factory.mktemp("spark")
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.shuffle.partitions": "1",
        # compiling costs more than running where there are a thousand rows
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.warehouse.dir": str(folder),
        "spark.driver.memory": "1g",
        "spark.ui.showConsoleProgress": "false",
    }
    builder = SparkSession.builder.master("local[2]").appName("tests")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session: SparkSession = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


def _require_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")
    said = subprocess.run([java, "-version"], capture_output=True, text=True).stderr if java else ""
    version = said.partition('"')[2].partition(".")[0]
    if not version.isdecimal() or int(version) < JAVA:
        pytest.fail(f"Spark needs Java {JAVA} or newer: install a JRE (Debian: apt install openjdk-17-jre-headless)")


class BothEngines:
    """Stands for the statements of a warehouse: each is run by Spark and by the playground, and must come out alike."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self._spark, self._folder = spark, folder
        self._catalog = Catalog()
        self._views: dict[str, str] = {}
        self.asked: list[Question] = []

    def register(self, name: TableName, path: Path) -> WarehouseTable:
        """Give a Delta table a name in both; Spark has what is in it now."""
        self._catalog.register(str(name), path.resolve().as_uri())
        self.see(name, path)
        return WarehouseTable(name, self, self)  # type: ignore[arg-type]

    def see(self, name: TableName, path: Path) -> None:
        """Let Spark see what has been written since."""
        file = self._folder / f"{len(list(self._folder.iterdir()))}.parquet"
        pq.write_table(DeltaTable(str(path)).to_pyarrow_table(), file)
        view = DATABRICKS.identifier(str(name))
        self._spark.read.parquet(str(file)).createOrReplaceTempView(view)
        self._views[".".join(map(DATABRICKS.identifier, name.parts))] = view

    def kinds(self, name: TableName) -> dict[str, str]:
        """Return the columns' types as Spark has them."""
        return dict(self._spark.table(DATABRICKS.identifier(str(name))).dtypes)

    # what a WarehouseTable asks of its statements

    def table(self, asked: Any, *, what: str = "") -> Any:
        if isinstance(asked, TableName):
            return self._info(asked)
        self.asked.append(asked)
        ours, theirs = self._on_spark(asked, what), self._on_the_playground(asked, what)
        assert ours.column_names == theirs.column_names
        assert _rows(ours, asked) == _rows(theirs, asked), asked.sql
        return ours

    def _info(self, name: TableName) -> TableInfo:
        from daemon.adapters.databricks.catalog import _table

        return _table(self._catalog.table(str(name)).as_json())

    def _on_spark(self, question: Question, what: str) -> pa.Table:
        sql = question.sql
        # it parses as it is, names in three parts; without Unity Catalog, Spark finds them as views
        self._spark._jsparkSession.sessionState().sqlParser().parsePlan(sql)
        for full, view in self._views.items():
            sql = sql.replace(full, view)
        try:
            return self._spark.sql(sql, args=dict(question.parameters)).toArrow()
        except Exception as error:
            said = str(error).splitlines()[0]
            assert said.startswith("["), error
            with pytest.raises(PlatformError):
                self._on_the_playground(question, what)
            raise QuestionError(f"could not {what}: {said}", permanent=True, said=said) from error

    def _on_the_playground(self, question: Question, what: str) -> pa.Table:
        try:
            return sql.run(question.sql, question.parameters, self._catalog.locations())
        except RefusedError as error:
            raise QuestionError(f"could not {what}: {error}", permanent=True, said=error.message) from error


def _rows(answer: pa.Table, question: Question) -> list[tuple[Any, ...]]:
    rows = list(zip(*(answer.column(name).to_pylist() for name in answer.column_names), strict=True))
    return rows if question.sql.rstrip().endswith("ORDER BY hash, id") else sorted(rows, key=repr)


@pytest.fixture
def both(spark: SparkSession, tmp_path: Path) -> BothEngines:
    folder = tmp_path / "seen-by-spark"
    folder.mkdir()
    return BothEngines(spark, folder)
