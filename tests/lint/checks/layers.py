"""Includes: arrows go down, no cycles, private headers and libraries stay in their rooms; file names are unique."""

import re

from .tree import includes, room_of

# The house. A room may include rooms of lower levels, never one of its own level.
LEVELS = {
    "base": 0,
    "record": 1, "config": 1, "metrics": 1,
    "net": 2, "pg": 2,
    "store": 3,
    "consume": 4, "decode": 4, "batch": 4, "encode": 4, "upload": 4, "commit": 4, "observe": 4,
    "restore": 4, "ingest": 4,
    "pipeline": 5, "inspect": 5, "doctor": 5,
    "app": 6,
    "cli": 7,
}
SIDEWAYS = {("restore", "encode"), ("restore", "upload"), ("restore", "commit")}
# Rooms that only these may look into, whatever the levels say.
ONLY_FOR = {"config": {"config", "app", "cli"}}

# Library headers (by prefix) and the rooms that may know them. jansson: whoever CMakeLists.txt links with it.
LIBRARIES = {
    "librdkafka/": {"consume"},
    "curl/": {"net"},
    "libpq-fe.h": {"pg"}, "libpq/": {"pg"},
    "microhttpd.h": {"observe"},
    "zstd": {"consume", "encode"}, "zlib.h": {"consume", "encode", "observe"}, "snappy-c.h": {"encode"},
    "avro": {"decode"},
    "yaml.h": {"config"},
    "openssl/": {"base"},
    "xxhash.h": {"base", "encode"},
    "ncurses.h": {"cli"}, "curses.h": {"cli"},
    "jansson.h": None,
}

# The C library, POSIX and Linux: anywhere (pure files: see purity).
SYSTEM = set("""
assert.h complex.h ctype.h errno.h fenv.h float.h inttypes.h iso646.h limits.h locale.h math.h setjmp.h signal.h
stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h stdnoreturn.h string.h strings.h
threads.h time.h uchar.h wchar.h wctype.h
arpa/inet.h dirent.h dlfcn.h endian.h fcntl.h fnmatch.h ftw.h getopt.h glob.h ifaddrs.h langinfo.h libgen.h malloc.h
net/if.h netdb.h netinet/in.h netinet/tcp.h poll.h pthread.h pwd.h regex.h sched.h spawn.h syslog.h termios.h unistd.h
utime.h sys/epoll.h sys/eventfd.h sys/file.h sys/inotify.h sys/ioctl.h sys/mman.h sys/param.h sys/prctl.h
sys/random.h sys/resource.h sys/select.h sys/signalfd.h sys/socket.h sys/stat.h sys/statvfs.h sys/syscall.h
sys/sysinfo.h sys/time.h sys/timerfd.h sys/types.h sys/uio.h sys/un.h sys/utsname.h sys/wait.h sys/xattr.h
linux/limits.h immintrin.h nmmintrin.h
""".split())


def linked_with_jansson(tree):
    cmake = tree.text("CMakeLists.txt") or ""
    rooms = re.findall(r"silt_room\((\w+)([^)]*)\)", cmake)
    return {room for room, rest in rooms if "PkgConfig::jansson" in rest}


def library_rooms(tree, name):
    """The rooms that may include <name>; None when no table knows it."""
    for prefix, rooms in LIBRARIES.items():
        if name == prefix or (name.startswith(prefix) and not prefix.endswith(".h")):
            return linked_with_jansson(tree) if rooms is None else rooms
    return None


def check_system(tree, path, where, name, problems):
    if name in SYSTEM:
        return
    rooms = library_rooms(tree, name)
    if rooms is None:
        problems.append(f"{where}: <{name}> is in no table: add it to tests/lint/checks/layers.py")
    elif room_of(path) not in rooms:
        problems.append(f"{where}: only {', '.join(sorted(rooms)) or 'no room'} may include <{name}>")


def check_arrow(tree, path, where, name, problems):
    """One include of a project header."""
    parts = name.split("/")
    if len(parts) == 1:
        if name.endswith("_int.h") and file_of(tree, path, name):
            return  # private, beside its source
        problems.append(f'{where}: write "room/{name}"')
        return
    if parts[0] == "silt":
        return  # the installed interface, includes nothing of ours (checked below)
    here, there = room_of(path), parts[0]
    if there not in LEVELS:
        problems.append(f"{where}: {there}/ is no room of the table in tests/lint/checks/layers.py")
        return
    if here == there:
        return
    if name.endswith("_int.h"):
        problems.append(f"{where}: {name} is private to {there}/")
    if there in ONLY_FOR and here not in ONLY_FOR[there]:
        problems.append(f"{where}: only {', '.join(sorted(ONLY_FOR[there]))} may look into {there}/")
    if (here, there) in SIDEWAYS or LEVELS[there] < LEVELS[here]:
        return
    way = "sideways" if LEVELS[there] == LEVELS[here] else "upward"
    problems.append(f"{where}: {way}: {here}/ (level {LEVELS[here]}) includes {name} (level {LEVELS[there]})")


def file_of(tree, path, name):
    """The file an include names, None for one that is generated (base/version.h)."""
    known = set(tree.files)
    for candidate in (path.rsplit("/", 1)[0] + "/" + name, f"src/{name}", f"include/{name}"):
        if candidate in known:
            return candidate
    return None


def find_cycles(graph):
    """Each cycle once, as a list of files."""
    cycles, state, stack = [], {}, []

    def visit(node):
        state[node] = "open"
        stack.append(node)
        for after in graph.get(node, ()):
            if state.get(after) == "open":
                cycles.append(stack[stack.index(after):] + [after])
            elif after not in state:
                visit(after)
        stack.pop()
        state[node] = "done"

    for node in sorted(graph):
        if node not in state:
            visit(node)
    return cycles


def check_names(sources, problems):
    """A file name says where it is: unique in the whole tree."""
    seen = {}
    for path in sources:
        name = path.rsplit("/", 1)[1]
        if name in seen and path.startswith("src/"):
            problems.append(f"{path}: {seen[name]} has the same name")
        seen[name] = path


def check(tree):
    problems, graph = [], {}
    sources = tree.under("src/", "include/", ext=(".c", ".h", ".def"))
    for path in sources:
        room = room_of(path)
        if path.startswith("src/") and room not in LEVELS:
            problems.append(f"{path}: {room}/ is no room of the table in tests/lint/checks/layers.py")
            continue
        for number, bracket, name in includes(tree, path):
            where = f"{path}:{number}"
            if bracket == "<":
                check_system(tree, path, where, name, problems)
                continue
            if room is None:
                if not name.startswith("silt/"):
                    problems.append(f"{where}: an installed header includes only <…> and silt/…")
            else:
                check_arrow(tree, path, where, name, problems)
            target = file_of(tree, path, name)
            if target:
                graph.setdefault(path, []).append(target)
    check_names(sources, problems)
    for cycle in find_cycles(graph):
        problems.append("include cycle: " + " -> ".join(cycle))
    return problems, f"{len(sources)} files"
