#!/usr/bin/env python3
"""The independent checker: proves an archive against ledgers, sharing no code with silt.

    checker.py --root s3://bucket/prefix --endpoint http://127.0.0.1:19002 LEDGER-FOLDER...
    checker.py --root file:///dir LEDGER-FOLDER...

Two readers look at the same archive. M follows the manifests: dense numbers, links by hash,
continuity, arithmetic, and every listed file's size and checksums. L lists data/ and opens what
it finds. Both must come to the same set of files, and every record in them must be the ledger's:
each good one once with the same bytes, each broken one once among the rejects, each tombstone
once, aborted ones nowhere.

Ends with a JSON summary on stdout; every fault is named on stderr with topic, partition and
offset. Exit 1 when there is any.

The digest of every slot is computed again from the rows, as docs/formats.md describes it.
"""

import argparse
import array
import base64
import concurrent.futures
import hashlib
import io
import json
import multiprocessing
import re
import sys
import time

import fastavro
import google_crc32c
import xxhash
from awscrt import checksums

import container
import ledger as ledgers
import records
import stores

SLOT_KEY = re.compile(
    r"_log/(?P<cluster>[^/]+)/(?P<topic>[^/]+)~(?P<tid>[0-9a-f]{8})/(?P<partition>\d{5})/"
    r"(?P<seq>\d{16})(?:\.f(?P<file>\d+)\.r(?P<repair>\d+))?\.json"
)
DATA_KEY = re.compile(
    r"data/topic=[^/]+/(?:.*/)?(?P<tid>[0-9a-f]{8})-p(?P<partition>\d{5})-s(?P<seq>\d{16})"
    r"(?:f\d+r\d+)?-o(?P<start>\d{20})-[^/]+"
)
ZERO_LINK = "0" * 64
DATA_ROLE, REJECTED_ROLE, TOMBSTONE_ROLE = "data", "rejected", "tombstone"
FAULTS_PER_FILE = 20
END_OF_TIME = 1 << 63
MUST_BE_SEEN = bytes(
    int(kind == records.GOOD or kind == records.TOMBSTONE or kind >= records.BAD_BASE)
    for kind in range(256)
)


class Report:
    """Faults, named as they are found, and numbers for the summary."""

    def __init__(self, show=200):
        self.faults = []
        self.show = show
        self.numbers = {
            "manifests": 0,
            "files": 0,
            "bytes": 0,
            "records": 0,
            "rejected": 0,
            "tombstones": 0,
            "holes": 0,
            "data_files_a_bucket": 0,  # of one slot, at most
            "digests": 0,
            "repaired": 0,
            "lost": 0,
            "gaps": 0,
            "lineages": 0,
            "superseded": 0,  # archived before Kafka lost them in an unclean election
            "unfinished_uploads": 0,
        }
        self.reasons = {}  # kind of broken value -> {reason: count}

    def fault(self, text):
        self.faults.append(text)
        if len(self.faults) <= self.show:
            print(f"FAULT {text}", file=sys.stderr)

    def count(self, name, by=1):
        self.numbers[name] += by

    def at_least(self, name, number):
        self.numbers[name] = max(self.numbers[name], number)

    def summary(self):
        return {
            "verdict": "faulty" if self.faults else "clean",
            "faults": len(self.faults),
            "first_faults": self.faults[:20],
            **self.numbers,
            "reasons": {kind: dict(found) for kind, found in sorted(self.reasons.items())},
        }


# --- reader M: manifests -------------------------------------------------------------------------


class Chain:
    """The manifests of one partition of one topic incarnation."""

    def __init__(self, match):
        self.topic = match["topic"]
        self.partition = int(match["partition"])
        self.tid = match["tid"]
        self.cluster = match["cluster"]
        self.slots = {}  # seq -> key
        self.repairs = {}  # (seq, file) -> [(k, key)]
        self.manifests = []

    def __str__(self):
        return f"{self.topic}/{self.partition}"

    def superseded(self):
        """For each manifest: from which offset on a later truncation of Kafka's log replaced it."""
        limits, limit = [], END_OF_TIME
        for manifest in reversed(self.manifests):
            limits.insert(0, limit)
            if manifest["kind"] == "lineage":
                limit = min(limit, manifest["next"])
        return limits


