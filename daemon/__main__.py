"""`mlsteward`, and `python -m daemon`."""

from daemon.cli import cli


def main() -> None:
    """Run the command line."""
    cli(prog_name="mlsteward")


if __name__ == "__main__":
    main()
