"""The command line: one file a family of commands, one clear sentence and an exit status where something is wrong.

Exit status: 0 done, 1 it could not be done, 2 the configuration or the command line is wrong.
"""

import click

from daemon import __version__
from daemon.cli import act, doctor, people, read, replay, service, setup


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="mlsteward")
def cli() -> None:
    """Keep models in production healthy: watch, retrain, promote, roll back, archive."""


FAMILIES = (setup, doctor, service, read, replay, people, act)

for family in FAMILIES:
    for command in family.COMMANDS:
        cli.add_command(command)