def find_chains(keys, report):
    chains = {}
    for key in keys:
        match = SLOT_KEY.fullmatch(key)
        if not match:
            report.fault(f"_log holds something that is no manifest: {key}")
            continue
        identity = (match["cluster"], match["topic"], match["tid"], match["partition"])
        chain = chains.setdefault(identity, Chain(match))
        if match["file"] is None:
            chain.slots[int(match["seq"])] = key
        else:
            where = (int(match["seq"]), int(match["file"]))
            chain.repairs.setdefault(where, []).append((int(match["repair"]), key))
    return list(chains.values())


def ranges_length(ranges):
    return sum(last - first + 1 for first, last in ranges)


class ChainReader:
    """Reads one chain in order and checks all that manifests say about themselves."""

    def __init__(self, chain, bodies, report):
        self.chain = chain
        self.bodies = bodies  # key -> bytes
        self.report = report

    def fault(self, seq, text):
        self.report.fault(f"{self.chain} slot {seq}: {text}")

    def read(self):
        link, following, lineage = ZERO_LINK, None, 0
        for expected, seq in enumerate(sorted(self.chain.slots)):
            if seq != expected:
                self.fault(expected, f"slot is missing, the next one is {seq}")
                return
            raw = self.bodies[self.chain.slots[seq]]
            try:
                manifest = json.loads(raw)
                lineage += manifest["kind"] == "lineage"
                self._check(seq, manifest, link, following)
                if manifest.get("lineage", lineage) != lineage:
                    self.fault(seq, f"lineage is {manifest['lineage']}, not {lineage}")
                following = manifest["next"]
            except (ValueError, KeyError, TypeError) as error:
                self.fault(seq, f"manifest is malformed: {type(error).__name__} {error}")
                return
            link = hashlib.sha256(raw).hexdigest()
            self.chain.manifests.append(manifest)
            self.report.count("manifests")

    def _check(self, seq, manifest, link, following):
        self._check_identity(seq, manifest)
        if manifest["prev"] != link:
            self.fault(seq, f"prev is {manifest['prev']}, slot {seq - 1} hashes to {link}")
        start, end = manifest["start"], manifest["next"]
        if following is not None and start != following:
            what = "overlaps" if start < following else "leaves a gap after"
            self.fault(seq, f"start {start} {what} slot {seq - 1}, which ends at {following}")
        if manifest["kind"] == "lineage":
            self.report.count("lineages")
            if end > start:
                self.fault(seq, f"a lineage slot leads forward, from {start} to {end}")
        elif end < start or (end == start and manifest["kind"] == "data"):
            self.fault(seq, f"empty or negative window [{start},{end})")
        if manifest["kind"] == "data":
            self._check_arithmetic(seq, manifest)
            self._check_files(seq, manifest)
        elif manifest.get("files"):
            self.fault(seq, f"a slot of kind {manifest['kind']} lists files")
        if manifest["kind"] == "gap":
            self.report.count("gaps", end - start)

    def _check_identity(self, seq, manifest):
        chain = self.chain
        tid = manifest["topic_id"].replace("-", "").lower()
        stated = (manifest["v"], manifest["topic"], manifest["partition"], manifest["seq"])
        if stated != (1, chain.topic, chain.partition, seq):
            self.fault(seq, f"v, topic, partition, seq say {stated}")
        if manifest["cluster"] != chain.cluster:
            self.fault(seq, f"cluster is {manifest['cluster']}, its key says {chain.cluster}")
        if re.fullmatch("[0-9a-f]{32}", tid) and tid[:8] != chain.tid:
            self.fault(seq, f"topic id {tid} does not begin with {chain.tid}")

    def _check_arithmetic(self, seq, manifest):
        start, end = manifest["start"], manifest["next"]
        held = manifest["records"] + manifest["rejected"]
        gone = ranges_length(manifest["holes"]) + ranges_length(manifest["unreadable"])
        if held + gone != end - start:
            self.fault(
                seq,
                f"records {manifest['records']} + rejected {manifest['rejected']} + holes and "
                f"unreadable {gone} is not the {end - start} offsets of [{start},{end})",
            )
        if held != sum(file["records"] for file in manifest["files"]):
            self.fault(seq, f"its files do not add up to {held} records")
        rejected = sum(f["records"] for f in manifest["files"] if role_of(f) == REJECTED_ROLE)
        if rejected != manifest["rejected"]:
            self.fault(seq, f"rejected is {manifest['rejected']}, its files hold {rejected}")
        previous = start - 1
        for first, last in sorted(manifest["holes"] + manifest["unreadable"]):
            if not previous < first <= last < end:
                self.fault(seq, f"hole [{first},{last}] overlaps another or leaves the window")
            previous = last


    def _check_files(self, seq, manifest):
        """One file per (bucket, schema): schemas that alternate do not make a file a flip."""
        kinds, buckets = {}, {}
        for file in manifest["files"]:
            kind, bucket = (role_of(file),), file["key"].rsplit("/", 1)[0]
            if kind == (DATA_ROLE,):
                # A schema without an id has no name here: its file stands for itself.
                kind += (bucket, *(file["schemas"] or [file["key"]]))
                buckets[bucket] = buckets.get(bucket, 0) + 1
            kinds[kind] = kinds.get(kind, 0) + 1
        for kind, count in kinds.items():
            if count > 1:
                self.fault(seq, f"{count} files of the same kind: {' '.join(map(str, kind))}")
        self.report.at_least("data_files_a_bucket", max(buckets.values(), default=0))


