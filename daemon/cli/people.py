"""`approve`, `reject`, `pause`, `resume` ...: the word of a person, which works while the daemon runs and while it is
down. Nothing here is imported from an SDK: the kill switch must work when all of them are broken."""

from collections.abc import Callable
from functools import partial
from typing import Any

import click

from daemon.cli.options import Path, command, load, now, opened, print_json
from daemon.config.load import ConfigError
from daemon.config.settings import Safety
from daemon.desk import Desk
from daemon.domain.person import Done

Function = Callable[..., Any]


def by_person(function: Function) -> Function:
    reason = click.option("--reason", required=True, help="Why, for the record.")
    return click.option("--by", required=True, help="Who does it.")(reason(function))


def at_place(function: Function) -> Function:
    everywhere = click.option("--all", "all_", is_flag=True, help="The whole fleet.")
    return click.option("--endpoint", metavar="NAME", help="One endpoint.")(everywhere(function))


def lasting(*, required: bool) -> Callable[[Function], Function]:
    help_ = "How long, such as 90s, 2h or 1d12h." + ("" if required else " Left out: until it is released.")
    return click.option("--for", "for_", metavar="DURATION", required=required, help=help_)


def do(file: Path, as_json: bool, verb: str, **written: object) -> None:
    """Do it, and say what came of it. `all_` and the like are names that Python keeps for itself."""
    settings = load(file)
    desk = Desk(lambda: settings, partial(opened, settings), now)
    show(desk.do(verb, {name.rstrip("_"): value for name, value in written.items()}, via="the command line"), as_json)


def show(done: Done, as_json: bool) -> None:
    if as_json:
        print_json({"done": done.verb, "sentence": done.sentence, **done.numbers})
    else:
        click.echo(done.sentence)


@command("approve")
@click.argument("remediation_id", metavar="ID")
@click.option("--plan", metavar="HASH", default="", help="Only this plan: the hash that `explain` shows, or its start.")
@by_person
def approve(file: Path, as_json: bool, remediation_id: str, plan: str, by: str, reason: str) -> None:
    """Say yes to the plan, or to the step, of a remediation that waits for a word. The id may be shortened."""
    do(file, as_json, "approve", id=remediation_id, plan_hash=plan, by=by, reason=reason)


@command("reject")
@click.argument("remediation_id", metavar="ID")
@click.option("--plan", metavar="HASH", default="", help="Only this plan: the hash that `explain` shows, or its start.")
@by_person
def reject(file: Path, as_json: bool, remediation_id: str, plan: str, by: str, reason: str) -> None:
    """Say no to the plan, or to the step, of a remediation that waits for a word. The id may be shortened."""
    do(file, as_json, "reject", id=remediation_id, plan_hash=plan, by=by, reason=reason)


@command("pause")
@at_place
@lasting(required=True)
@by_person
def pause(file: Path, as_json: bool, **written: object) -> None:
    """Do nothing and tell nobody, for a while. Looking goes on, and what was not told is told afterwards."""
    do(file, as_json, "pause", **written)


@command("maintenance")
@at_place
@click.option("--from", "from_", metavar="TIME", help='When it begins, such as "2026-11-27 22:00" (UTC). Default: now.')
@lasting(required=True)
@by_person
def maintenance(file: Path, as_json: bool, **written: object) -> None:
    """Do nothing for a while, now or later. People are told as ever."""
    do(file, as_json, "maintenance", **written)


@command("silence")
@at_place
@lasting(required=True)
@by_person
def silence(file: Path, as_json: bool, **written: object) -> None:
    """Tell nobody for a while; what remedies do goes on. What was not told is told afterwards."""
    do(file, as_json, "silence", **written)


@command("hold")
@at_place
@lasting(required=False)
@by_person
def hold(file: Path, as_json: bool, **written: object) -> None:
    """Do nothing until a person releases it. People are told as ever."""
    do(file, as_json, "hold", **written)


@command("resume")
@at_place
@by_person
def resume(file: Path, as_json: bool, **written: object) -> None:
    """End pause, maintenance, silence and storm there. A hold wants `release`, the kill switch `kill --lift`."""
    do(file, as_json, "resume", **written)


@command("release")
@click.argument("target", metavar="[ENDPOINT|ID]", required=False)
@click.option("--endpoint", metavar="NAME", help="The endpoint, where you would rather name it so.")
@click.option("--all", "all_", is_flag=True, help="Lift the hold of the whole fleet.")
@click.option(
    "--as",
    "as_",
    type=click.Choice(["cancelled", "succeeded"]),
    default="cancelled",
    show_default=True,
    help="How the remediation ended, as you found it.",
)
@by_person
def release(
    file: Path, as_json: bool, target: str | None, endpoint: str | None, all_: bool, as_: str, by: str, reason: str
) -> None:
    """Lift the hold of an endpoint, or end a remediation that needs a human: it is looked after again."""
    if target and endpoint:
        raise click.UsageError("name the endpoint once")
    do(file, as_json, "release", target=target or endpoint, all=all_, as_=as_, by=by, reason=reason)


@command("kill")
@click.option("--lift", is_flag=True, help="Put it back.")
@by_person
def kill(file: Path, as_json: bool, lift: bool, by: str, reason: str) -> None:
    """Stop everything: nothing is done in the world any more, by any remedy, until it is lifted.

    Written as a file (safety.kill_file) and into the database; either of them alone is enough.
    """
    try:
        load(file)
    except ConfigError:
        # the daemon may well run, on an older file: nobody shall read about TOML while it acts
        by_hand = f"Pull it by hand: touch {Safety().kill_file} (or where safety.kill_file says)"
        click.echo(f"NOTHING WAS STOPPED, because the configuration cannot be used. {by_hand}", err=True)
        raise
    do(file, as_json, "lift_kill" if lift else "kill", by=by, reason=reason)


@command("pardon")
@click.argument("version", type=click.IntRange(min=1))
@click.option("--endpoint", metavar="NAME", required=True, help="The endpoint.")
@by_person
def pardon(file: Path, as_json: bool, **written: object) -> None:
    """Forget that a version is known bad, so that remedies may go to it again once it has proved itself."""
    do(file, as_json, "pardon", **written)


COMMANDS = (approve, reject, pause, maintenance, silence, hold, resume, release, kill, pardon)
