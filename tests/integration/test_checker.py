"""The checker itself: a right archive passes, and each way of being wrong is named."""

import copy

import pytest

import checker
import records
from fake_archive import FakeArchive


@pytest.fixture(name="archive")
def fixture_archive(tmp_path):
    return FakeArchive(tmp_path / "archive")


def faults_of(archive, uploads=()):
    class Store(checker.stores.DirStore):
        def uploads(self):
            return list(uploads)

    store = Store(archive.folder)
    return checker.Checker(store, [archive.ledger], processes=1).run().faults


def first(archive, kind, slot=1):
    return next(row for row in archive.plan[slot].rows if row.kind == kind)


def named(faults, *words):
    assert faults, "the checker found nothing"
    assert any(all(str(w) in fault for w in words) for fault in faults), "\n".join(faults)


def test_a_right_archive_is_clean(archive):
    archive.write()
    assert faults_of(archive) == []


def test_numbers_of_a_right_archive(archive):
    archive.write()
    store = checker.stores.DirStore(archive.folder)
    summary = checker.Checker(store, [archive.ledger], processes=2).run().summary()
    total = sum(len(slot.rows) for slot in archive.plan)
    held = summary["records"] + summary["tombstones"] + summary["rejected"]
    assert (summary["verdict"], held, summary["holes"]) == ("clean", total, 8)
    assert len(summary["reasons"]) >= 8, "broken values of eight kinds at least"


def test_a_lost_record_is_named(archive):
    row = first(archive, records.GOOD)
    archive.plan[1].rows.remove(row)
    archive.write()
    faults = faults_of(archive)
    named(faults, f"offset {row.offset}", "is missing")
    named(faults, "slot 1", "is not the 40 offsets")


def test_a_record_hidden_in_a_hole_is_named(archive):
    row = first(archive, records.GOOD)
    archive.plan[1].rows.remove(row)
    archive.plan[1].holes.insert(0, [row.offset, row.offset])
    archive.write()
    named(faults_of(archive), f"offset {row.offset}", "in a hole")


def test_a_lost_tombstone_is_named(archive):
    row = first(archive, records.TOMBSTONE)
    archive.plan[1].rows.remove(row)
    archive.plan[1].holes.insert(0, [row.offset, row.offset])
    archive.write()
    named(faults_of(archive), f"offset {row.offset}", "tombstone record is missing")


def test_a_record_archived_twice_is_named(archive):
    row = first(archive, records.GOOD)
    archive.plan[2].rows.insert(0, row)
    archive.write()
    named(faults_of(archive), f"offset {row.offset}", "2 times")


def test_a_window_written_twice_is_named(archive):
    archive.plan.insert(2, copy.deepcopy(archive.plan[1]))
    archive.write()
    faults = faults_of(archive)
    named(faults, "slot 2", "overlaps")
    named(faults, f"offset {archive.plan[1].start}", "2 times")


def test_an_aborted_record_in_a_file_is_named(archive):
    slot = archive.plan[1]
    offset = slot.next - 2
    row = copy.copy(slot.rows[0])
    row.offset = offset
    slot.rows.append(row)
    slot.holes = [[slot.next - 1, slot.next - 1]]
    archive.write()
    faults = faults_of(archive)
    named(faults, f"offset {offset}", "aborted")


def test_a_changed_value_is_named_though_all_checksums_fit(archive):
    row = first(archive, records.GOOD)
    row.datum = {**row.datum, "value": row.datum["value"] + 1}
    archive.write()
    named(faults_of(archive), f"offset {row.offset}", "differ")


def test_a_changed_rejected_value_is_named(archive):
    row = next(row for row in archive.plan[1].rows if row.kind >= records.BAD_BASE)
    row.wire += b"\0"
    archive.write()
    named(faults_of(archive), f"offset {row.offset}", "differ")


@pytest.mark.parametrize("field", ["key", "timestamp", "headers"])
def test_changed_metadata_is_named(archive, field):
    row = first(archive, records.GOOD)
    changed = {"key": b"another", "timestamp": row.timestamp + 1, "headers": [("n", b"")]}
    setattr(row, field, changed[field])
    archive.write()
    named(faults_of(archive), f"offset {row.offset}", "differ")


def test_a_good_record_among_the_rejects_is_named(archive):
    row = first(archive, records.GOOD)
    row.role = "rejected"
    archive.write()
    named(faults_of(archive), f"offset {row.offset}", "rejected file; the ledger has good")


def test_records_out_of_order_are_named(archive):
    rows = archive.plan[1].rows
    rows[0], rows[1] = rows[1], rows[0]
    archive.write()
    named(faults_of(archive), f"offset {rows[1].offset}", "stands behind")