def role_of(file):
    return file.get("role") or DATA_ROLE


# --- files ---------------------------------------------------------------------------------------


class Task:
    """One file to open: where it is and what its manifest promises."""

    def __init__(self, chain, manifest, file, ledger, superseded=END_OF_TIME):
        self.topic, self.partition = chain.topic, chain.partition
        self.superseded = superseded  # records from here on are the lost ones of an old lineage
        self.seq = manifest["seq"]
        self.start, self.next = manifest["start"], manifest["next"]
        self.file = file
        self.key = file["key"]
        self.role = role_of(file)
        self.schemas = ledger.schemas if ledger else {}
        self.book = (ledger.number, chain.partition) if ledger else None


class Slot:
    """The files of one slot, checked together for the sake of its digest."""

    def __init__(self, name, digest, tasks, whole):
        self.name, self.digest, self.tasks = name, digest, tasks
        self.whole = whole  # no file of it was lost for good


class Outcome:
    """What a worker process found in a file."""

    def __init__(self, task):
        self.topic, self.partition, self.key = task.topic, task.partition, task.key
        self.role, self.book, self.superseded = task.role, task.book, task.superseded
        self.faults = []
        self.offsets = array.array("q")
        self.size = 0
        self.reasons = {}
        self.missing = False

    def fault(self, text):
        if len(self.faults) < FAULTS_PER_FILE:
            self.faults.append(f"{self.topic}/{self.partition} {self.key}: {text}")


def checksum_bytes(text, size):
    """A checksum as S3 writes it (base64) or as hexadecimal."""
    if re.fullmatch("[0-9a-fA-F]{%d}" % (2 * size), text):
        return bytes.fromhex(text)
    return base64.b64decode(text)


def crc64nvme(data):
    return checksums.crc64nvme(data).to_bytes(8, "big")


def crc32c(data):
    return google_crc32c.value(data).to_bytes(4, "big")


def check_bytes(file, data, outcome):
    """Size and checksums of the whole and of its parts. One checksum of the whole is required."""
    if len(data) != file["size"]:
        outcome.fault(f"size is {len(data)}, the manifest says {file['size']}")
        return
    proved = False
    if file.get("sha256"):
        proved = True
        if hashlib.sha256(data).hexdigest() != file["sha256"].lower():
            outcome.fault("sha256 of the object differs from the manifest's")
    for name, size, function in (("crc64nvme", 8, crc64nvme), ("crc32c", 4, crc32c)):
        if file.get(name):
            proved = True
            if function(data) != checksum_bytes(file[name], size):
                outcome.fault(f"{name} of the object differs from the manifest's")
    if check_parts(file, data, outcome):
        proved = True
    if not proved:
        outcome.fault("the manifest has no checksum of this file")


def check_parts(file, data, outcome):
    """True when every part carries a checksum; a wrong one is a fault."""
    parts = file.get("parts") or []
    at, checked = 0, bool(parts)
    for number, part in enumerate(parts, 1):
        if part["n"] != number:
            outcome.fault(f"part {number} is numbered {part['n']}")
        chunk = memoryview(data)[at : at + part["size"]]
        at += part["size"]
        if not part.get("crc32c"):
            checked = False
        elif crc32c(bytes(chunk)) != checksum_bytes(part["crc32c"], 4):
            outcome.fault(f"crc32c of part {part['n']} differs from the manifest's")
    if parts and at != len(data):
        outcome.fault(f"its parts add up to {at} bytes, the object has {len(data)}")
    return checked


