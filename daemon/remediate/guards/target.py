"""Guards that ask about the world as it is, and the version that is to serve in it."""

from daemon.domain.registry import Deployment
from daemon.domain.remediation import Remediation, Remedy, Standing
from daemon.domain.serving import Update, traffic
from daemon.remediate.guards.circumstances import Circumstances

MOVES_TRAFFIC = (Remedy.PROMOTE, Remedy.ROLLBACK)


def settled(_: Remediation, c: Circumstances) -> tuple[bool, str]:
    return c.state.update in (Update.NONE, Update.FAILED), f"the endpoint's last update: {c.state.update}"


def base(r: Remediation, c: Circumstances) -> tuple[bool, str]:
    """The version that the remedy is about still serves; a promotion's champion still serves everything."""
    serves = traffic(c.state.served)
    if r.remedy is Remedy.ARCHIVE:
        return True, "does not touch traffic"
    if r.remedy is Remedy.PROMOTE:
        return serves == {r.from_version: 100}, f"serves {serves}"
    return r.from_version in serves, f"serves {serves}"


def unchanged(r: Remediation, c: Circumstances) -> tuple[bool, str]:
    """The world is the one that the plan was made for, to the last deployment."""
    if r.remedy not in MOVES_TRAFFIC or "config_version" not in r.plan:
        return True, "no plan yet"
    planned = (r.plan["config_version"], r.plan["traffic"], r.plan["alias_version"])
    serves = {str(v): p for v, p in traffic(c.state.served).items()}
    now = (c.state.config_version, serves, c.alias_version)
    words = "configuration {}, traffic {}, alias on version {}"
    return planned == now, "as planned" if planned == now else (
        f"planned for {words.format(*planned)}; it is {words.format(*now)}"
    )


def target(r: Remediation, c: Circumstances) -> tuple[bool, str]:
    """The version to go to is there, can be loaded, and is not known bad; a rollback's must be known good."""
    if r.to_version is None:
        return r.remedy not in MOVES_TRAFFIC, "there is no version to go to"
    standing = _standing(r.to_version, c)
    if c.target_lacks:
        return False, f"version {r.to_version} {c.target_lacks}"
    if standing is Standing.BAD:
        return False, f"version {r.to_version} is known bad"
    if r.remedy is Remedy.ROLLBACK and standing is not Standing.GOOD:
        return False, f"version {r.to_version} is not known good"
    return True, f"version {r.to_version} is {standing or 'new'}"


def not_put_back(r: Remediation, c: Circumstances) -> tuple[bool, str]:
    """A version that was taken away as bad and serves again was put there by a person, who knows better."""
    if r.remedy is not Remedy.ROLLBACK or _standing(r.from_version, c) is not Standing.BAD:
        return True, "nobody has put it back"
    return False, f"version {r.from_version} is known bad and serves all the same: a person put it back"


def last_healthy(r: Remediation, c: Circumstances) -> tuple[bool, str]:
    """Something known to be healthy serves at every moment of the plan."""
    if r.remedy is not Remedy.PROMOTE or c.keeps_champion:
        return True, "what is known to be healthy stays served"
    return False, (
        f"version {r.from_version} would be gone before version {r.to_version} has been seen to be healthy: "
        "set promote.standby, or a canary step"
    )


def deployment(r: Remediation, c: Circumstances) -> tuple[bool, str]:
    """Databricks' own deployment job does not deploy at the same time: two hands would undo each other's work.

    A promotion is left to the job while one is connected. A rollback waits only for one that is at work: it cannot wait
    for a person's approval.
    """
    job = c.deployment
    if r.remedy not in MOVES_TRAFFIC or job is None:
        return True, "no deployment job deploys this model"
    told = f"deployment job {job.job_id} of Databricks: {job.words or 'connected'}"
    if job.run is Deployment.RUNS:
        return False, f"{told}; it is at work"
    if r.remedy is Remedy.PROMOTE and (job.connected or job.run is Deployment.WAITS):
        return False, f'{told}; it promotes by itself (promote.deployment_job = "ignore" if it does not)'
    return True, told


def _standing(version: int | None, c: Circumstances) -> Standing | None:
    return next((v.standing for v in c.record if v.version == version), None)
