"""Every fault of a run. Each is a function (scene, rng) -> (took effect, what happened), registered
under its lane; lanes run at the same time, the faults of one lane one after the other.

A fault undoes itself before it returns. One that cannot be tried here has a reason in IMPOSSIBLE.
"""

import contextlib
import datetime
import os
import resource
import time

import asking
import workers as worker_pool

LANES = {"workers": [], "brokers": [], "topics": [], "neighbours": []}
BREATH = {"topics": 20}  # most seconds between two faults of a lane, else 1: some leave nobody alive


def fault(lane, name):
    def register(function):
        function.fault = name
        LANES[lane].append(function)
        return function

    return register


# --- S3: a share of all requests, always ----------------------------------------------------------

# The start-up probe sends 16 PUTs a round and judges the store by them: it has its own, small share.
_LOG, _OBJECTS = "/archive/_log/", "/archive/(_log|data)/"
_COMPLETE = {"op": "CompleteMultipartUpload"}
_GONE, _REFUSED = "InternalError", "PreconditionFailed"
S3_FAULTS = [
    {"name": "S3 500", "path": _OBJECTS, "prob": 0.007, "status": 500},
    {"name": "S3 503 with Retry-After", "path": _OBJECTS, "prob": 0.007, "status": 503, "retry_after": 1},
    {"name": "S3 429", "path": _OBJECTS, "prob": 0.004, "status": 429, "code": "TooManyRequests"},
    {"name": "S3 timeout, not applied", "path": _OBJECTS, "prob": 0.0015, "hang": "before", "hang_ms": 12_000},
    {"name": "S3 timeout, applied", "path": _OBJECTS, "prob": 0.0015, "hang": "after", "hang_ms": 12_000},
    {"name": "S3 answer lost", "path": _OBJECTS, "prob": 0.006, "lost_response": "rst"},
    {"name": "S3 500, applied", "path": _OBJECTS, "prob": 0.004, "status_after": 500},
    {"name": "S3 reset in mid-body", "method": "PUT", "path": _OBJECTS, "prob": 0.008, "reset_body": 100},
    {"name": "S3 answer truncated", "path": _OBJECTS, "prob": 0.004, "truncate_response": 60},
    {"name": "S3 slow answer", "path": _OBJECTS, "prob": 0.01, "resp_latency_ms": 900},
    {"name": "S3 slow listing", "op": "ListObjects", "prob": 0.03, "latency_ms": 900},
    {"name": "S3 409", "op": "PutObject", "path": _LOG, "prob": 0.03, "status": 409},
    {"name": "S3 409 to Complete", **_COMPLETE, "prob": 0.02, "status": 409},
    {"name": "S3 412 to our own commit", "op": "PutObject", "path": _LOG, "prob": 0.03,
     "status_after": 412, "code": _REFUSED},
    {"name": "S3 200 with an error", **_COMPLETE, "prob": 0.02, "embed_error": _GONE},
    {"name": "S3 200 with an error, applied", **_COMPLETE, "prob": 0.01, "embed_error": _GONE, "apply": True},
    {"name": "S3 InvalidPart", **_COMPLETE, "prob": 0.01, "status": 400, "code": "InvalidPart"},
    {"name": "S3 500 to the probe", "path": "/archive/_probe/", "prob": 0.0005, "status": 500},
]


# --- workers -------------------------------------------------------------------------------------


def _victims(scene, wanted=lambda worker: True, seconds=15):
    """Workers that have begun to work; waits a little for one."""
    deadline = time.monotonic() + seconds
    while True:
        found = [worker for worker in scene.pool.alive(min_age=2) if wanted(worker)]
        if found or time.monotonic() > deadline or scene.over():
            return found
        scene.rest(0.2)


@fault("workers", "SIGSTOP, SIGCONT")
def freeze(scene, rng):
    """On both sides of the session timeout: what wakes may be a zombie."""
    victims = _victims(scene)
    if not victims:
        return False, "nobody was alive"
    count = rng.randint(1, min(2, len(victims)))
    seconds = min(rng.expovariate(1 / 8) + 1, 30)
    frozen = [w for w in rng.sample(victims, count) if scene.pool.freeze(w, seconds)]
    scene.rest(rng.uniform(0.5, 2))  # it wakes while other things happen
    return len(frozen) > 0, f"{len(frozen)} frozen for {seconds:.1f} s"


