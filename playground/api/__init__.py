"""The paths of the workspace: one file for each family, each with a list of `routes`.

In: HTTP requests as the SDK sends them. Out: Databricks' JSON. State lives in the workspace, never here.
"""