def test_a_flipped_byte_is_named(archive):
    archive.write()
    path = archive.objects()[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    faults = faults_of(archive)
    named(faults, path.name, "sha256")
    named(faults, path.name, "crc32c of part 1")


def test_a_shortened_object_is_named(archive):
    archive.write()
    path = archive.objects()[0]
    path.write_bytes(path.read_bytes()[:-1])
    named(faults_of(archive), path.name, "size is")


def test_a_missing_object_is_named(archive):
    archive.write()
    path = archive.objects()[0]
    path.unlink()
    named(faults_of(archive), path.name, "absent")


def test_an_unlisted_object_is_named(archive):
    archive.write()
    path = archive.objects()[0]
    path.with_name(path.name.replace("-o", "-o9")).write_bytes(path.read_bytes())
    named(faults_of(archive), "no manifest lists")


def test_a_missing_manifest_is_named(archive):
    archive.write()
    archive.slot_path(1).unlink()
    named(faults_of(archive), "fake/3 slot 1", "missing")


def test_a_missing_tail_is_named(archive):
    archive.write()
    archive.slot_path(3).unlink()
    for path in archive.objects():
        if "-s0000000000000003-" in path.name:
            path.unlink()
    named(faults_of(archive), f"offset {archive.plan[3].start}", "is missing")


def test_a_changed_manifest_breaks_the_link(archive):
    archive.write()
    manifest = archive.manifest(1)
    manifest["archive"] = "another"
    archive.put_manifest(1, manifest)
    named(faults_of(archive), "slot 2", "prev is")


def test_a_gap_between_windows_is_named(archive):
    archive.write()
    manifest = archive.manifest(2)
    manifest["start"] += 1
    manifest["records"] -= 1
    archive.put_manifest(2, manifest)
    archive.relink()
    named(faults_of(archive), "slot 2", "leaves a gap")


@pytest.mark.parametrize("field", ["records", "rejected"])
def test_wrong_counts_are_named(archive, field):
    archive.write()
    manifest = archive.manifest(2)
    manifest[field] += 1
    archive.put_manifest(2, manifest)
    archive.relink()
    named(faults_of(archive), "slot 2", "is not the 40 offsets")


def test_a_wrong_digest_is_named(archive):
    archive.write()
    manifest = archive.manifest(2)
    manifest["digest"] = "0" * 32
    archive.put_manifest(2, manifest)
    archive.relink()
    named(faults_of(archive), "slot 2", "digest")


def test_two_files_of_one_bucket_and_schema_are_named(archive):
    archive.write()
    manifest = archive.manifest(2)
    manifest["files"].append(manifest["files"][0])
    archive.put_manifest(2, manifest)
    archive.relink()
    named(faults_of(archive), "slot 2", "2 files of the same kind: data")


def test_records_that_an_unclean_election_took_are_in_their_lineage(archive):
    archive.truncate(100)
    archive.truncate(130)
    archive.write()
    assert faults_of(archive) == []


def test_a_superseded_record_that_kafka_never_held_is_named(archive):
    row = first(archive, records.GOOD, slot=3)
    archive.truncate(100)
    row.key = b"another"
    archive.write()
    named(faults_of(archive), f"offset {row.offset}", "superseded")


def test_an_unclean_election_that_the_archive_does_not_know_is_named(archive):
    archive.truncate(100)
    archive.plan = archive.plan[:-2]
    archive.write()
    named(faults_of(archive), "is missing")


def write_repair(archive, lost):
    """File 0 of slot 2 is gone, and a record says what became of it."""
    archive.write()
    file = archive.manifest(2)["files"][0]
    record = {"v": 1, "kind": "repair", "topic": "fake", "partition": 3, "seq": 2, "file": 0}
    record |= {"k": 1, "lost": lost}
    path = archive.folder / file["key"]
    if lost:
        path.unlink()
    else:
        record["with"] = {**file, "key": file["key"].replace("-s0000000000000002", "-s0000000000000002f0r1")}
        path.rename(archive.folder / record["with"]["key"])
    archive.slot_path(2).with_suffix(".f0.r1.json").write_text(checker.json.dumps(record))


def test_a_repaired_file_takes_the_place_of_the_first(archive):
    write_repair(archive, lost=False)
    assert faults_of(archive) == []


def test_a_file_that_is_lost_for_good_is_named(archive):
    write_repair(archive, lost=True)
    named(faults_of(archive), "slot 2 file 0", "declared lost")


def test_a_topic_made_again_needs_a_ledger_of_its_own(archive):
    archive.write()
    archive.ledger.topic_id = "0" * 32
    named(faults_of(archive), "that nobody produced")


def test_a_listed_upload_that_is_not_complete_is_named(archive):
    archive.write()
    key = archive.manifest(3)["files"][0]["key"]
    named(faults_of(archive, [(key, "u")]), "not completed")


def test_a_leftover_upload_of_a_decided_slot_is_named(archive):
    archive.write()
    key = archive.manifest(3)["files"][0]["key"]
    named(faults_of(archive, [(key, "stranger")]), "slot 3 is decided")


def test_an_upload_of_a_slot_to_come_is_fine(archive):
    archive.write()
    key = archive.manifest(3)["files"][0]["key"].replace("-s0000000000000003", "-s0000000000000004")
    assert faults_of(archive, [(key, "stranger")]) == []
