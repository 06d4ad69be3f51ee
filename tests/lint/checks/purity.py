"""Pure files: state and events in, actions out. tests/lint/pure_files says which."""

import fnmatch
import re

from .tree import includes

HEADERS = {"base/clock.h", "base/thread.h", "base/log.h", "base/queue.h", "time.h", "sys/time.h", "pthread.h",
           "threads.h", "unistd.h", "fcntl.h", "poll.h", "sys/socket.h", "sys/stat.h", "signal.h"}
CALLS = re.compile(
    r"\b(silt_(wall|mono|queue|log|thread|random)_\w+|SILT_LOG|silt_(store|http)_(submit|call)|pthread_\w+|"
    r"clock_gettime|gettimeofday|time\s*\(|getenv|fopen|fread|fwrite|fprintf|fputs|fclose|FILE\b|errno\b|"
    r"(?<![\w.>])(read|write|open|close|malloc|calloc|realloc)\s*\()")
# A mutable static would be hidden state.
STATIC = re.compile(r"^\s*static\s+(?!const\b|inline\b|_Noreturn\b|__attribute__)[^()=;{]*(=[^=].*|;)\s*$")


def read_list(text):
    """Patterns; a leading ! takes files out again. Later lines win."""
    return [line for line in (raw.split("#")[0].strip() for raw in text.split("\n")) if line]


def pure_files(files, patterns):
    """(pure files, patterns that match nothing yet)."""
    chosen, unmatched = set(), []
    for pattern in patterns:
        away = pattern.startswith("!")
        found = {path for path in files if fnmatch.fnmatchcase(path, pattern.lstrip("!"))}
        chosen = chosen - found if away else chosen | found
        if not found and not away:
            unmatched.append(pattern)
    return sorted(chosen), unmatched


def check(tree):
    problems = []
    patterns = read_list(tree.text("tests/lint/pure_files") or "")
    files, unmatched = pure_files(tree.files, patterns)
    for path in files:
        for number, _, name in includes(tree, path):
            if name in HEADERS:
                problems.append(f"{path}:{number}: a pure file does not include {name}")
        for number, line in enumerate(tree.code_lines(path), 1):
            match = CALLS.search(line)
            if match:
                problems.append(f"{path}:{number}: a pure file does not know {match.group().strip()}")
            if STATIC.match(line):
                problems.append(f"{path}:{number}: a pure file has no static state")
    note = f"{len(files)} files"
    if unmatched:
        note += f", not there yet: {' '.join(unmatched)}"
    return problems, note
