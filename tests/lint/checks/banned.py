"""Calls and habits that the house does not have."""

import re

CALL = r"(?<![\w.>])({})\s*\("

ALLOCATE = re.compile(CALL.format(
    "malloc|calloc|realloc|reallocarray|free|strdup|strndup|asprintf|vasprintf|aligned_alloc|posix_memalign|alloca"))
UNSAFE = re.compile(CALL.format("sprintf|vsprintf|strcpy|stpcpy|strcat|strncpy|gets|strtok|atoi|atol|atoll|"
                                "atof|rand|srand|random|setjmp|longjmp"))
SLEEP = re.compile(CALL.format("sleep|usleep|nanosleep|clock_nanosleep"))
PRINT = re.compile(CALL.format("printf|vprintf|puts|putchar|perror") + r"|\bfprintf\s*\(\s*std(out|err)\b")
ASSERT = re.compile(CALL.format("assert"))
GOTO = re.compile(r"\bgoto\s+(\w+)\s*;")
LABEL = re.compile(r"^\s*(\w+)\s*:(?!:)")
MARKS = re.compile(r"\b(TODO|FIXME|XXX)\b")

# (pattern, what to do instead, comment that excuses it, files it does not apply to)
RULES = [
    (ALLOCATE, "use base/alloc.h (or say /* library memory */)", "/* library memory */", ("src/base/alloc.c",)),
    (UNSAFE, "banned: unbounded, locale-bound or predictable", None, ()),
    (SLEEP, "nothing sleeps: use a timer (or say /* lint: why */)", "/* lint:", ()),
    (PRINT, "only cli/ and app/ print: use base/log.h (or say /* lint: why */)", "/* lint:", ("src/cli/", "src/app/")),
    (ASSERT, "use SILT_ASSERT", None, ()),
]


def excused(raw, number, comment):
    """The comment stands on the line or on the one above."""
    return comment and any(comment in line for line in raw[max(0, number - 2):number])


def check_rules(path, code, raw, problems):
    for number, line in enumerate(code, 1):
        for pattern, advice, comment, exempt in RULES:
            match = pattern.search(line)
            if match and not path.startswith(exempt) and not excused(raw, number, comment):
                problems.append(f"{path}:{number}: {match.group().strip()}…): {advice}")


def check_goto(path, code, problems):
    """The label must follow before the function's closing brace."""
    for number, line in enumerate(code, 1):
        match = GOTO.search(line)
        if not match:
            continue
        for later in code[number:]:
            label = LABEL.match(later)
            if label and label.group(1) == match.group(1):
                break
            if later.startswith("}"):
                problems.append(f"{path}:{number}: goto {match.group(1)} goes backward")
                break


def check(tree):
    problems = []
    sources = tree.under("src/", "include/")
    for path in sources:
        code, raw = tree.code_lines(path), tree.raw_lines(path)
        check_rules(path, code, raw, problems)
        check_goto(path, code, problems)
    for path in tree.files:
        if path.startswith("tests/lint/"):
            continue
        for number, line in enumerate(tree.raw_lines(path), 1):
            match = MARKS.search(line)
            if match:
                problems.append(f"{path}:{number}: {match.group()}: do it or write down why not")
    return problems, f"{len(sources)} files"
