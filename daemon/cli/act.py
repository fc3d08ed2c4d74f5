"""`restore`: what was archived, back again."""

import tempfile

import click

from daemon.cli.options import Path, command, load, print_json
from daemon.remediate import vault


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


COMMANDS = (restore,)
