"""Checks that a tool makes; a tool that is not installed is said to be skipped."""

import re
import shutil
import subprocess


class Skipped(Exception):
    pass


def need(tool):
    if not shutil.which(tool):
        raise Skipped(f"{tool} not installed")


def run(tree, command):
    return subprocess.run(command, cwd=tree.root, capture_output=True, text=True, check=False)


def check_format(tree):
    need("clang-format-16")
    files = tree.under("src/", "include/", "tests/", "bench/")
    if not files:
        return [], "0 files"
    result = run(tree, ["clang-format-16", "--dry-run", *files])
    places = {}
    for line in result.stderr.split("\n"):
        match = re.match(r"(.+?):(\d+):\d+: warning", line)
        if match:
            places.setdefault(match.group(1), match.group(2))
    problems = [f"{path}:{number}: not formatted: ./dev fmt" for path, number in sorted(places.items())]
    return problems, f"{len(files)} files"


def is_shell(tree, path):
    first = tree.raw_lines(path)[0]
    return path.endswith(".sh") or re.match(r"#!.*\b(bash|sh)$", first)


def check_shell(tree):
    need("shellcheck")
    files = [path for path in tree.files if is_shell(tree, path)]
    if not files:
        return [], "0 files"
    result = run(tree, ["shellcheck", "-x", "-f", "gcc", *files])
    return [line for line in result.stdout.split("\n") if line], f"{len(files)} files"
