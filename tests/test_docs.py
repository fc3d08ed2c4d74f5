"""Every command that the pages name is one that exists, with options that it takes."""

import re
import shlex
from pathlib import Path

import click
import pytest

from daemon.cli import cli

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
COMMAND = re.compile(r"^ {4}(mlsteward .*)$", re.MULTILINE)
COMMANDS = [(page.name, line) for page in PAGES for line in COMMAND.findall(page.read_text())]


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_every_command_of_a_page_exists(page: str, line: str) -> None:
    _, name, *words = shlex.split(line.partition(" #")[0])
    command = cli.commands[name]
    command.make_context(name, [word.replace("file:/path/to/secret", "file:/s") for word in words])


def test_the_pages_name_commands_at_all() -> None:
    assert {page for page, _ in COMMANDS} >= {"README.md", "first-workspace.md"}
    assert isinstance(cli, click.Group)
