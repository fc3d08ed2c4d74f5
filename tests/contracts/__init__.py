"""What every implementation of a port must do: written once, run on the real adapter and on its fake.

The real adapters meet the playground, where servers, models and artifacts are real.
"""
