"""How long our functions are, beside the codebases that keep theirs on a page. Printed, never failing."""

import re

from .tools import need, run

REFERENCE = "s2n, wlroots, aws-c-common: median 9-13, p90 37-41, p95 52-60, max 185-284, 2.6-3.2 % over 70"
LONGEST = 10


def functions(tree):
    """(lines, name, file, first line), longest first."""
    need("ctags")
    files = tree.under("src/", ext=(".c",))
    if not files:
        return []
    result = run(tree, ["ctags", "-f", "-", "--c-kinds=f", "--fields=ne", "--excmd=number", "--sort=no", *files])
    found = []
    for line in result.stdout.split("\n"):
        match = re.match(r"([^\t]+)\t([^\t]+)\t.*\bline:(\d+).*\bend:(\d+)", line)
        if match:
            name, path, first, last = match.group(1), match.group(2), int(match.group(3)), int(match.group(4))
            found.append((last - first + 1, name, path, first))
    return sorted(found, reverse=True)


def quantile(lengths, share):
    """Nearest rank of an ascending list."""
    return lengths[max(0, -(-len(lengths) * share // 100) - 1)]


def report(tree):
    found = functions(tree)
    if not found:
        return "0 functions", []
    lengths = sorted(length for length, *_ in found)
    over = sum(length > 70 for length in lengths) * 100 / len(lengths)
    summary = (f"{len(found)} functions: median {quantile(lengths, 50)}, p90 {quantile(lengths, 90)}, "
               f"p95 {quantile(lengths, 95)}, max {lengths[-1]}, {over:.1f} % over 70")
    lines = [f"({REFERENCE})"]
    lines += [f"{length:4} {name}  {path}:{first}" for length, name, path, first in found[:LONGEST]]
    return summary, lines
