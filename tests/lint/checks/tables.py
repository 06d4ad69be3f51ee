"""The X-macro tables: each row is used, each use has a row."""

import re

from .tree import strip

# table, macro of a row, what a use looks like ({} is the code)
TABLES = [
    ("src/base/err.def", "SILT_E", r"\bSILT_E_{0}\b|\bSILT_FAIL\(\s*[^,;]*,\s*{0}\s*,"),
    ("src/record/reason.def", "SILT_REASON", r"\bSILT_REASON_{0}\b"),
    ("src/metrics/gauges.def", "SILT_GAUGE", r"\bSILT_GAUGE_{0}\b"),
]
# Codes that the headers define beside the table.
BUILT_IN = {"SILT_E": {"NONE"}, "SILT_REASON": {"NONE"}, "SILT_GAUGE": set()}
# Options that only say what the configuration's own check accepts.
PERMITS = re.compile(r"\.allow_plaintext$")


def rows(tree, path, macro):
    return re.findall(r"^\s*" + macro + r"\(\s*(\w+)\s*,", tree.text(path) or "", re.MULTILINE)


def all_code(tree):
    return "\n".join(strip(tree.text(path) or "") for path in tree.under("src/", "include/"))


def check_table(tree, code, path, macro, use, problems):
    codes = rows(tree, path, macro)
    for name in codes:
        if not re.search(use.format(re.escape(name)), code):
            problems.append(f"{path}: {name} is used nowhere: remove the row")
    for name in sorted(set(codes)):
        if codes.count(name) > 1:
            problems.append(f"{path}: {name} stands there twice")
    known = set(codes) | BUILT_IN[macro]
    for name in sorted(set(re.findall(r"\b" + macro + r"_([A-Z0-9_]+)\b", code)) - known):
        problems.append(f"{macro}_{name} is used, but {path} has no such row")


def check_options(tree, problems):
    """Each option's member is read by the rooms that may see the configuration."""
    path = "src/config/options.def"
    readers = "\n".join(strip(tree.text(file) or "") for file in tree.under("src/app/", "src/cli/"))
    judge = strip(tree.text("src/config/config_check.c") or "")
    found = re.findall(r'^\s*SILT_OPTION\(\s*"([^"]+)"\s*,\s*([\w.]+)', tree.text(path) or "", re.MULTILINE)
    for name, member in found:
        where = readers + judge if PERMITS.search(name) else readers
        if not re.search(rf"(->|\.)\s*{re.escape(member)}\b", where):
            problems.append(f"{path}: nobody in app/ or cli/ reads {name}: remove the row")
    return len(found)


def check(tree):
    problems, n = [], 0
    code = all_code(tree)
    for path, macro, use in TABLES:
        if tree.text(path) is None:
            continue
        n += len(rows(tree, path, macro))
        check_table(tree, code, path, macro, use, problems)
    n += check_options(tree, problems)
    return problems, f"{n} rows"
