"""A Databricks workspace in a box, for the demo and the tests; not part of the wheel."""
