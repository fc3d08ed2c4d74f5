"""`restore`, `release`: what a person does by hand."""

import tempfile

import click

from daemon.cli.options import Path, command, load, opened, print_json
from daemon.domain.remediation import State
from daemon.remediate import vault
from daemon.remediate.moves import move
from daemon.store import remediations


@command("restore")
@click.argument("model")
@click.argument("version", type=int)
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), help="Unpack into this empty folder.")
@click.option("--back", is_flag=True, help="Put the artifacts back where the registry had them.")
def restore(file: Path, as_json: bool, model: str, version: int, folder: Path | None, back: bool) -> None:
    """Restore an archived version, and compare every file with its manifest, bit for bit."""
    if (folder is None) == (not back):
        raise click.UsageError("say --to FOLDER or --back")
    settings = load(file)
    vaults = [e.archive.folder for e in settings.endpoints if e.model == model and e.archive.folder]
    if not vaults:
        raise click.ClickException(f"no endpoint of {model} has an archive folder in {file}")
    try:
        with tempfile.TemporaryDirectory(prefix="mlsteward-") as scratch:
            unpacked = folder or Path(scratch) / "restored"
            kept = vault.restore(vaults[0], model, version, unpacked)
            if back:
                from daemon.app import upload

                upload(settings, model, version, unpacked)
    except vault.VaultError as error:
        raise click.ClickException(str(error)) from error
    where = "the registry" if back else str(folder)
    if as_json:
        print_json(
            {"model": model, "version": version, "archive": str(kept.tar), "to": where, "files": dict(kept.files)}
        )
    else:
        click.echo(f"version {version} of {model}: {len(kept.files)} files restored to {where}, every checksum matches")


@command("release")
@click.argument("remediation_id")
@click.option("--by", required=True, help="Who releases it.")
@click.option("--reason", required=True, help="What was looked at, and found.")
def release(file: Path, as_json: bool, remediation_id: str, by: str, reason: str) -> None:
    """End a remediation that waits for a person, so that its endpoint is looked after again."""
    from daemon.app import CLOCK

    settings = load(file)
    with opened(settings) as store, store.begin() as tx:
        one = remediations.get(tx, remediation_id)
        if one is None:
            raise click.ClickException(f"no remediation {remediation_id!r}: `mlsteward status` lists the open ones")
        if one.state is not State.NEEDS_HUMAN:
            raise click.ClickException(f"{one.remedy} {one.id} is {one.state}: only what needs a human can be released")
        ended = move(tx, one, State.CANCELLED, f"released by {by}: {reason}", now=CLOCK.now())
    if as_json:
        print_json({"id": one.id, "state": str(ended.state) if ended else str(one.state)})
    else:
        click.echo(f"{one.remedy} {one.id} released: {one.endpoint} is looked after again")


COMMANDS = (restore, release)