class FileChecker:
    """Lives in a worker process: opens files and holds them against the ledgers."""

    def __init__(self, store, books, lost):
        self.store = store
        self.books = books  # (number of ledger, partition) -> (kinds, hashes)
        self.lost = lost  # the same key -> {offset: entries}
        self.shares = []  # of the slot's digest: (offset, bytes)

    def check_slot(self, slot):
        """(outcomes of its files, whether its digest was proved)"""
        self.shares.clear()
        outcomes = [self.check(task) for task in slot.tasks]
        if not slot.whole or not outcomes or any(outcome.missing for outcome in outcomes):
            return outcomes, False
        self.shares.sort(key=lambda share: share[0])
        found = xxhash.xxh3_128_hexdigest(b"".join(share[1] for share in self.shares))
        if found != slot.digest:
            text = f"{slot.name}: its records have digest {found}, the manifest says {slot.digest}"
            outcomes[0].faults.append(text)
        return outcomes, True

    def check(self, task):
        outcome = Outcome(task)
        data, meta = self.store.get(task.key)
        if data is None:
            outcome.missing = True
            return outcome
        outcome.size = len(data)
        token = meta.get("as-token")
        if token is not None and token != task.file.get("token"):
            outcome.fault(f"as-token of the object is {token}: not this slot's upload")
        check_bytes(task.file, data, outcome)
        try:
            self._check_records(task, container.Container(data), outcome)
            # And once as everybody else reads it; every 16th slot is sample enough.
            if task.seq % 16 == 0:
                self._check_plain_reader(data, task, outcome)
        except Exception as error:  # anything a foreign byte can provoke is a fault of the file
            outcome.fault(f"cannot be read: {type(error).__name__}: {error}")
        return outcome

    @staticmethod
    def _check_plain_reader(data, task, outcome):
        count = sum(1 for _ in fastavro.reader(io.BytesIO(data)))
        if count != task.file["records"]:
            outcome.fault(f"fastavro.reader finds {count} records in it")

    def _check_records(self, task, file, outcome):
        prefix = self._check_schema(task, file, outcome)
        book = self.books.get(task.book)
        skip = len(records.zigzag(task.partition))  # the first column is not in the digest
        previous = -1
        for meta, meta_bytes, value, body in file.records():
            partition, offset, timestamp, key, headers = meta.values()
            where = f"offset {offset} key {key!r}"
            if partition != task.partition:
                outcome.fault(f"{where}: its partition column says {partition}")
            if offset <= previous:
                outcome.fault(f"{where}: stands behind offset {previous}")
            previous = offset
            if not task.start <= offset < task.next:
                outcome.fault(f"{where}: outside of its slot [{task.start},{task.next})")
            outcome.offsets.append(offset)
            wire = self._wire_value(task.role, prefix, value, body)
            self.shares.append((offset, meta_bytes[skip:] + nullable(wire)))
            if book:
                pairs = [tuple(header.values()) for header in headers]
                found = records.record_hash(key, wire, pairs, timestamp)
                if offset >= task.superseded:
                    self._compare_lost(task, offset, found, where, outcome)
                else:
                    self._compare(book, task, offset, found, value, where, outcome)
        self._check_counts(task, outcome)

    def _compare_lost(self, task, offset, found, where, outcome):
        """What the archive held when Kafka lost it must have been Kafka's once."""
        entries = self.lost[task.book].get(offset, ())
        if not any((role_of_kind(k), h) == (task.role, found) for h, k in entries):
            outcome.fault(f"{where}: superseded by a lineage slot, but not what Kafka lost there")

    @staticmethod
    def _wire_value(role, prefix, value, body):
        if role == TOMBSTONE_ROLE:
            return None
        if role == REJECTED_ROLE:
            return value["value"]
        return prefix + body

    @staticmethod
    def _compare(book, task, offset, found, value, where, outcome):
        kinds, hashes = book
        kind = kinds[offset] if offset < len(kinds) else 0
        wanted = role_of_kind(kind)
        if wanted != task.role:
            outcome.fault(
                f"{where}: is in a {task.role} file; the ledger has {records.kind_name(kind)} there"
            )
            return
        if hashes[offset] != found:
            outcome.fault(f"{where}: key, value, headers or timestamp differ from the produced ones")
        if task.role == REJECTED_ROLE:
            if not value["reason"]:
                outcome.fault(f"{where}: rejected without a reason")
            pair = (records.kind_name(kind), value["reason"])
            outcome.reasons[pair] = outcome.reasons.get(pair, 0) + 1

    @staticmethod
    def _check_counts(task, outcome):
        promised, offsets = task.file, outcome.offsets
        if len(offsets) != promised["records"]:
            outcome.fault(f"holds {len(offsets)} records, the manifest says {promised['records']}")
        elif offsets and (offsets[0], offsets[-1]) != (promised["first"], promised["last"]):
            outcome.fault(
                f"runs from {offsets[0]} to {offsets[-1]}, the manifest says "
                f"{promised['first']} to {promised['last']}"
            )

    @staticmethod
    def _check_schema(task, file, outcome):
        """What stood before each value of a data file. Its fields must be the produced ones."""
        topic = file.meta.get("silt.topic", b"").decode()
        partition = file.meta.get("silt.partition", b"").decode()
        if (topic, partition) != (task.topic, str(task.partition)):
            outcome.fault(f"its header says topic {topic!r} partition {partition!r}")
        if task.role == TOMBSTONE_ROLE:
            return b""
        if task.role == REJECTED_ROLE:
            names = [field["name"] for field in file.value_fields]
            if names != ["reason", "detail", "schema_id", "value"]:
                outcome.fault(f"columns of a rejected file are {names}")
            return b""
        schema, framing = schema_of(file.meta)
        if framing == "confluent" and schema not in task.file["schemas"]:
            outcome.fault(f"schema {schema} is not in the manifest's {task.file['schemas']}")
        registered = task.schemas.get(schema)
        if registered is None and task.book:
            outcome.fault(f"schema {schema} was never produced")
        elif task.book and json.loads(registered)["fields"] != file.value_fields:
            outcome.fault(f"its value columns are not the fields of schema {schema}")
        return records.frame(schema, b"", framing)


