#!/usr/bin/env bash
# Runs mlsteward.service under a real systemd and shows that it starts, reloads, is watched and stops as it should.
#
# It installs and breaks things: run it as root in a throw-away machine or container whose PID 1 is systemd 252 or newer
# (systemd-nspawn --boot on an overlay of a root file system will do), never where mlsteward runs for real.
#
# It needs, in that machine:
#   REPO    this repository with the .venv that `make test` builds; left out: what the link /box/repo points to. Not
#           below /tmp, which a booted container mounts anew
#   PYTHON  a Python of the .venv's version that lies outside of home folders, which ProtectHome=yes hides; left out:
#           /usr/bin/python3.X. The .venv itself may have been built by another one: only its packages are used.
#
# One line a check, PASS or FAIL; the exit status is 1 where one failed.
set -uo pipefail

REPO=${REPO:-$(readlink -f /box/repo 2>/dev/null)}
packages=$(echo "$REPO"/.venv/lib/python3.*/site-packages)
PYTHON=${PYTHON:-/usr/bin/$(basename "$(dirname "$packages")")}
[[ -f $REPO/systemd/mlsteward.service ]] || { echo "REPO names no repository, nor does the link /box/repo" >&2; exit 2; }
[[ -d $packages ]] || { echo "$REPO has no .venv with packages" >&2; exit 2; }
[[ -x $PYTHON ]] || { echo "there is no $PYTHON: set PYTHON" >&2; exit 2; }

unit=mlsteward.service
config=/etc/mlsteward/config.toml
failed=0

check() { # check WHAT COMMAND...
    local what=$1
    shift
    if "$@"; then
        echo "PASS  $what"
    else
        echo "FAIL  $what"
        failed=1
    fi
}

within() { # within SECONDS COMMAND...: polls
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < end)) || return 1
        sleep 0.2
    done
}

show() { systemctl show "$unit" --property="$1" --value; }
is() { [[ $(show "$1") == "$2" ]]; }
running() { is ActiveState active && is SubState running; }
mark() { # what `said` looks at begins here
    journalctl --sync
    cursor=$(journalctl -n 0 --show-cursor | sed -n 's/^-- cursor: //p')
}
said() { # said PATTERN [PRIORITIES]
    journalctl --sync
    journalctl -u "$unit" -o cat --after-cursor="$cursor" --priority="${2:-debug}" | grep -Eiq -- "$1"
}
answers() { # answers PATH PATTERN
    "$PYTHON" - "$url$1" "$2" <<'END'
import re, sys, urllib.request
try:
    body = urllib.request.urlopen(sys.argv[1], timeout=5).read().decode()
except (OSError, ValueError):
    sys.exit(1)
sys.exit(re.search(sys.argv[2], body, re.M) is None)
END
}
end() {
    if ((failed)); then
        echo "--- the journal"
        journalctl -u "$unit" --no-pager -o short-monotonic | tail -n 120
    fi
    exit "$failed"
}

configure() { # configure LEVEL ENDPOINT...: writes a configuration that can be used, whose workspace nobody answers for
    cat <<END
[workspace]
host = "http://127.0.0.1:1"
token = { credential = "databricks-token" }
timeout = "2s"
retry_for = "2s"
[mlflow]
tracking_uri = "http://127.0.0.1:1"
[web]
port = 0
[log]
level = "$1"
END
    local name
    for name in "${@:2}"; do
        printf '[[endpoints]]\nname = "%s"\ntable = "/var/lib/mlsteward/no-such-table"\nmodel = "%s"\n' "$name" "$name"
    done
}

