#!/usr/bin/env bash
# Unit tests with coverage, a table for each folder, and the rule that must hold.
#
#   scripts/coverage.sh [--keep-going] [--build DIR] [ROOM...]
#
#   --keep-going   measure what builds and passes; the rule still counts for what was measured
#   --build DIR    build folder (build/coverage)
#   ROOM           only these rooms: build and run their tests, measure their files
#
# The rule: the pure files (tests/lint/pure_files) 100 % of lines and branches, everything together 95 % of
# lines and 90 % of branches. A line with SILT_ASSERT does not count: its other half must never happen.
# Writes summary.txt, index.html and coverage.json into DIR/report and copies summary.txt to DIR.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
build=build/coverage
keep_going=0
complete=
rooms=()
while [ $# -gt 0 ]; do
  case $1 in
    --keep-going) keep_going=1 ;;
    --build) build=$2; shift ;;
    -h | --help) sed -n '2,/^set -/{s/^# \{0,1\}//;/^set -/d;p}' "$0"; exit 0 ;;
    -*) echo "coverage: no such option: $1" >&2; exit 2 ;;
    *) rooms+=("$1") ;;
  esac
  shift
done

say() { printf 'coverage: %s\n' "$*" >&2; }
# may_fail COMMAND...: with --keep-going a failure is said and passed over.
may_fail() {
  "$@" && return
  [ "$keep_going" = 1 ] || { say "failed: $*"; exit 1; }
  say "failed, going on: $*"
}

targets() {
  local room test
  for room in "${rooms[@]}"; do
    for test in tests/unit/"$room"/test_*.c; do
      [ -e "$test" ] && printf '%s_%s\n' "$room" "$(basename "$test" .c)"
    done
  done
}

cmake --preset coverage -B "$build" > /dev/null
if [ ${#rooms[@]} -gt 0 ]; then
  mapfile -t chosen < <(targets)
  if [ ${#chosen[@]} -eq 0 ]; then
    say "no unit tests in: ${rooms[*]}"
    exit 2
  fi
  tests="^unit\.($(IFS='|'; echo "${rooms[*]}"))\."
  filters=("${rooms[@]/#/--filter=src/}")
else
  chosen=(all)
  tests='.'
  # Whatever is pure must have been measured.
  [ "$keep_going" = 1 ] || complete=--complete
  filters=(--filter=src/ --filter=include/)
fi
may_fail cmake --build "$build" --target "${chosen[@]}" -- -k $((keep_going ? 0 : 1))

# Old counts would add up.
find "$build" -name '*.gcda' -delete
mkdir -p build/results
may_fail ctest --test-dir "$build" -L unit -R "$tests" --output-on-failure --no-tests=error \
  -j"$((2 * $(nproc)))" --output-junit "$root/build/results/unit-coverage.xml"

report=$build/report
mkdir -p "$report"
# Left out: assertions, the length assertion inside key.c's PRINT, and the NULL tests inside jansson's macros.
gcovr --root . "${filters[@]}" --exclude-lines-by-pattern '.*(SILT_ASSERT|PRINT\(|json_is_).*' \
  --exclude-unreachable-branches --exclude-throw-branches \
  --json "$report/coverage.json" --html-details "$report/index.html" "$build"
code=0
# shellcheck disable=SC2086  # an option or nothing
python3 scripts/coverage_report.py $complete "$report/coverage.json" > "$report/summary.txt" || code=$?
cp "$report/summary.txt" "$build/summary.txt"
cat "$report/summary.txt"
say "line by line: $report/index.html"
exit "$code"
