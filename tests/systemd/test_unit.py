"""The unit file against the program that it starts. What systemd itself makes of it: `box.sh`."""

import re
import shlex
import shutil
import signal
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest

from daemon.cli import cli
from daemon.config.settings import Store
from daemon.lead.keeper import LOST, MARGIN

UNIT = Path(__file__).parents[2] / "systemd" / "mlsteward.service"


@pytest.fixture(scope="module")
def unit() -> RawConfigParser:
    found = RawConfigParser(strict=False)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read_string(UNIT.read_text())
    return found


@pytest.fixture(scope="module")
def service(unit: RawConfigParser) -> dict[str, str]:
    return dict(unit["Service"])


def test_the_command_that_it_starts_is_one_that_the_program_has(service: dict[str, str]) -> None:
    program, command, *options = shlex.split(service["ExecStart"])
    assert Path(program).name == "mlsteward"
    context = cli.commands[command].make_context(command, options)
    assert context.params["file"] == Path("/etc/mlsteward/config.toml")


def test_systemd_waits_longer_for_the_end_than_the_daemon_does(service: dict[str, str]) -> None:
    from daemon.app import STOP_WITHIN_S

    assert int(service["TimeoutStopSec"]) > STOP_WITHIN_S + 10


def test_a_broken_configuration_is_not_tried_again(service: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("endpoints = 1")
    with pytest.raises(SystemExit) as ended:
        cli(["run", "--config", str(file)], standalone_mode=False)
    assert str(ended.value.code) == service["RestartPreventExitStatus"]


def test_a_lost_lease_is_followed_by_a_start_as_a_standby(service: dict[str, str]) -> None:
    assert service["RestartForceExitStatus"].split() == [str(LOST), signal.SIGALRM.name]


def test_one_that_loses_its_lease_as_often_as_it_can_is_never_given_up(
    unit: RawConfigParser, service: dict[str, str]
) -> None:
    within, most = (int(unit["Unit"][name]) for name in ("StartLimitIntervalSec", "StartLimitBurst"))
    holds_s = Store().lease.total_seconds() * (1 - MARGIN)
    assert within / (holds_s + int(service["RestartSec"])) < most


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_its_exposure_is_at_most_one_and_a_half() -> None:
    told = subprocess.run(
        ["systemd-analyze", "--offline=true", "security", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    figure = re.search(r"Overall exposure level.*: ([0-9.]+)", told.stdout)
    assert figure
    assert float(figure[1]) <= 1.5