def schema_of(meta):
    """(as what the ledger knows a file's schema, framing)"""
    framing = meta["silt.framing"].decode()
    if framing == "confluent":
        return int(meta["silt.schema_id"]), framing
    return int(meta["silt.fingerprint"], 16) if framing == "single_object" else 0, framing


def nullable(value):
    """Avro's [null,bytes]"""
    return b"\0" if value is None else b"\2" + records.zigzag(len(value)) + value


def role_of_kind(kind):
    if kind == records.GOOD:
        return DATA_ROLE
    if kind == records.TOMBSTONE:
        return TOMBSTONE_ROLE
    return REJECTED_ROLE if kind >= records.BAD_BASE else None


# Worker processes are forked, so the ledgers are shared and not copied.
_worker = None


def _init_worker(store, books, lost):
    global _worker
    _worker = FileChecker(store.fresh(), books, lost)


def _run_slot(slot):
    return _worker.check_slot(slot)


# --- both readers and the books ------------------------------------------------------------------


class Checker:
    """One archive, its ledgers, one report."""

    def __init__(self, store, ledger_list, processes=2, strict_uploads=True, allow_lost=False):
        self.store = store
        self.ledgers = ledger_list
        for number, ledger in enumerate(ledger_list):
            ledger.number = number
        self.books = {
            (ledger.number, partition): ledger.by_offset(partition)
            for ledger in ledger_list
            for partition in range(len(ledger.entries))
        }
        self.lost = {
            (ledger.number, partition): ledger.lost.get(partition, {})
            for ledger in ledger_list
            for partition in range(len(ledger.entries))
        }
        self.seen = {where: bytearray(len(book[0])) for where, book in self.books.items()}
        self.processes = processes
        self.strict_uploads = strict_uploads
        self.allow_lost = allow_lost
        self.report = Report()
        self.bodies = {}
        self._listing = None

    def run(self):
        chains = self._read_chains()
        slots = [slot for chain in chains for slot in self._slots(chain)]
        tasks = [task for slot in slots for task in slot.tasks]
        self._check_listing({task.key for task in tasks})
        self._check_files(tasks, slots)
        for chain in chains:
            self._check_holes(chain)
        self._check_completeness()
        self._check_uploads(chains, tasks)
        return self.report

    def ledger_of(self, chain):
        """The ledger of a topic's incarnation; one that knows no topic id fits every one."""
        for ledger in self.ledgers:
            if ledger.topic == chain.topic and (ledger.topic_id or chain.tid)[:8] == chain.tid:
                return ledger
        return None

    def _read_chains(self):
        if self.store.get("_format.json")[0] is None:
            self.report.fault("_format.json is missing")
        keys = self.store.list("_log/")
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            self.bodies = dict(zip(keys, pool.map(lambda key: self.store.get(key)[0], keys)))
        chains = find_chains(keys, self.report)
        known = {}
        for chain in chains:
            ChainReader(chain, self.bodies, self.report).read()
            ledger = self.ledger_of(chain)
            twin = known.setdefault((ledger, chain.partition), chain) if ledger else chain
            if twin is not chain:
                self.report.fault(f"{chain} has two chains: {twin.tid} and {chain.tid}")
            if not ledger and chain.topic in {known.topic for known in self.ledgers}:
                self.report.fault(f"{chain} has a chain {chain.tid} that nobody produced")
        return chains

    def _slots(self, chain):
        ledger = self.ledger_of(chain)
        for manifest, superseded in zip(chain.manifests, chain.superseded()):
            files = [
                self._repaired(chain, manifest["seq"], index, file)
                for index, file in enumerate(manifest.get("files", ()))
            ]
            tasks = [Task(chain, manifest, file, ledger, superseded) for file in files if file]
            name = f"{chain} slot {manifest['seq']}"
            yield Slot(name, manifest.get("digest"), tasks, len(tasks) == len(files))

    def _repaired(self, chain, seq, index, file):
        """The file of the newest repair record, which counts only when the original is absent."""
        repairs = chain.repairs.get((seq, index))
        if not repairs or file["key"] in self.listing():
            return file
        k, key = max(repairs)
        record = json.loads(self.bodies[key])
        stated = tuple(record.get(name) for name in ("v", "kind", "topic", "partition", "seq"))
        if stated + (record.get("file"), record.get("k")) != (
            *(1, "repair", chain.topic, chain.partition, seq),
            *(index, k),
        ):
            self.report.fault(f"{key}: speaks of something else: {record}")
        if record["lost"]:
            self.report.count("lost", file["records"])
            if not self.allow_lost:
                self.report.fault(f"{chain} slot {seq} file {index}: declared lost")
            return None
        self.report.count("repaired")
        if record["with"]["records"] != file["records"]:
            self.report.fault(f"{key}: another number of records than the manifest's")
        return record["with"]

    def listing(self):
        if self._listing is None:
            self._listing = set(self.store.list("data/"))
        return self._listing

    def _check_listing(self, listed_in_manifests):
        """Reader L sees exactly what reader M knows."""
        for key in sorted(self.listing() - listed_in_manifests):
            self.report.fault(f"{key}: an object that no manifest lists")
        for key in sorted(listed_in_manifests - self.listing()):
            self.report.fault(f"{key}: listed by a manifest but absent")

    def _check_files(self, tasks, slots):
        if len({task.key for task in tasks}) != len(tasks):
            self.report.fault("two manifests list the same object")
        arguments = (self.store, self.books, self.lost)
        if self.processes < 2:
            _init_worker(*arguments)
            self._collect(map(_run_slot, slots))
            return
        context = multiprocessing.get_context("fork")
        with context.Pool(self.processes, _init_worker, arguments) as pool:
            self._collect(pool.imap_unordered(_run_slot, slots))

    def _collect(self, answers):
        for outcomes, proved in answers:
            self.report.count("digests", int(proved))
            self._collect_files(outcomes)

    def _collect_files(self, outcomes):
        names = {DATA_ROLE: "records", TOMBSTONE_ROLE: "tombstones", REJECTED_ROLE: "rejected"}
        for outcome in outcomes:
            for text in outcome.faults:
                self.report.fault(text)
            if outcome.missing:  # named already: a manifest lists it
                continue
            self.report.count("files")
            self.report.count("bytes", outcome.size)
            if outcome.role in names:
                self.report.count(names[outcome.role], len(outcome.offsets))
            else:
                self.report.fault(f"{outcome.key}: unknown role {outcome.role}")
            for (kind, reason), count in outcome.reasons.items():
                found = self.report.reasons.setdefault(kind, {})
                found[reason] = found.get(reason, 0) + count
            self._mark(outcome)

    def _mark(self, outcome):
        seen = self.seen.get(outcome.book)
        if seen is None:
            return
        end = len(seen)
        for offset in outcome.offsets:
            if offset >= outcome.superseded:
                self.report.count("superseded")
            elif offset < end:
                if seen[offset] < 255:
                    seen[offset] += 1
            else:
                self.report.fault(
                    f"{outcome.topic}/{outcome.partition} offset {offset}: "
                    "archived, but beyond everything that was produced"
                )

    def _check_holes(self, chain):
        """Nothing that was committed to Kafka may stand in a hole."""
        ledger = self.ledger_of(chain)
        book = self.books.get((ledger.number, chain.partition)) if ledger else None
        for manifest, superseded in zip(chain.manifests, chain.superseded()):
            for first, last in manifest.get("holes", ()):
                self.report.count("holes", last - first + 1)
                if not book:
                    continue
                for offset in range(first, min(last + 1, len(book[0]), superseded)):
                    if MUST_BE_SEEN[book[0][offset]]:
                        kind = records.kind_name(book[0][offset])
                        self.report.fault(
                            f"{chain} offset {offset}: in a hole of slot {manifest['seq']}, "
                            f"the ledger has {kind} there"
                        )
            for first, last in manifest.get("unreadable", ()):
                self.report.fault(
                    f"{chain} slot {manifest['seq']}: unreadable [{first},{last}]"
                )

    def _check_completeness(self):
        """Exactly once: what must be seen was seen one time, all else never."""
        for (number, partition), (kinds, _) in self.books.items():
            topic = self.ledgers[number].topic
            seen, wanted = self.seen[(number, partition)], kinds.translate(MUST_BE_SEEN)
            if seen == wanted:
                continue
            for offset, (times, once) in enumerate(zip(seen, wanted)):
                if times != once:
                    what = "is missing" if times < once else f"is archived {times} times"
                    self.report.fault(
                        f"{topic}/{partition} offset {offset}: "
                        f"{records.kind_name(kinds[offset])} record {what}"
                    )

    def _check_uploads(self, chains, tasks):
        """An unfinished upload may only belong to a slot that is not decided yet."""
        tails = {(c.tid, c.partition): max(c.slots, default=-1) for c in chains}
        promised = {task.file.get("upload") for task in tasks}
        for key, upload in self.store.uploads():
            self.report.count("unfinished_uploads")
            match = DATA_KEY.fullmatch(key)
            if upload in promised:
                self.report.fault(f"{key}: a manifest lists this upload, which is not completed")
            elif not match:
                self.report.fault(f"{key}: an unfinished upload that is no data file")
            elif self.strict_uploads:
                seq = int(match["seq"])
                if seq <= tails.get((match["tid"], int(match["partition"])), -1):
                    self.report.fault(f"{key}: upload left over although slot {seq} is decided")


def check(root, ledger_list, endpoint=None, access_key=None, secret_key=None, **options):
    """The report on an archive root. Options: processes, strict_uploads, allow_lost."""
    store = stores.open_store(root, endpoint, access_key, secret_key)
    return Checker(store, ledger_list, **options).run()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("ledger", nargs="+", help="folder that ledger.py wrote")
    parser.add_argument("--root", required=True, help="s3://bucket/prefix or file:///dir")
    parser.add_argument("--endpoint", help="of the S3 server")
    parser.add_argument("--access-key", default="testkey")
    parser.add_argument("--secret-key", default="testsecret")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--allow-orphans",
        action="store_true",
        help="uploads that a killed worker left behind for decided slots are counted, not faults",
    )
    options = parser.parse_args()
    started = time.monotonic()
    report = check(
        options.root,
        list(map(ledgers.Ledger.load, options.ledger)),
        options.endpoint,
        options.access_key,
        options.secret_key,
        processes=options.processes,
        strict_uploads=not options.allow_orphans,
    )
    summary = {**report.summary(), "seconds": round(time.monotonic() - started, 1)}
    json.dump(summary, sys.stdout, indent=2, ensure_ascii=False)
    print()
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