@fault("workers", "scaling")
def scale(scene, rng):
    before = scene.pool.wanted
    after = rng.choice([n for n in range(1, scene.workers_max + 1) if n != before])
    scene.pool.scale(after)
    scene.rest(rng.uniform(2, 5))
    return True, f"{before} -> {after}"


@fault("workers", "no file descriptor left")
def starve_descriptors(scene, rng):
    """The limit of a running process at its first free number, but where poll(2) itself would refuse."""
    victims = _victims(scene)
    if not victims:
        return False, "nobody was alive"
    worker = rng.choice(victims)
    pid, hit = worker.process.pid, False
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    deadline = time.monotonic() + rng.uniform(2, 6)
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        while time.monotonic() < deadline and worker.running():
            opened = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
            first_free = next(n for n in range(len(opened) + 1) if n not in opened)
            limit = max(first_free, len(opened) * 2 // 3)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, hard))
            # A connection that its admin port cannot accept proves it.
            hit = hit or (worker.http("/livez", seconds=1) is None and worker.running())
            scene.rest(0.3)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    return hit, worker.log.stem


@fault("workers", "clock an hour off")
def shift_clock(scene, rng):
    victims = _victims(scene, lambda worker: worker.clock)
    if not victims:
        return False, "no worker with a clock of its own"
    worker, seconds = rng.choice(victims), rng.choice([-3600, 3600])
    before = len(worker.lines())
    worker_pool.set_clock(worker.clock, seconds)
    scene.rest(rng.uniform(3, 8))
    shown = worker.running() and any(_is_off(line) for line in worker.lines()[before:])
    if worker.running():
        worker_pool.set_clock(worker.clock, 0)
    return shown, f"{seconds:+d} s, {worker.log.stem}" + ("" if shown else ", not seen in its log")


def _is_off(line):
    """A line that was written just now and bears another time."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return "ts" in line and abs((datetime.datetime.fromisoformat(line["ts"]) - now).total_seconds()) > 1800


@fault("workers", "log on a full disk")
def fill_disk(scene, rng):
    victims = _victims(scene, lambda worker: worker.on_small_disk)
    if not victims:
        return False, "no worker logs there"
    try:
        deadline, full = time.monotonic() + rng.uniform(3, 8), False
        while time.monotonic() < deadline and not scene.over():
            # Again and again: the log of a dead worker gives room.
            full = full or scene.small_disk.fill() and any(w.running() for w in victims)
            scene.small_disk.fill()
            scene.rest(0.3)
    finally:
        scene.small_disk.free()
    return full, f"{len(victims)} workers log there"


# --- Kafka ---------------------------------------------------------------------------------------


@fault("brokers", "broker killed")
def kill_broker(scene, rng):
    node = rng.choice((1, 2, 3))
    _crash(scene, rng, node)
    return True, f"node {node}"


def _crash(scene, rng, node):
    scene.cluster.kill(node)
    try:
        scene.rest(rng.uniform(1, 5))
    finally:
        scene.cluster.start()
        scene.cluster.await_whole()


@fault("brokers", "coordinator moved")
def move_coordinator(scene, rng):
    before = scene.cluster.coordinator(scene.group)
    scene.cluster.kill(before)
    after = before
    try:
        deadline = time.monotonic() + 20
        while after == before and time.monotonic() < deadline:
            with contextlib.suppress(asking.Refused):
                after = scene.cluster.coordinator(scene.group)
            scene.rest(0.3)
        scene.rest(rng.uniform(0, 3))
    finally:
        scene.cluster.start()
        scene.cluster.await_whole()
    return after != before, f"node {before} -> {after}"


@fault("brokers", "leaders moved")
def move_leaders(scene, _rng):
    """After a broker's death the others lead; the preferred replicas are elected again."""
    misled = scene.cluster.misled()
    if not misled:
        return False, "every leader is the preferred one"
    scene.cluster.ask(asking.elect_preferred, misled)
    scene.rest(1)
    moved = len(misled) - len(scene.cluster.misled())
    return moved > 0, f"{moved} of {len(misled)} partitions"


@fault("brokers", "unclean election")
def elect_uncleanly(scene, rng):
    """The follower freezes, the leader takes more and dies, the follower wakes and leads."""
    cluster, feed = scene.cluster, scene.feeds["unclean"]
    with feed.hold():
        at = cluster.partition(feed.topic)
        leader, follower = at.leader, next(n for n in at.replicas if n != at.leader)
        cluster.freeze(follower)
        try:
            cluster.await_("the follower is out of sync", lambda: cluster.partition(feed.topic).isrs == [leader])
            feed.burst(rng.choice([300, 600]))
            feed.reconcile()
            end = feed.ends()[0]
            if rng.random() < 0.6:  # the archive holds it before it is lost
                scene.archive.await_archived(feed.ledger, 15)
            cluster.kill(leader)
        finally:
            cluster.wake(follower)
        try:
            with contextlib.suppress(TimeoutError):
                cluster.await_("an unclean leader", lambda: cluster.partition(feed.topic).leader == follower)
            start = feed.ends()[0]  # the ledger must know, whatever else goes wrong
            if start < end:
                feed.ledger.truncate(0, start)
                scene.truncations.append((start, end))
            feed.burst(rng.choice([50, 150]))
        finally:
            cluster.start()
            cluster.await_whole()
        _await_followed(scene, feed)
    return start < end, f"node {leader} -> {follower}, offsets {start} to {end - 1} lost"


def _await_followed(scene, feed):
    """Until the archive ends where the new log does: with no epoch of its own it could miss the next cut."""
    end, deadline = feed.ends()[0], time.monotonic() + 90
    while scene.archive.tails(feed.topic, feed.ledger.topic_id).get(0, 0) != end and time.monotonic() < deadline:
        time.sleep(1)


# --- topics, groups ------------------------------------------------------------------------------


@fault("topics", "records deleted before archiving")
def overrun_retention(scene, rng):
    """Nobody archives while the records come and go, so the gap is known to the offset."""
    feed, gaps = scene.feeds["overrun"], []
    with feed.hold(), scene.pool.blackout():
        tails = scene.archive.settled_tails(feed.topic, feed.ledger.topic_id)
        feed.burst(rng.choice([100, 300]))
        ends = feed.ends()
        wanted = {p: end - rng.choice([0, 20]) for p, end in ends.items() if p in tails}
        feed.reconcile()
        kept = feed.insist(asking.delete_records, wanted)
        for partition, low in kept.items():
            if low > tails[partition]:
                feed.ledger.forget(partition, tails[partition], low)
                gaps.append((feed.topic, partition, tails[partition], low))
    # A gap that nobody has booked yet grows with the next deletion.
    begun = [gap[:3] for gap in gaps]
    scene.expected_gaps = [gap for gap in scene.expected_gaps if gap[:3] not in begun] + gaps
    return len(gaps) > 0, "gaps " + ", ".join(f"{p}: [{a},{b})" for _, p, a, b in gaps)


@fault("topics", "topic made again")
def recreate_topic(scene, rng):
    """Half the time the archive has all of it; else what is missing died with the topic."""
    feed = scene.feeds["again"]
    with feed.hold():
        old, waited = feed.ledger, rng.random() < 0.5
        if waited:
            waited = scene.archive.await_archived(old, 20)
        feed.reconcile()
        feed.insist(asking.delete_topic)
        scene.cluster.await_("the topic is gone", lambda: feed.topic not in scene.cluster.topics(), 300)
        feed.earlier.append((old, waited))
        scene.rest(rng.uniform(0, 2))
        feed.create()
        feed.burst(rng.choice([50, 200]))
    return feed.ledger.topic_id != old.topic_id, "all of it archived" if waited else "in mid-stream"


@fault("topics", "partition added")
def add_partition(scene, _rng):
    feed = scene.feeds["grow"]
    with feed.hold():
        more = len(scene.cluster.topics()[feed.topic].partitions) + 1
        feed.ask(asking.add_partitions, more)
        feed.ledger.entries += [bytearray() for _ in range(more - feed.partitions)]
        feed.partitions = more
        feed.await_partitions()
    return True, f"{more} partitions"


@fault("topics", "group offsets reset or deleted")
def spoil_group(scene, rng):
    """Brokers allow it only for a group without members, so all workers die first."""
    cluster, group, feed = scene.cluster, scene.group, scene.feeds["main"]
    with scene.pool.blackout():
        cluster.await_("the group is empty", lambda: cluster.members(group) == 0, 40)
        if rng.random() < 0.5:
            cluster.ask(asking.delete_group, group)
            return True, "deleted"
        offset = rng.choice([0, 1, 500, 1 << 40])
        cluster.ask(asking.set_offsets, group, feed.topic, feed.partitions, offset)
        return True, f"set to {offset}"


# --- the worker's neighbours ---------------------------------------------------------------------


@fault("neighbours", "staged upload expired")
def expire_upload(scene, rng):
    """Between commit and Complete, as a bucket's rule for incomplete uploads would."""
    feed = scene.feeds["main"]
    block = {"name": "Complete held back", "op": "CompleteMultipartUpload", "path": f"{feed.topic}/", "status": 503}
    scene.proxy.add(block)
    aborted = []
    try:
        deadline = time.monotonic() + 25
        while not aborted and time.monotonic() < deadline and not scene.over():
            scene.rest(0.5)
            aborted = scene.archive.abort_staged(feed.topic, feed.ledger.topic_id, rng)
    finally:
        scene.proxy.remove(block)
    scene.expired.extend(aborted)
    return len(aborted) > 0, f"{len(aborted)} uploads of committed files"


def _trouble(name, link_name, modes, somebody_dies=False):
    """Registers a fault of one link. Somebody dies: a worker that starts has to ask."""

    @fault("neighbours", name)
    def trouble(scene, rng):
        link = scene.links[link_name]
        link.touched = 0
        link.set(rng.choice(modes))
        try:
            if somebody_dies and (victims := _victims(scene)):
                scene.pool.kill(rng.choice(victims))
            scene.rest(rng.uniform(4, 9))
        finally:
            link.set("good")
        return link.touched > 0, f"{link.touched} times somebody noticed"


_trouble("PostgreSQL down", "postgres", ["down"])
_trouble("PostgreSQL slow or mute", "postgres", ["slow", "mute"])
_trouble("CloudWatch down", "cloudwatch", ["down"])
_trouble("CloudWatch slow or mute", "cloudwatch", ["slow", "mute"])
_trouble("registry down", "registry", ["down"], somebody_dies=True)
_trouble("registry slow or mute", "registry", ["slow", "mute"], somebody_dies=True)


@fault("neighbours", "host name unknown")
def forget_name(scene, rng):
    """Connections that are open go on; the workers that start, and every new connection, must ask."""
    before = scene.pool.unresolved()
    scene.names.set(False)
    try:
        if victims := _victims(scene):
            scene.pool.kill(rng.choice(victims))
        scene.rest(rng.uniform(3, 8))
    finally:
        scene.names.set(True)
    noticed = scene.pool.unresolved() - before
    return noticed > 0, f"{noticed} lines of the workers say so"


IMPOSSIBLE = {}  # name of a fault -> why it cannot be had here


def without_mounts():
    reason = "needs root: mounts of its own"
    IMPOSSIBLE.update({"host name unknown": reason, "log on a full disk": reason})
    if not worker_pool.FAKETIME.exists():
        IMPOSSIBLE["clock an hour off"] = "libfaketime is not installed"


def possible(lane):
    return [f for f in LANES[lane] if f.fault not in IMPOSSIBLE]


def names():
    drawn = [fault.fault for lane in LANES.values() for fault in lane]
    return ["SIGKILL", *drawn, *(rule["name"] for rule in S3_FAULTS)]


