"""`make demo`: the daemon's main job on real input, in four acts. Exit 0 only if every act ended as it should."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

from rich.status import Status

from playground.acts import NotInTimeError, Play
from playground.profile import PROFILES, Profile
from playground.recorder import Recorded
from playground.shapes import STATEMENT, unlike
from playground.stage import Stage
from playground.timeline import Timeline


def main() -> int:
    """Set the stage, play, write the timeline."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the folder of the box behind, to look around in it")
    parser.add_argument("--act", type=int, action="append", choices=range(1, 5), help="play only this one")
    parser.add_argument(
        "--profile", choices=PROFILES, default="plain", help="the kind of workspace that it is played on"
    )
    parser.add_argument("--cold", action="store_true", help="act 2 with no version kept ready to go back to")
    options = parser.parse_args()
    out = Path("build")
    out.mkdir(exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix="mlsteward-demo-"))
    timeline = Timeline()
    profile = PROFILES[options.profile]
    os.environ |= profile.environment
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does: everything is stopped
    try:
        ended = play(root, timeline, options.act or range(1, 5), profile=profile, standby=not options.cold)
    except KeyboardInterrupt:
        timeline.deed("interrupted: everything that was started is stopped")
        ended = 130
    finally:
        for log in root.glob("*.log"):
            shutil.copyfile(log, out / f"demo-{log.name}")
        if not options.keep:
            shutil.rmtree(root, ignore_errors=True)
    timeline.show()
    held = sum(e.passed is True for e in timeline.entries)
    timeline.console.print(f"{held} checks held, {len(timeline.failed)} did not")
    timeline.write(out / "timeline.json")
    timeline.console.print(f"{out / 'timeline.json'}", soft_wrap=True)
    return ended


def play(root: Path, timeline: Timeline, chosen: Collection[int], *, profile: Profile, standby: bool = True) -> int:
    """Play the acts on a stage below `root`; return the exit status."""
    status = Status("", console=timeline.console)
    with status:
        status.update("starting a workspace in a box: MLflow server, two models, their endpoints")
        with Stage(root, profile) as stage:
            timeline.deed(
                "the workspace is up, mlsteward watches it", workspace=stage.address.host, profile=profile.name
            )
            acts = Play(stage, timeline, status.update, standby=standby)
            try:
                for n, act in enumerate((acts.drift, acts.bad_release, acts.upstream, acts.housekeeping), start=1):
                    if n in chosen:
                        act()
            except (NotInTimeError, RuntimeError) as error:
                acts.listen()
                timeline.check(f"the act went on: {error}", False)
            finally:
                acts.close()
            acts.listen()
            hold_against_the_real_api(stage, timeline)
            status.update("stopping everything")
    return 1 if timeline.failed else 0


def hold_against_the_real_api(stage: Stage, timeline: Timeline) -> None:
    """Check that the playground was not asked for anything that the real API does not have; say how much it was."""
    requests = [Recorded(**one) for one in stage.control.requests()]
    statements = sum(one.method == "POST" and one.path == STATEMENT for one in requests)
    asked = f"{len(requests)} requests to the workspace"
    asked += f", {statements} of them statements to the warehouse" if statements else ""
    strange = unlike(requests)
    words = "; ".join(f"{name}: {wrong}" for name, wrong in strange.items())
    timeline.check(f"{asked}: {words or 'each as the real API has it'}", bool(requests) and not strange)


if __name__ == "__main__":
    sys.exit(main())
