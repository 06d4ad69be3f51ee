#!/usr/bin/env bash
# Builds silt once more from the same files in a folder of another name and length, and compares it with
# build/release/silt byte for byte. Exit 1 when they differ, with the strings that only one of them holds.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
elsewhere=$(mktemp -d -t silt-built-elsewhere-XXXXXX)
trap 'rm -rf "$elsewhere"' EXIT

git ls-files -z --cached --others --exclude-standard | xargs -0 ls -d 2> /dev/null |
  tar -cf - -T - | tar -xf - -C "$elsewhere"
cmake -S "$elsewhere" --preset release > "$elsewhere/log"
nice cmake --build "$elsewhere/build/release" --target silt -j"$(nproc)" >> "$elsewhere/log" 2>&1 ||
  { tail -20 "$elsewhere/log" >&2; exit 1; }

here=$(sha256sum build/release/silt) there=$(sha256sum "$elsewhere/build/release/silt")
printf '%s  built here\n%s  built elsewhere\n' "${here%% *}" "${there%% *}"
if [ "${here%% *}" = "${there%% *}" ]; then exit 0; fi
echo 'reproducible: the two differ; strings that only one of them holds:' >&2
diff <(strings build/release/silt | sort -u) <(strings "$elsewhere/build/release/silt" | sort -u) | head -40 >&2
exit 1
