"""`mlsteward`, and `python -m daemon`."""

from daemon.lead import alarm


def main() -> None:
    """Run the command line."""
    # before anything else is imported: numpy starts threads when it is, and they keep what they were born with
    alarm.hold_off()
    from daemon.cli import cli

    cli(prog_name="mlsteward")


if __name__ == "__main__":
    main()
