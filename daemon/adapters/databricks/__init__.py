"""Serving endpoints, jobs, runs and both registries of a workspace, through databricks-sdk.

JSON is read as it comes: the SDK's typed classes turn a value that they do not know into None, and a workload type
that is lost on the way in would be lost from the endpoint on the way back.
"""

from daemon.adapters.databricks.client import DatabricksClient
from daemon.adapters.databricks.jobs import DatabricksJobs
from daemon.adapters.databricks.runs import DatabricksRuns
from daemon.adapters.databricks.serving import DatabricksServing
from daemon.adapters.databricks.survey import DatabricksSurvey
from daemon.adapters.databricks.unity import UnityRegistry
from daemon.adapters.databricks.workspace_registry import WorkspaceRegistry

__all__ = [
    "DatabricksClient",
    "DatabricksJobs",
    "DatabricksRuns",
    "DatabricksServing",
    "DatabricksSurvey",
    "UnityRegistry",
    "WorkspaceRegistry",
]
