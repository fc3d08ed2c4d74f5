"""Logs: one sentence per event and its numbers as fields, to stderr, for a person, a program or the journal."""

import json
import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal, TextIO

import structlog
from structlog.stdlib import BoundLogger, ProcessorFormatter

from daemon.telemetry.redact import redact

Logger = BoundLogger
Format = Literal["text", "json"]
Event = MutableMapping[str, Any]

PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""syslog's numbers, which the journal reads from the start of a line."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
BARE = re.compile(r'[^\s"=]+')


def configure(
    level: str,
    format: Format,  # noqa: A002 - the setting's own name
    *,
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Send all logs of the process through one handler: our own from `level` up, those of libraries from `warning`.

    Call it before the first import of an SDK: databricks-sdk logs through the root logger, which then makes itself
    a handler of its own, and mlflow hangs handlers on sqlalchemy and alembic unless it is told not to.
    """
    os.environ.setdefault("MLFLOW_CONFIGURE_LOGGING", "false")
    stream = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(as_json=format == "json", journal=feeds_journal(stream, environ)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    wanted = getattr(logging, level.upper())
    root.setLevel(max(wanted, logging.WARNING))
    logging.getLogger("daemon").setLevel(wanted)
    logging.captureWarnings(True)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_stamps(), ProcessorFormatter.wrap_for_formatter],
        wrapper_class=BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def get(name: str) -> Logger:
    """Return the logger of a module of the daemon: `get(__name__)`."""
    logger: Logger = structlog.stdlib.get_logger(name)
    return logger


def feeds_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Tell whether the stream itself is the one that systemd connected to the journal.

    $JOURNAL_STREAM alone does not say so: every terminal of a desktop session inherits it.
    """
    try:
        end = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{end.st_dev}:{end.st_ino}"


def _formatter(*, as_json: bool, journal: bool) -> ProcessorFormatter:
    def render(_logger: object, _method: str, event: Event) -> str:
        level = event["level"]
        if journal:
            event.pop("timestamp")
        text = json.dumps(event, ensure_ascii=False) if as_json else _line(event, with_level=not journal)
        # The journal makes an entry of every line, so that each needs its priority.
        return "\n".join(f"<{PRIORITIES[level]}>{line}" for line in text.split("\n")) if journal else text

    return ProcessorFormatter(
        processors=[
            ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redact,
            render,
        ],
        foreign_pre_chain=_stamps(),
    )


def _stamps() -> list[Any]:
    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _line(event: Event, *, with_level: bool) -> str:
    """Return `time level sentence key=value ...`, and a traceback below it where there is one."""
    fields = dict(event)
    time, level, sentence = fields.pop("timestamp", ""), fields.pop("level"), fields.pop("event")
    traceback = fields.pop("exception", "")
    if fields["logger"].startswith("daemon."):
        del fields["logger"]
    parts = [time[:19] + "Z" if time else "", f"{level:<7}" if with_level else "", _one_line(str(sentence))]
    parts += [f"{name}={_value(value)}" for name, value in fields.items()]
    below = [f"  {_one_line(line)}" for line in traceback.splitlines()]
    return "\n".join([" ".join(filter(None, parts)), *below])


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, str) and BARE.fullmatch(value):
        return _one_line(value)
    return _one_line(json.dumps(value, ensure_ascii=False))


def _one_line(text: str) -> str:
    """Escape what would end the line or steer a terminal: a name from outside must not be able to forge a line."""
    return CONTROL.sub(lambda found: repr(found[0])[1:-1], text)
