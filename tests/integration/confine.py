#!/usr/bin/env python3
"""Runs a program as a container runtime would: under deploy/seccomp.json, as another user, nothing writable.

    confine.py PROFILE PROGRAM [ARGUMENTS]

Needs root, which it gives up: user 65532, no capabilities, no new privileges, every mount read-only in a mount
namespace of its own. Linux on x86-64 only; system calls are known by number from the C library's header.
"""

import ctypes
import json
import os
import pathlib
import re
import struct
import sys

USER = 65532
UNISTD = pathlib.Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
AUDIT_ARCH_X86_64 = 0xC000003E
RET_ALLOW, RET_ERRNO, RET_KILL = 0x7FFF0000, 0x00050000, 0x80000000
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
NR_OFFSET, ARCH_OFFSET = 0, 4
CLONE_NEWNS, MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 1, 32, 4096, 16384, 1 << 18
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2

LIBC = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    if getattr(LIBC, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


class Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def allowed(profile):
    """The numbers of the calls that the profile allows."""
    numbers = dict(re.findall(r"#define __NR_(\w+) (\d+)", UNISTD.read_text(encoding="ascii")))
    rules = json.loads(pathlib.Path(profile).read_text(encoding="utf-8"))
    assert rules["defaultAction"] == "SCMP_ACT_ERRNO"
    assert all(rule["action"] == "SCMP_ACT_ALLOW" and "args" not in rule for rule in rules["syscalls"])
    names = [name for rule in rules["syscalls"] for name in rule["names"]]
    assert len(names) == len(set(names)), "a call stands there twice"
    return sorted(int(numbers[name]) for name in names), rules["defaultErrnoRet"]


def bpf(profile):
    numbers, errno = allowed(profile)

    def step(code, if_true, if_false, value):
        return struct.pack("=HBBI", code, if_true, if_false, value)

    steps = [step(LOAD, 0, 0, ARCH_OFFSET), step(JUMP_EQUAL, 1, 0, AUDIT_ARCH_X86_64), step(RETURN, 0, 0, RET_KILL)]
    steps.append(step(LOAD, 0, 0, NR_OFFSET))
    for number in numbers:
        steps += [step(JUMP_EQUAL, 0, 1, number), step(RETURN, 0, 0, RET_ALLOW)]
    steps.append(step(RETURN, 0, 0, RET_ERRNO | errno))
    return b"".join(steps), len(steps)


def make_read_only():
    call("unshare", CLONE_NEWNS)
    call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)
    for line in pathlib.Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        place = line.split()[1].encode().decode("unicode_escape").encode()
        if not place.startswith((b"/proc", b"/sys", b"/dev")):
            call("mount", None, place, None, MS_REMOUNT | MS_BIND | MS_RDONLY, None)


def main():
    code, steps = bpf(sys.argv[1])
    make_read_only()
    os.setgroups([])
    os.setgid(USER)
    os.setuid(USER)
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    program = Program(steps, code)
    call("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
