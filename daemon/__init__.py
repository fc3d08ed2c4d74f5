"""The service: three loops joined by rows in the store.

`watch` looks at an endpoint, `remediate` moves one open remediation by one step, `notify` delivers one event.
Imports point one way only:
__main__ -> cli -> app -> {adapters, schedule, lead, watch, remediate, notify, web} -> {store, ports} -> config
-> domain -> telemetry -> detectors. The rooms in braces do not know one another.
"""

__version__ = "0.2.0"
