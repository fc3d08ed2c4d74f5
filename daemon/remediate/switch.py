"""The kill switch as a file: it works when the database does not, and anybody can pull it with `touch`."""

from pathlib import Path

from daemon.domain.person import Who


def kill_switch(file: Path) -> str:
    """Say that the kill switch's file is there, or cannot be looked for: who cannot look must not act."""
    try:
        file.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        return f"the kill switch {file} cannot be looked for: {error.strerror}"
    return f"the kill switch is pulled: {file} is there"


def pull(file: Path, who: Who) -> None:
    """Make the file, and add to it who did it and why. Raise OSError where that cannot be."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as written:
        written.write(f"{who.now:%F %T} UTC by {who.by}: {who.reason}\n")


def put_back(file: Path) -> bool:
    """Remove the file; tell whether there was one. Raise OSError where it stays."""
    try:
        file.unlink()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
