"""The workers of a run: as many as are wanted, replaced when they die, frozen ones woken in time."""

import collections
import contextlib
import os
import pathlib
import re
import signal
import threading
import time

import silt_run

FAKETIME = pathlib.Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
EVENT = re.compile(rb'"event":"([a-z_]+)"')
FATAL = re.compile(rb'.*"level":"FATAL".*|^silt: .*', re.M)
UNRESOLVED = re.compile(rb"resolve host")
LOGS_KEPT = 2000  # of ended workers; older ones are counted and removed


class Pool:
    """Workers of one silt_run.SiltRun. Every change of one is made under the lock."""

    def __init__(self, run, small_disk=None):
        self.run = run
        self.small_disk = small_disk  # a folder that may become full
        self.lock = threading.RLock()
        self.wanted, self.held = 3, 0
        self.workers = []
        self.codes = collections.Counter()  # how workers ended that nobody had told to end
        self.refused_to_stop = []
        self.crashes, self.last_words = [], collections.Counter()
        self.events = collections.Counter()
        self.killed = self.started = self.unresolved_before = self.peak_rss = 0
        self.old_logs = collections.deque()
        self.ending = threading.Event()
        self.keeper = threading.Thread(target=self._keep, daemon=True, name="keeper")
        self.error = None

    def start(self):
        self.keeper.start()

    def _keep(self):
        try:
            while not self.ending.wait(0.1):
                self.tend()
        except Exception as error:  # the conductor looks at it
            self.error = error

    def tend(self):
        with self.lock:
            now = time.monotonic()
            for worker in self.workers:
                if worker.frozen_until and worker.frozen_until <= now:
                    self.wake(worker)
            for worker in [w for w in self.workers if not w.running()]:
                self._bury(worker)
            serving = [w for w in self.workers if not w.leaving]
            if not self.held and len(serving) < self.wanted:
                self._spawn()

    def _spawn(self):
        """One at a time: a start costs a moment of the machine."""
        self.started += 1
        name = f"worker{self.started:05}"
        environment = dict(self.run.environment)
        clock = None
        if FAKETIME.exists() and self.started % 2 == 0:
            clock = self.run.folder / f"{name}.clock"
            set_clock(clock, 0)
            environment |= {
                "LD_PRELOAD": str(FAKETIME),
                "FAKETIME_TIMESTAMP_FILE": str(clock),
                "FAKETIME_CACHE_DURATION": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # with it condition variables never wait
            }
        on_small_disk = self.small_disk and self.started % 2 == 1
        folder = self.small_disk if on_small_disk else self.run.folder
        worker = silt_run.Worker(self.run.binary, self.run.config, folder, name, environment)
        worker.born, worker.clock, worker.frozen_until = time.monotonic(), clock, 0
        worker.leaving = worker.was_killed = False
        worker.on_small_disk = bool(on_small_disk)
        self.workers.append(worker)

    def _bury(self, worker):
        self.workers.remove(worker)
        code, text = worker.process.returncode, b""
        with contextlib.suppress(OSError):
            text = worker.log.read_bytes()
        self.events.update(match.decode() for match in EVENT.findall(text))
        self.unresolved_before += len(UNRESOLVED.findall(text))
        if not worker.was_killed:
            self._judge(worker, code, text)
        if worker.clock:
            worker.clock.unlink(missing_ok=True)
        if worker.on_small_disk:
            worker.log.unlink(missing_ok=True)
            worker.log = self.run.folder / worker.log.name
            worker.log.write_bytes(text)
        self.old_logs.append(worker.log)
        if len(self.old_logs) > LOGS_KEPT:
            self.old_logs.popleft().unlink(missing_ok=True)

    def _judge(self, worker, code, text):
        """A signal that was not ours is a crash; an exit of its own is counted with its reason."""
        if worker.leaving and code == -signal.SIGTERM:
            return  # told to leave before it had begun to listen
        if code < 0:
            said = text[-400:].decode(errors="replace")
            self.crashes.append(f"{worker.log.stem} ended by signal {-code}: {said}")
            print(f"CRASH {self.crashes[-1]}", flush=True)
            (self.run.folder / f"{worker.log.stem}.crash").write_bytes(text)
        elif code > 0:
            self.codes[code] += 1
            words = FATAL.findall(text) or [text[-300:]]
            self.last_words[re.sub(rb"[0-9a-f]*\d[0-9a-f]*", b"N", words[-1])[:200].decode(errors="replace")] += 1

    # --- for the faults --------------------------------------------------------------------------

    def alive(self, min_age=0.0):
        """Those that run freely."""
        now = time.monotonic()
        with self.lock:
            return [
                w
                for w in self.workers
                if w.running() and not (w.frozen_until or w.leaving) and now - w.born >= min_age
            ]

    def kill(self, worker):
        with self.lock:
            if not worker.running():
                return False
            worker.was_killed = True
            worker.kill()
            self.killed += 1
            return True

    def freeze(self, worker, seconds):
        with self.lock:
            if not worker.running() or worker.frozen_until:
                return False
            worker.signal(signal.SIGSTOP)
            worker.frozen_until = time.monotonic() + seconds
            return True

    def wake(self, worker):
        worker.signal(signal.SIGCONT)
        worker.frozen_until = 0

    def scale(self, count):
        """Surplus workers are told to leave as an orchestrator tells them."""
        with self.lock:
            self.wanted = count
            surplus = self.alive()[count:]
            for worker in surplus:
                worker.leaving = True
                worker.signal(signal.SIGTERM)

    @contextlib.contextmanager
    def blackout(self):
        """Nobody is alive inside."""
        with self.lock:
            self.held += 1
            for worker in list(self.workers):
                self.kill(worker)
        try:
            yield
        finally:
            with self.lock:
                self.held -= 1

    def unresolved(self):
        """How often workers have said that a name has no address."""
        with self.lock:
            found = self.unresolved_before
            for worker in self.workers:
                found += len(UNRESOLVED.findall(worker.log.read_bytes()))
        return found

    def look_at_memory(self):
        with self.lock:
            self.peak_rss = max([self.peak_rss, *(worker.look_at_memory() for worker in self.workers)])

    # --- the end ---------------------------------------------------------------------------------

    def calm(self):
        """No fault is left on any worker."""
        with self.lock:
            for worker in self.workers:
                if worker.frozen_until:
                    self.wake(worker)
                if worker.clock:
                    set_clock(worker.clock, 0)

    def stop(self):
        """SIGTERM to all; each must leave with 0."""
        self.ending.set()
        self.keeper.join(30)
        self.held += 1
        for worker in self.workers:
            worker.signal(signal.SIGTERM)
        for worker in self.workers:
            with contextlib.suppress(AssertionError, silt_run.subprocess.TimeoutExpired):
                worker.await_end()
            if worker.process.poll() != 0:
                self.refused_to_stop.append(f"{worker.log.stem}: {worker.process.poll()}")
        self.tend()

    def close(self):
        self.ending.set()
        for worker in self.workers:
            with contextlib.suppress(silt_run.subprocess.TimeoutExpired):
                worker.kill()


def set_clock(path, seconds):
    """Renamed into place: a clock is never read half written."""
    new = path.with_suffix(".new")
    new.write_text(f"{seconds:+d}s\n", encoding="ascii")
    os.replace(new, path)
