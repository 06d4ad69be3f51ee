"""A sample of tests/fuzz/differential/run: the walker and schema resolution beside fastavro, SigV4
beside botocore."""

import pathlib
import sys

import conftest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fuzz/differential"))

# pylint: disable=wrong-import-position
import avro_pairs  # noqa: E402
import readers  # noqa: E402
import resolutions  # noqa: E402
import signatures  # noqa: E402


def program(silt_bin, name):
    """Built beside silt."""
    path = silt_bin.parent / name
    if not path.exists():
        conftest.absent(f"{path} is not there; ./dev build makes it")
    return path


def test_the_walker_and_fastavro_agree(silt_bin, tmp_path):
    batches = list(avro_pairs.pairs(seed=7, data_n=6000))
    avro_pairs.write(tmp_path / "pairs", batches)
    comparison = readers.Comparison()
    comparison.add(batches, readers.walker(program(silt_bin, "differ_walk"), tmp_path / "pairs"),
                   {"fastavro": readers.fastavro_verdicts(batches)})
    assert comparison.unexplained == []
    assert 1000 < comparison.valid < 5000


def test_fastavro_reads_what_is_called_readable(silt_bin):
    pairs = resolutions.pairs(seed=7, n=1000)
    verdicts = resolutions.ours(program(silt_bin, "differ_resolve"), pairs)
    assert 300 < verdicts.count("readable") < 800
    assert resolutions.fastavro_fails(7, pairs, verdicts) == []


def test_sigv4_and_botocore_agree(silt_bin):
    assert signatures.compare(program(silt_bin, "differ_sigv4"), seed=7, n=2000) == []
