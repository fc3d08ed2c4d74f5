"""The playground's workspace without its MLflow server: tables, a catalog and a warehouse, up in a moment."""

import asyncio
import os
import socket
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Self

from daemon.adapters.databricks import DatabricksClient
from daemon.adapters.databricks.catalog import UnityCatalog
from daemon.adapters.warehouse import Statements, WarehouseTable
from daemon.config.fields import Secret
from daemon.config.settings import Workspace as Settings
from daemon.domain.table_name import table_name
from playground.address import Address
from playground.client import Client
from playground.registry import Registry
from playground.server import server
from playground.warehouse import WAREHOUSE_ID
from playground.workspace import Pace, Workspace

PATIENCE = timedelta(seconds=20)
NOWHERE = "http://127.0.0.1:9"
"""No MLflow server: whoever asks for models is refused."""


class SmallWorkspace:
    """In: a folder for its tables. Out: a workspace that answers, as long as the context lasts."""

    def __init__(self, root: Path, *, start_seconds: float = 0.0, mlflow: str = NOWHERE) -> None:
        self._root, self._pace, self._mlflow = root, Pace(start_seconds=start_seconds), mlflow
        self._ready, self._stop = threading.Event(), asyncio.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        self.token_file.write_text(self.token)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            # whoever waits for a workspace that did not come up would wait for ever
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.workspace = workspace = Workspace(self._root, self._pace, Registry(self._mlflow))
        self.token = workspace.tokens.main
        http = server(workspace)
        serving = asyncio.create_task(http.serve(sockets=[self._listener]))
        self._ready.set()
        await self._stop.wait()
        http.should_exit = True
        await serving
        await workspace.stop()

    @property
    def token_file(self) -> Path:
        return self._root / "token"

    @property
    def control(self) -> Client:
        nothing = Path(os.devnull)
        return Client(Address(self.host, self.token, "", 0, {}, nothing, nothing, {}))

    @property
    def settings(self) -> Settings:
        return Settings(
            host=self.host,
            token=Secret(file=self.token_file),
            timeout=PATIENCE,
            retry_for=PATIENCE,
            warehouse_id=WAREHOUSE_ID,
            served_entities_table="system.serving.served_entities",
        )

    @property
    def client(self) -> DatabricksClient:
        return DatabricksClient(self.settings, pauses=(0.0, 0.0))

    def catalog(self) -> UnityCatalog:
        return UnityCatalog(self.client)

    def table(
        self, name: str, *, disposition: str = "EXTERNAL_LINKS", pauses: Sequence[float] = (0.05,)
    ) -> WarehouseTable:
        """Return a table as the daemon reads it through the warehouse."""
        known = table_name(name)
        assert known is not None
        statements = Statements(self.client, self.settings, disposition=disposition, pauses=tuple(pauses))
        return WarehouseTable(known, statements, self.catalog())
