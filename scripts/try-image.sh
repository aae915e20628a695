#!/usr/bin/env bash
# Builds the image of `longhaul deploy docker` and runs it as the first lines of its Dockerfile say: a server and a
# worker on PostgreSQL, with a read-only root file system and secrets in files. It prints what it saw and ends with 1 if
# something is wrong. With KEEP=1 it uses the image of the last time. It needs Linux, root, and Debian's podman, buildah, runc and mmdebstrap: where no registry can be
# reached, it makes the base images from Debian's packages and from Node's npm package.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d)
port=${PORT:-4471}
database_port=$((port + 1))
containers=()
# Not higher than those of this shell: raising them takes a privilege that not every root has.
limits=(--ulimit "nofile=$(ulimit -Hn)" --ulimit nproc=8192)

finish() {
  local status=$?
  trap - EXIT
  if [ "$status" != 0 ]; then
    for name in "${containers[@]}"; do echo "--- log of $name"; podman logs --tail 20 "$name" 2>&1 || true; done
  fi
  [ ${#containers[@]} = 0 ] || podman rm --force --time 1 "${containers[@]}" >/dev/null 2>&1 || true
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*"; }
fail() { say "FAILED: $*"; exit 1; }
check() { local what=$1; shift; "$@" >/dev/null 2>&1 && say "ok     $what" || fail "$what"; }
until_true() { for _ in $(seq 120); do "$@" >/dev/null 2>&1 && return 0; sleep 0.5; done; return 1; }
run() { containers+=("$1"); podman run --detach --runtime runc --network host "${limits[@]}" --name "$@" >/dev/null; }

export PATH="$root/node_modules/node/bin:$PATH"

say 'Base images'
base=docker.io/library/debian:bookworm-slim
node=docker.io/library/node:24-bookworm-slim
if ! podman image exists "$base" && ! podman pull --quiet "$base" >/dev/null 2>&1; then
  mmdebstrap --quiet --variant=minbase --include=ca-certificates bookworm "$work/base.tar" \
    'deb http://deb.debian.org/debian bookworm main'
  podman import --quiet "$work/base.tar" "$base" >/dev/null
fi
if ! podman image exists "$node" && ! podman pull --quiet "$node" >/dev/null 2>&1; then
  mkdir -p "$work/node/npm" "$work/node/certs"
  cp "$root/node_modules/node/bin/node" "$work/node/node"
  cp -RL "$(dirname "$(readlink -f "$(command -v npm)")")/.." "$work/node/npm/npm"
  cp -L /etc/ssl/certs/ca-certificates.crt "$work/node/certs/"
  cat >"$work/node/Dockerfile" <<EOF
FROM $base
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules
COPY certs /etc/ssl/certs
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
EOF
  podman build --quiet --runtime runc --network host --tag "$node" "$work/node" >/dev/null
fi

if [ -z "${KEEP:-}" ] || ! podman image exists longhaul-try; then
  say 'An application with Longhaul'
  npm pack --silent --pack-destination "$work" >/dev/null
  app=$work/app
  mkdir -p "$app/workspace"
  cp "$work"/longhaul-*.tgz "$app/longhaul.tgz"
  cp .npmrc "$app/"
  cat >"$app/package.json" <<'EOF'
{ "private": true, "type": "module", "dependencies": { "longhaul": "file:longhaul.tgz" } }
EOF
  cat >"$app/longhaul.config.mjs" <<'EOF'
export default {
  providers: { default: { kind: 'scripted' } },
  agents: { reader: { tools: ['Read', 'Glob'], workspace: './workspace' } },
};
EOF
  echo 'A file to read.' >"$app/workspace/notes.txt"
  (cd "$app" && npm install --silent --package-lock-only)
  node --conditions=longhaul-source src/cli/main.ts deploy docker --config "$app/longhaul.config.mjs" --out "$app"

  say 'The image'
  podman build --format docker --runtime runc --network host --tag longhaul-try "$app" >"$work/build.log" 2>&1 ||
    { tail -30 "$work/build.log"; fail 'the build'; }
fi
say "ok     built, $(podman image inspect --format '{{.Size}}' longhaul-try | awk '{ printf "%.0f MB", $1 / 1e6 }')"

say 'PostgreSQL'
cat >"$work/Dockerfile.postgres" <<EOF
FROM $base
RUN apt-get update && apt-get install --yes --no-install-recommends postgresql && rm -rf /var/lib/apt/lists/*
USER postgres
CMD ["sh", "-c", "/usr/lib/postgresql/*/bin/initdb -D /tmp/data --auth trust --encoding UTF8 >/dev/null && exec /usr/lib/postgresql/*/bin/postgres -D /tmp/data -k /tmp -p $database_port"]
EOF
podman build --quiet --runtime runc --network host --tag longhaul-try-postgres --file "$work/Dockerfile.postgres" "$work" >/dev/null
run longhaul-try-postgres longhaul-try-postgres
until_true podman exec longhaul-try-postgres pg_isready -h 127.0.0.1 -p "$database_port" || fail 'PostgreSQL did not start'

mkdir "$work/secrets"
printf 'postgres://postgres@127.0.0.1:%s/postgres' "$database_port" >"$work/secrets/database-url"
printf 'lh_%s' "$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')" >"$work/secrets/admin-key"
printf 'unused' >"$work/secrets/anthropic-api-key"
chown -R 1000:1000 "$work/secrets"
chmod 755 "$work"

options=(--read-only --tmpfs /tmp:exec,mode=1777 --volume longhaul-try-data:/data --cap-drop ALL
  --security-opt no-new-privileges --pids-limit 4096 --stop-timeout 210 --volume "$work/secrets:/run/secrets:ro"
  --env LONGHAUL_DATABASE_URL_FILE=/run/secrets/database-url --env LONGHAUL_ADMIN_KEY_FILE=/run/secrets/admin-key
  --env ANTHROPIC_API_KEY_FILE=/run/secrets/anthropic-api-key --env "LONGHAUL_PORT=$port")
started=$(date +%s%N)
run longhaul-try-server "${options[@]}" longhaul-try server
until_true curl -fsS "http://127.0.0.1:$port/readyz" || fail 'the server is not ready'
say "ok     the server is ready after $((($(date +%s%N) - started) / 1000000)) ms"
run longhaul-try-worker "${options[@]}" --no-healthcheck longhaul-try worker

longhaul() { podman exec longhaul-try-server node_modules/.bin/longhaul "$@"; }
ask() { curl -fsS -H "Authorization: Bearer $(cat "$work/secrets/admin-key")" -H 'content-type: application/json' "http://127.0.0.1:$port$1" "${@:2}"; }

id=$(ask /v1/runs -d '{"agent":"reader","prompt":"Read notes.txt"}' | node -p 'JSON.parse(require("fs").readFileSync(0)).id')
is_over() { ask "/v1/runs/$id" | grep -q '"status":"succeeded"'; }
until_true is_over || fail "the run: $(ask "/v1/runs/$id")"
say 'ok     a run on the real executable succeeded'
check 'HEALTHCHECK succeeds' podman healthcheck run longhaul-try-server
check 'the processes run as user 1000' test "$(podman exec longhaul-try-server sh -c 'stat -c %u /proc/1')" = 1000
check 'the first process is tini' test "$(podman exec longhaul-try-server cat /proc/1/comm)" = tini
check 'the root file system is read-only' podman exec longhaul-try-server sh -c '! touch /app/x'
check 'no secret is in the image' sh -c "! podman history --no-trunc longhaul-try | grep -q lh_ && ! podman run --rm --runtime runc --ulimit nofile=$(ulimit -Hn) --ulimit nproc=8192 --entrypoint sh longhaul-try -c 'ls /run/secrets 2>/dev/null' | grep -q ."
podman exec longhaul-try-worker node_modules/.bin/longhaul doctor || true
started=$(date +%s%N)
podman stop longhaul-try-worker >/dev/null
say "ok     the worker ended after $((($(date +%s%N) - started) / 1000000)) ms with $(podman inspect --format '{{.State.ExitCode}}' longhaul-try-worker)"
check 'it ended with exit code 0' test "$(podman inspect --format '{{.State.ExitCode}}' longhaul-try-worker)" = 0
podman stop longhaul-try-server >/dev/null
check 'the server ended with exit code 0' test "$(podman inspect --format '{{.State.ExitCode}}' longhaul-try-server)" = 0
podman volume rm longhaul-try-data >/dev/null 2>&1 || true
say 'The image works.'
