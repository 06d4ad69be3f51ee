"""The files a lint looks at, and C text without comments and strings (line numbers stay)."""

import os
import pathlib
import re
import subprocess


class Tree:
    """The project below `root`: what git tracks or would track; without git, everything but build/."""

    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self._texts = {}
        self.files = sorted(path for path in self._list() if (self.root / path).is_file())

    def _list(self):
        if (self.root / ".git").exists():
            listing = subprocess.run(
                ["git", "-C", str(self.root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                check=True, capture_output=True)
            return [name for name in listing.stdout.decode().split("\0") if name]
        names = []
        for folder, folders, found in os.walk(self.root):
            folders[:] = [name for name in folders if name not in ("build", "__pycache__")]
            names += [str((pathlib.Path(folder) / name).relative_to(self.root)) for name in found]
        return names

    def under(self, *folders, ext=(".c", ".h")):
        return [path for path in self.files if path.startswith(tuple(folders)) and path.endswith(tuple(ext))]

    def text(self, path):
        """None for a binary file (or one that went away meanwhile)."""
        if path not in self._texts:
            try:
                data = (self.root / path).read_bytes()
                self._texts[path] = None if b"\0" in data else data.decode("utf-8")
            except (OSError, UnicodeDecodeError):
                self._texts[path] = None
        return self._texts[path]

    def raw_lines(self, path):
        return (self.text(path) or "").split("\n")

    def code_lines(self, path):
        return strip(self.text(path) or "").split("\n")


TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def strip(text):
    """Blanks comments and the inside of literals; `#include "x"` keeps its name."""
    def blank(match):
        token = match.group()
        if token[0] in "\"'":
            start = text.rfind("\n", 0, match.start()) + 1
            if re.match(r"\s*#\s*include", text[start:match.start()]):
                return token
            return token[0] * 2
        return re.sub(r"[^\n]", " ", token)
    return TOKEN.sub(blank, text)


INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def includes(tree, path):
    """(line number, '<' or '"', name) of each include."""
    found = []
    for number, line in enumerate(tree.code_lines(path), 1):
        match = INCLUDE.match(line)
        if match:
            found.append((number, match.group(1), match.group(2)))
    return found


def room_of(path):
    """src/net/http.c -> net; None outside of src."""
    parts = path.split("/")
    return parts[1] if len(parts) > 2 and parts[0] == "src" else None