install_unit() {
    # Bound to a place that ProtectHome= does not hide, wherever the repository lies.
    mkdir -p /opt/mlsteward/repo /etc/mlsteward "/etc/systemd/system/$unit.d"
    mount --bind "$REPO" /opt/mlsteward/repo
    cp "$REPO/systemd/mlsteward.service" /etc/systemd/system/
    cat >"/etc/systemd/system/$unit.d/box.conf" <<END
[Service]
ExecStart=
ExecStart=$PYTHON -m daemon run --config $config
Environment=PYTHONPATH=/opt/mlsteward/repo:${packages/#$REPO//opt/mlsteward/repo} PYTHONDONTWRITEBYTECODE=1
LoadCredential=databricks-token:/etc/mlsteward/databricks-token
WatchdogSec=4
RestartSec=1
END
    (umask 077 && echo "dapi00000000000000000000000000000000" >/etc/mlsteward/databricks-token)
    configure info flights >"$config"
    systemctl daemon-reload
}

start() {
    mark
    check "starts, and systemd hears READY" timeout 60 systemctl start "$unit"
    check "is running" within 10 running
    ((failed)) && end
    check "systemd hears a STATUS" within 10 has_status
    within 10 said 'listening=http' || true
    url=$(journalctl -u "$unit" -o cat --after-cursor="$cursor" | grep -Eo 'http://127\.0\.0\.1:[0-9]{2,}' | tail -n 1)
    check "answers /healthz at ${url:-an address that it did not log}" within 10 answers /healthz '^ok$'
    check "shows its own memory in /metrics, although hardened" answers /metrics '^process_resident_memory_bytes [1-9]'
    check "keeps its database where only it can read it" test "$(stat -Lc %a /var/lib/mlsteward/mlsteward.db)" = 600
    check "writes lines with a priority and without a time of their own" no_times
    check "writes no secret" not said 'dapi0000'
    check "is still running when the workspace does not answer" within 20 looked_and_running
}
has_status() { [[ -n $(show StatusText) ]]; }
no_times() { said . info && ! said '^(<[0-7]>|[0-9]{4}-)'; }
not() { ! "$@"; }
looked_and_running() { said flights && running; }

reload() {
    local pid
    pid=$(show MainPID)
    mark
    configure info flights taxis >"$config"
    systemctl reload "$unit"
    check "takes a good file at a reload and says so" within 10 said 'configuration.*reload|reload.*configuration'
    check "watches what the new file names" within 20 said taxis
    check "is running after it, in the same process" within 10 running_as "$pid"

    mark
    echo 'endpoints = "all of them"' >"$config"
    systemctl reload "$unit"
    check "refuses a broken file and logs an error" within 10 said "$config|configuration" err
    check "is running after it, in the same process" within 10 running_as "$pid"
    check "shows the refusal in /metrics" within 5 answers /metrics '^mlsteward_config_reload_success 0'
    check "works on with the old configuration" answers /healthz '^ok$'

    mark
    configure info flights >"$config"
    systemctl reload "$unit"
    check "takes the mended file" within 10 said 'configuration.*reload|reload.*configuration'
    check "is running after it, in the same process" within 10 running_as "$pid"
}
running_as() { running && is MainPID "$1"; }

watchdog() {
    local pid
    pid=$(show MainPID)
    check "is not restarted while it beats" not within 6 restarted "$pid"
    kill -STOP "$pid"
    check "is restarted when it stands still" within 30 restarted "$pid"
    check "is running again" within 30 running
    check "was restarted once, by the watchdog" was_watchdog
}
restarted() { (($(show NRestarts) >= 1)) && ! is MainPID "$1"; }
was_watchdog() { is NRestarts 1 && journalctl -u "$unit" -o cat | grep -q 'Watchdog timeout'; }

stop() {
    local begin=$SECONDS
    mark
    check "stops" timeout 90 systemctl stop "$unit"
    check "within 45 seconds: $((SECONDS - begin))" test $((SECONDS - begin)) -le 45
    check "by itself and well" stopped_well
    check "is not restarted after it" not within 3 running
}
stopped_well() { is Result success && is ExecMainStatus 0 && is ActiveState inactive && ! said "State 'stop.*timed out|killing process"; }

never_starts_broken() {
    echo 'endpoints = "all of them"' >"$config"
    mark
    check "does not start with a broken file" not timeout 60 systemctl start "$unit"
    check "and says why" said "$config|endpoints"
    check "and is not tried again" not within 4 still_trying
}
still_trying() { is SubState auto-restart || running; }

exposure() {
    local figure
    figure=$(systemd-analyze security --no-pager "$unit" | grep -Eo 'Overall exposure level.*: [0-9.]+' | grep -Eo '[0-9.]+$')
    check "exposure by systemd-analyze security: $figure, at most 1.5" "$PYTHON" -c "import sys; sys.exit($figure > 1.5)"
}

install_unit
check "the unit has no mistakes" test -z "$(systemd-analyze verify "$unit" 2>&1)"
start
reload
watchdog
stop
never_starts_broken
exposure
end
