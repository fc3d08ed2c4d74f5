"""Log lines as they leave the process."""

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
import structlog

from daemon.telemetry import log

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
OURS = "daemon.watch.cycle"


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root, daemon = logging.getLogger(), logging.getLogger("daemon")
    handlers, levels = list(root.handlers), (root.level, daemon.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    daemon.setLevel(levels[1])
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.fixture
def out() -> StringIO:
    return StringIO()


def test_a_line_is_time_level_sentence_and_fields(out: StringIO) -> None:
    log.configure("info", "text", stream=out)
    log.get(OURS).info("flight-delay is healthy", rows=2000, psi=0.0123456, note='a "b"', empty="")
    line = rf'{TIME} info    flight-delay is healthy rows=2000 psi=0.01235 note="a \\"b\\"" empty=""' + "\n"
    assert re.fullmatch(line, out.getvalue())


def test_json_is_one_object_a_line(out: StringIO) -> None:
    log.configure("info", "json", stream=out)
    log.get(OURS).warning("flight-delay is blind", rows=0, column="größe")
    event = json.loads(out.getvalue())
    assert re.match(r"\d{4}-\d\d-\d\dT", event.pop("timestamp"))
    assert event == {
        "event": "flight-delay is blind",
        "level": "warning",
        "logger": OURS,
        "rows": 0,
        "column": "größe",
    }


def test_our_own_level_is_configured_and_libraries_speak_from_warning_up(out: StringIO) -> None:
    log.configure("debug", "text", stream=out)
    log.get(OURS).debug("ours")
    logging.getLogger("theirs").info("chatty")
    logging.getLogger("theirs").warning("run of %s missed", "watch")
    assert [line.split(maxsplit=2)[2] for line in out.getvalue().splitlines()] == [
        "ours",
        "run of watch missed logger=theirs",
    ]


def test_a_higher_level_silences_libraries_too(out: StringIO) -> None:
    log.configure("error", "text", stream=out)
    log.get(OURS).warning("ours")
    logging.getLogger("theirs").warning("theirs")
    assert out.getvalue() == ""


def test_a_reload_changes_level_and_format_of_loggers_in_use(out: StringIO) -> None:
    log.configure("info", "text", stream=StringIO())
    logger = log.get(OURS)
    logger.info("bound while the first configuration stood")
    log.configure("debug", "json", stream=out)
    logger.debug("seen")
    assert json.loads(out.getvalue())["event"] == "seen"


def test_a_traceback_stands_below_its_line_and_is_masked(out: StringIO) -> None:
    log.configure("info", "text", stream=out)
    try:
        raise ValueError("refused: Bearer eyJhbGciOi")
    except ValueError:
        log.get(OURS).exception("the cycle failed")
    first, *rest = out.getvalue().splitlines()
    assert first.endswith("error   the cycle failed")
    assert rest[0] == "  Traceback (most recent call last):"
    assert rest[-1] == "  ValueError: refused: Bearer ***"


def test_a_librarys_traceback_is_shown_too(out: StringIO) -> None:
    log.configure("info", "json", stream=out)
    try:
        raise ValueError("inner")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("app failed")
    assert "ValueError: inner" in json.loads(out.getvalue())["exception"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_do_not_pass(out: StringIO, form: log.Format) -> None:
    log.configure("info", form, stream=out)
    token = "dapi" + "a" * 32
    log.get(OURS).info(f"asked with {token}", payload={"name": "hush-hush"}, note=f"Bearer {token}")
    logging.getLogger("urllib3").warning("retry of %s", f"https://steward:{token}@host/")
    assert "aaaa" not in out.getvalue()
    assert "hush-hush" not in out.getvalue()


def test_a_name_from_outside_cannot_forge_a_line_or_steer_a_terminal(out: StringIO) -> None:
    log.configure("info", "text", stream=out)
    forged = "x\n2026-01-01T00:00:00Z info all is well\x1b[2J\u2028y"
    log.get(OURS).info(f"column {forged}", column=forged)
    assert len(out.getvalue().splitlines()) == 1
    assert "\x1b" not in out.getvalue()


def test_under_systemd_lines_carry_priorities_and_no_time(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with path.open("w") as stream:
        end = os.fstat(stream.fileno())
        log.configure("debug", "text", stream=stream, environ={"JOURNAL_STREAM": f"{end.st_dev}:{end.st_ino}"})
        logger = log.get(OURS)
        logger.debug("d")
        logger.info("i", rows=1)
        logger.warning("w")
        logger.error("e")
        logger.critical("c")
        try:
            raise ValueError("inner")
        except ValueError:
            logger.exception("x")
    lines = path.read_text().splitlines()
    assert lines[:6] == ["<7>d", "<6>i rows=1", "<4>w", "<3>e", "<2>c", "<3>x"]
    assert all(line.startswith("<3>  ") for line in lines[6:])


def test_a_terminal_that_inherited_the_journals_variable_is_not_the_journal(tmp_path: Path) -> None:
    with (tmp_path / "tty").open("w") as stream:
        assert not log.feeds_journal(stream, {"JOURNAL_STREAM": "8:12345"})
        assert not log.feeds_journal(stream, {})
    assert not log.feeds_journal(StringIO(), {"JOURNAL_STREAM": "8:12345"})


def test_the_sdks_imported_afterwards_add_no_handlers_of_their_own() -> None:
    program = """
import logging, sys
from daemon.telemetry import log
log.configure("info", "text")
import databricks.sdk, mlflow.tracking
logging.debug("as the SDK does when it reads an error")
names = [n for n, lg in logging.root.manager.loggerDict.items() if getattr(lg, "handlers", [])
         and not all(isinstance(h, logging.NullHandler) for h in lg.handlers)
         and n != "py4j"]  # of pyspark, which only the tests have
assert len(logging.root.handlers) == 1, logging.root.handlers
assert not names, names
logging.getLogger("mlflow").warning("through our handler")
"""
    environ = {name: value for name, value in os.environ.items() if name != "MLFLOW_CONFIGURE_LOGGING"}
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environ, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert re.fullmatch(rf"{TIME} warning through our handler logger=mlflow\n", ran.stderr)
