"""The archive of a run, seen past the proxy: where its chains end, and whether reader M is content."""

import json
import time

import botocore.exceptions

import checker


class Archive:
    """Manifests never change, so each is read once."""

    def __init__(self, store):
        self.store = store
        self.bodies = {}
        self.clusters = []

    def body(self, key):
        if key not in self.bodies:
            self.bodies[key] = self.store.get(key)[0]
        return self.bodies[key]

    def newest(self, topic, topic_id):
        """partition -> the newest manifest of one incarnation of a topic"""
        if not self.clusters:
            self.clusters = sorted({key.split("/")[1] for key in self.store.list("_log/")})
        newest = {}
        for cluster in self.clusters:
            for key in self.store.list(f"_log/{cluster}/{topic}~{topic_id[:8]}/"):
                match = checker.SLOT_KEY.fullmatch(key)
                if match and match["file"] is None:
                    newest[int(match["partition"])] = key  # sorted: the last one wins
        return {p: json.loads(self.body(key)) for p, key in newest.items()}

    def tails(self, topic, topic_id):
        return {p: manifest["next"] for p, manifest in self.newest(topic, topic_id).items()}

    def settled_tails(self, topic, topic_id):
        """Once nothing is under way any more: a commit may outlive its worker in the proxy."""
        before, after = None, self.tails(topic, topic_id)
        while before != after:
            time.sleep(1.5)
            before, after = after, self.tails(topic, topic_id)
        return after

    def behind(self, ledger):
        """partition -> (archived, wanted) where something that must be archived is not yet"""
        tails, behind = self.tails(ledger.topic, ledger.topic_id), {}
        for partition in range(len(ledger.entries)):
            kinds, _ = ledger.by_offset(partition)
            wanted = kinds.translate(checker.MUST_BE_SEEN).rfind(1) + 1
            if tails.get(partition, 0) < wanted:
                behind[partition] = (tails.get(partition, 0), wanted)
        return behind

    def await_archived(self, ledger, seconds):
        deadline = time.monotonic() + seconds
        while self.behind(ledger):
            if time.monotonic() > deadline:
                return False
            time.sleep(1)
        return True

    def abort_staged(self, topic, topic_id, rng):
        """Aborts one or two uploads that a manifest lists; [] when none is staged."""
        for manifest in self.newest(topic, topic_id).values():
            files = [f for f in manifest.get("files", ()) if self.store.get(f["key"])[0] is None]
            rng.shuffle(files)
            aborted = [f["key"] for f in files[: rng.randint(1, 2)] if self._abort(f)]
            if aborted:
                return aborted
        return []

    def _abort(self, file):
        try:
            self.store.client.abort_multipart_upload(
                Bucket=self.store.bucket, Key=self.store.prefix + file["key"], UploadId=file["upload"]
            )
            return True
        except botocore.exceptions.ClientError:
            return False  # completed meanwhile, or gone before

    def look(self):
        """Reader M over what is there now: faults, and the number of manifests.

        The newest slot of a chain may have files to come (rule R4); all others are whole.
        """
        report = checker.Report(show=20)
        keys = self.store.list("_log/")
        for key in keys:
            self.body(key)
        chains, present = checker.find_chains(keys, report), set(self.store.list("data/"))
        for chain in chains:
            checker.ChainReader(chain, self.bodies, report).read()
            for manifest in chain.manifests[:-1]:
                for index, file in enumerate(manifest.get("files", ())):
                    repaired = (manifest["seq"], index) in chain.repairs
                    if file["key"] not in present and not repaired:
                        report.fault(f"{chain} slot {manifest['seq']}: {file['key']} is absent")
        return report

    def gaps(self):
        """Every gap slot: (topic, partition, start, next)"""
        found = []
        for body in self.bodies.values():
            manifest = json.loads(body)
            if manifest["kind"] == "gap":
                found.append(tuple(manifest[name] for name in ("topic", "partition", "start", "next")))
        return sorted(found)

    def leftovers(self):
        """Unfinished uploads of slots that are decided."""
        tails, left = {}, []
        for key in self.store.list("_log/"):
            match = checker.SLOT_KEY.fullmatch(key)
            where = (match["tid"], match["partition"])
            tails[where] = max(tails.get(where, -1), int(match["seq"]))
        for key, _ in self.store.uploads():
            match = checker.DATA_KEY.fullmatch(key)
            where = (match["tid"], match["partition"]) if match else None
            if int(match["seq"]) <= tails.get(where, -1) if match else True:
                left.append(key)
        return left
