#!/usr/bin/env bash
# Runs the units of `longhaul deploy systemd` under a systemd that is the first process of a container: start, stop, kill,
# drain, a wrong configuration, and a restart of everything. It prints what it saw and ends with 1 if something is wrong.
# It needs Linux, root, and Debian's podman, runc and mmdebstrap.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d)
name=longhaul-try-systemd

finish() {
  local status=$?
  trap - EXIT
  if [ "$status" != 0 ]; then inside journalctl --unit 'longhaul-*' --lines 40 --no-pager 2>/dev/null || podman logs --tail 30 "$name" || true; fi
  podman rm --force --time 1 "$name" >/dev/null 2>&1 || true
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*"; }
fail() { say "FAILED: $*"; exit 1; }
inside() { podman exec "$name" "$@"; }
until_true() { for _ in $(seq 120); do "$@" >/dev/null 2>&1 && return 0; sleep 0.5; done; return 1; }
check() { local what=$1; shift; until_true "$@" && say "ok     $what" || fail "$what"; }
property() { inside systemctl show --property "$2" --value "$1"; }
has() { [ "$(property "$1" "$2")" = "$3" ]; }

export PATH="$root/node_modules/node/bin:$PATH"

say 'A system with systemd and PostgreSQL'
image=localhost/longhaul-try-systemd-base-2
if ! podman image exists "$image"; then
  mmdebstrap --quiet --variant=minbase --include=systemd,systemd-sysv,dbus,ca-certificates,postgresql,curl,procps,util-linux,bubblewrap \
    bookworm "$work/base.tar" 'deb http://deb.debian.org/debian bookworm main'
  podman import --quiet "$work/base.tar" "$image" >/dev/null
fi

say 'An application with Longhaul'
npm pack --silent --pack-destination "$work" >/dev/null
app=$work/app
mkdir -p "$app/workspace"
cp "$work"/longhaul-*.tgz "$app/longhaul.tgz"
cp .npmrc "$app/"
echo '{ "private": true, "type": "module", "dependencies": { "longhaul": "file:longhaul.tgz" } }' >"$app/package.json"
cat >"$app/longhaul.config.mjs" <<'EOF'
export default {
  providers: { default: { kind: 'scripted' } },
  agents: {
    reader: { tools: ['Read', 'Glob'], workspace: './workspace' },
    coder: { tools: ['Read', 'Bash'], workspace: '/var/lib/longhaul/work', sandbox: 'required' },
  },
};
EOF
echo 'A file to read.' >"$app/workspace/notes.txt"
(cd "$app" && npm install --silent --omit=dev)
chmod 755 "$work"
node --conditions=longhaul-source src/cli/main.ts deploy systemd --config "$app/longhaul.config.mjs" --out "$work/units"

# As on a machine, the mounts of services reach the first process: credentials are mounts.
podman run --detach --name "$name" --runtime runc --systemd=always --privileged --network=host \
  --ulimit "nofile=$(ulimit -Hn)" --ulimit nproc=8192 \
  --volume "$app:/srv/longhaul" --volume "$root:/project:ro" --volume "$work/units:/units:ro" --volume "$root/node_modules/node/bin/node:/usr/local/bin/node:ro" \
  "$image" sh -c 'mount --make-rshared / && exec /sbin/init' >/dev/null
until_true inside systemctl is-system-running --wait || true

say 'The steps of the first lines of longhaul-server.service'
inside useradd --system --home-dir /var/lib/longhaul longhaul
inside sh -c "echo 'port = 5499' >>/etc/postgresql/15/main/postgresql.conf; systemctl restart postgresql@15-main"
until_true inside su postgres -c "psql -p 5499 -c \"create role longhaul login password 'try'\" -c 'create database longhaul owner longhaul'" || fail 'PostgreSQL'
inside sh -c "install -d -m 700 /etc/longhaul/secrets && cd /etc/longhaul/secrets &&
  printf postgres://longhaul:try@127.0.0.1:5499/longhaul >database-url && printf lh_%s \$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n') >admin-key && printf unused >anthropic-api-key && chmod 600 *"
inside sh -c 'cp /units/* /etc/systemd/system/ && sed -i s/LONGHAUL_PORT=4400/LONGHAUL_PORT=4481/ /etc/systemd/system/longhaul-server.service'
inside systemctl daemon-reload
check 'systemd finds no fault in the units' inside systemd-analyze verify /etc/systemd/system/longhaul-server.service /etc/systemd/system/longhaul-worker@1.service /etc/systemd/system/longhaul.target
inside systemctl enable --quiet --now longhaul.target longhaul-server.service longhaul-worker@1.service longhaul-worker@2.service
check 'the server is ready' curl -fsS http://127.0.0.1:4481/readyz

key=$(inside cat /etc/longhaul/secrets/admin-key)
ask() { curl -fsS -H "Authorization: Bearer $key" -H 'content-type: application/json' "http://127.0.0.1:4481$1" "${@:2}"; }
submit() { ask /v1/runs -d "{\"agent\":\"${2:-reader}\",\"prompt\":\"$1\"}" | node -p 'JSON.parse(require("fs").readFileSync(0)).id'; }
is() { ask "/v1/runs/$1" | grep -q "\"status\":\"$2\""; }
have_workers() { [ "$(ask /v1/workers | node -p 'JSON.parse(require("fs").readFileSync(0)).data.filter((w) => w.status === "live" || w.isAlive || w.state === "live").length')" = "$1" ]; }

first=$(submit 'Read notes.txt')
check 'a run on the real executable succeeded' is "$first" succeeded
check 'the processes run as their own user' sh -c "podman exec $name ps -o user= -C 'longhaul worker' | grep -qx longhaul || podman exec $name ps -eo user=,args= | grep -q '^longhaul.*longhaul worker'"
check 'secrets reach the processes as credentials' inside sh -c 'ls /run/credentials/longhaul-server.service/admin-key'

enclosed=$(submit 'Read notes.txt' coder)
check 'a run in a sandbox succeeded' is "$enclosed" succeeded
# The properties of the unit that concern a sandbox.
inside systemd-run --quiet --pipe --wait --service-type=exec --uid=longhaul --property='Delegate=pids memory cpu' --property=NoNewPrivileges=yes \
  --property=PrivateTmp=yes --property=ProtectHome=yes --property=ProtectSystem=strict --working-directory=/project \
  node --conditions=longhaul-source scripts/measure-sandbox.ts --here 'under systemd'

pid=$(property longhaul-worker@1.service MainPID)
inside kill -KILL "$pid"
check 'a worker that is killed is started again' sh -c "[ \"\$(podman exec $name systemctl show --property NRestarts --value longhaul-worker@1.service)\" = 1 ] && podman exec $name systemctl is-active longhaul-worker@1.service"

started=$(date +%s%N)
inside systemctl stop longhaul-worker@2.service
say "ok     a worker stopped after $((($(date +%s%N) - started) / 1000000)) ms"
check 'it ended as it should' has longhaul-worker@2.service Result success
inside systemctl start longhaul-worker@2.service

inside sh -c 'mv /srv/longhaul/longhaul.config.mjs /srv/longhaul/kept.mjs && echo "export default { agents: {} };" >/srv/longhaul/longhaul.config.mjs'
inside systemctl restart longhaul-worker@2.service || true
check 'a wrong configuration is not restarted' sh -c "[ \"\$(podman exec $name systemctl is-failed longhaul-worker@2.service)\" = failed ] && [ \"\$(podman exec $name systemctl show --property NRestarts --value longhaul-worker@2.service)\" = 0 ]"
inside sh -c 'mv /srv/longhaul/kept.mjs /srv/longhaul/longhaul.config.mjs'
inside systemctl reset-failed longhaul-worker@2.service

inside systemctl stop longhaul.target
check 'the target stops everything' has longhaul-server.service ActiveState inactive
inside systemctl start longhaul.target
check 'and starts it again' curl -fsS http://127.0.0.1:4481/readyz
second=$(submit 'Read notes.txt again')
check 'a run succeeded after that' is "$second" succeeded
check 'the log is JSON' sh -c "podman exec $name journalctl --unit longhaul-server.service --output cat --no-pager | grep -v '^{' | grep -vE 'systemd|Started|Stopp|Starting|Deactivated|Consumed|longhaul-server.service|Succeeded' | { ! grep -q .; }"
inside /srv/longhaul/node_modules/.bin/longhaul --version
say 'The units work.'
