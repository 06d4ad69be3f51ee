# What up, down and status share: where state lives, which port is whose, how a process is started,
# recognised and stopped. Sourced by bash scripts.
# shellcheck shell=bash disable=SC2034
#
# Ports count from SILT_PORT_BASE, so two checkouts (or two runs) with different bases never meet:
#
#   +1 minio   +2 s3 (versitygw)   +6 moto   +32 postgres   +81 registry   +500/+501 faultproxy / its admin
#   +92/+93/+94/+95 kafka: client / controller / client with SASL over TLS / client with TLS
#   +192/+193, +202/+203, +212/+213 kafka3: client / controller of nodes 1, 2, 3

servers=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(cd "$servers/../.." && pwd)
# shellcheck source=scripts/versions.sh
. "$checkout/scripts/versions.sh"

state=${SILT_SERVERS_STATE:-$checkout/build/servers}
base=${SILT_PORT_BASE:-19000}
access_key=testkey
secret_key=testsecret

all_services=(kafka kafka3 s3 minio postgres moto registry faultproxy)
default_services=(kafka s3 minio postgres moto registry faultproxy)

say() { printf 'servers: %s\n' "$*" >&2; }
die() { say "$1"; shift; for hint in "$@"; do printf '         %s\n' "$hint" >&2; done; exit 1; }

known_service() {
  local name
  for name in "${all_services[@]}"; do [ "$1" = "$name" ] && return; done
  die "no such server: $1" "servers: ${all_services[*]}"
}

# --- processes -----------------------------------------------------------------------------------
# A pid file has two lines: the pid, and a marker that stands in that process's command line. A pid
# that now belongs to something else lacks the marker and is never touched.

pid_of() { head -1 "$1/pid" 2> /dev/null; }

running() {
  local pid marker
  [ -e "$1/pid" ] || return 1
  { read -r pid && read -r marker; } < "$1/pid" || return 1
  tr '\0' ' ' 2> /dev/null < "/proc/$pid/cmdline" | grep -qF -- "$marker"
}

# spawn DIR MARKER COMMAND...: a process of its own session; the lock (fd 9) is not passed on.
spawn() {
  local dir=$1 marker=$2
  shift 2
  setsid nohup "$@" > "$dir/log" 2>&1 < /dev/null 9>&- &
  printf '%s\n%s\n' "$!" "$marker" > "$dir/pid"
}

# await DIR SECONDS CHECK...: until CHECK succeeds; a process that dies meanwhile shows its log. Asked by
# pid alone: on a busy machine a child may not have become its program yet, and lacks the marker.
await() {
  local dir=$1 seconds=$2 n
  shift 2
  for ((n = 0; n < seconds * 10; n++)); do
    if "$@" > /dev/null 2>&1; then return; fi
    kill -0 "$(pid_of "$dir")" 2> /dev/null ||
      { tail -20 "$dir/log" >&2; die "$(basename "$dir") ended at once" "its log: $dir/log"; }
    sleep 0.1
  done
  die "$(basename "$dir") did not answer within $seconds s" "its log: $dir/log"
}

# stop DIR SIGNAL [SECONDS]: waits until it is gone; a minute of patience, then SIGKILL.
stop() {
  local dir=$1 signal=$2 seconds=${3:-60} n
  if running "$dir"; then kill "-$signal" "$(pid_of "$dir")" 2> /dev/null || true; fi
  for ((n = 0; n < seconds * 10 + 100; n++)); do
    running "$dir" || break
    if [ "$n" -eq $((seconds * 10)) ]; then kill -KILL "$(pid_of "$dir")" 2> /dev/null || true; fi
    sleep 0.1
  done
  rm -f "$dir/pid"
}

http_status() { curl -s -o /dev/null -m 5 -w '%{http_code}' "$1"; }
answers() { [ "$(http_status "$2")" = "$1" ]; }

# --- the services' folders and addresses ---------------------------------------------------------

kafka_port() { # CLUSTER NODE
  if [ "$1" = kafka3 ]; then echo $((base + 192 + 10 * ($2 - 1))); else echo $((base + 92)); fi
}

kafka_nodes() { if [ "$1" = kafka3 ]; then echo 3; else echo 1; fi; }

kafka_brokers() {
  local node list=''
  for ((node = 1; node <= $(kafka_nodes "$1"); node++)); do
    list+=,127.0.0.1:$(kafka_port "$1" "$node")
  done
  echo "${list#,}"
}

registry_url() { echo "http://127.0.0.1:$((base + 81))/apis/ccompat/v7"; }

# folders SERVICE: one for each process of it
folders() {
  local node
  case $1 in
    kafka | kafka3)
      for ((node = 1; node <= $(kafka_nodes "$1"); node++)); do echo "$state/$1/node$node"; done ;;
    postgres) postgres_folder ;;
    *) echo "$state/$1" ;;
  esac
}

# PostgreSQL refuses to run as root. Run by root it becomes user postgres, who may be locked out of the
# checkout (a home of mode 0700); then its state goes to the temporary folder.
postgres_folder() {
  if [ "$(id -u)" != 0 ] || setpriv --reuid postgres --regid postgres --clear-groups \
    test -x "$state" 2> /dev/null; then
    echo "$state/postgres"
  else
    echo "${TMPDIR:-/tmp}/silt-postgres-$base"
  fi
}

is_up() {
  local dir
  while read -r dir; do running "$dir" || return 1; done < <(folders "$1")
}

# One lock for up and down of one state folder.
lock_state() {
  mkdir -p "$state"
  exec 9> "$state/.lock"
  flock 9
}

# write_env: what the tests need to know, for the servers that are up now.
write_env() {
  local file=$state/env
  {
    echo "# written by tests/servers/up; to be sourced"
    if is_up kafka; then
      echo "export SILT_TEST_BROKERS=$(kafka_brokers kafka)"
      echo "export SILT_TEST_BROKERS_SASL=127.0.0.1:$((base + 94))"
      echo "export SILT_TEST_BROKERS_TLS=127.0.0.1:$((base + 95))"
      echo "export SILT_TEST_TLS=$state/kafka/node1/tls"
    elif is_up kafka3; then
      echo "export SILT_TEST_BROKERS=$(kafka_brokers kafka3)"
    fi
    if is_up kafka3; then echo "export SILT_TEST_BROKERS3=$(kafka_brokers kafka3)"; fi
    if is_up s3; then echo "export SILT_TEST_S3_ENDPOINT=http://127.0.0.1:$((base + 2))"; fi
    if is_up minio; then echo "export SILT_TEST_MINIO_ENDPOINT=http://127.0.0.1:$((base + 1))"; fi
    echo "export SILT_TEST_S3_ACCESS_KEY=$access_key"
    echo "export SILT_TEST_S3_SECRET_KEY=$secret_key"
    if is_up postgres; then
      echo "export SILT_TEST_PG_DSN=postgresql://silt@127.0.0.1:$((base + 32))/silt"
    fi
    if is_up moto; then echo "export SILT_TEST_MOTO_ENDPOINT=http://127.0.0.1:$((base + 6))"; fi
    if is_up registry; then echo "export SILT_TEST_REGISTRY_URL=$(registry_url)"; fi
    if is_up faultproxy; then
      echo "export SILT_TEST_PROXY_ENDPOINT=http://127.0.0.1:$((base + 500))"
      echo "export SILT_TEST_PROXY_ADMIN=http://127.0.0.1:$((base + 501))"
    fi
  } > "$file.new"
  mv "$file.new" "$file"
}
