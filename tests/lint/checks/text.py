"""Every tracked text file: whitespace, line length, and nothing that only this machine knows."""

import os
import re
import urllib.parse

LENGTH_MAX = 120  # C has clang-format
# Data, generated files and texts of others keep their lines.
LONG_LINES = (".c", ".h", ".json", ".jsonl", ".lock", ".sum", ".svg", ".avsc", ".csv", ".def", ".html", ".sql",
              ".1", ".5")
LONG_FILES = re.compile(r"^(LICENSE|tests/(data|fuzz/corpus)/|tests/analyze/known$|.*requirements.*\.txt$|"
                        r"helm/.*templates/|monitoring/)")
# Test vectors of others are kept byte for byte.
FOREIGN = re.compile(r"^tests/(data|fuzz/corpus)/")
MACHINE = re.compile(r"(?<![\w.~-])/(work|root)/")
REGISTRY = re.compile(r"\b(artifactory|jfrog|codeartifact|verdaccio|devpi|sonatype-nexus)\b", re.IGNORECASE)
REGISTRY_VARIABLES = re.compile(r"(INDEX_URL|REGISTRY|GOPROXY|MIRROR)$", re.IGNORECASE)
PUBLIC = {"pypi.org", "registry.npmjs.org", "proxy.golang.org", "repo.maven.apache.org", "repo1.maven.org",
          "deb.debian.org", "localhost", "127.0.0.1"}


def registry_hosts():
    """Hosts that this machine's package managers were told to use: they belong in no tracked file."""
    hosts = set()
    for name, value in os.environ.items():
        if not REGISTRY_VARIABLES.search(name):
            continue
        for word in re.split(r"[,|\s]", value):
            host = urllib.parse.urlsplit(word).hostname
            if host and "." in host and host not in PUBLIC:
                hosts.add(host)
    return hosts


def is_table_or_link(path, line):
    """Markdown cannot break a table row; nobody can break a word."""
    return (path.endswith(".md") and line.lstrip().startswith("|")) or " " not in line.strip()


def check_line(path, where, line, hosts, problems):
    if line != line.rstrip(" \t") and not FOREIGN.match(where):
        # Markdown's hard break is two blanks.
        if not (path.endswith(".md") and line == line.rstrip() + "  "):
            problems.append(f"{where}: blanks at the end")
    if MACHINE.search(line):
        problems.append(f"{where}: a path of one machine")
    if REGISTRY.search(line) or any(host in line for host in hosts):
        problems.append(f"{where}: the name of a package registry's host")


def check(tree):
    problems, n, hosts = [], 0, registry_hosts()
    for path in tree.files:
        text = tree.text(path)
        if text is None or path.startswith("tests/lint/checks/") or path == "tests/lint/selftest":
            continue
        n += 1
        if "\r" in text and not FOREIGN.match(path):
            problems.append(f"{path}: carriage returns")
        if text and not text.endswith("\n") and not FOREIGN.match(path):
            problems.append(f"{path}: no line feed at the end")
        long_allowed = path.endswith(LONG_LINES) or LONG_FILES.match(path)
        for number, line in enumerate(text.split("\n"), 1):
            check_line(path, f"{path}:{number}", line, hosts, problems)
            if len(line) > LENGTH_MAX and not long_allowed and not is_table_or_link(path, line):
                problems.append(f"{path}:{number}: {len(line)} characters, at most {LENGTH_MAX}")
    return problems, f"{n} files"
