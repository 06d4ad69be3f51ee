"""The scenarios of ./dev pressure, small: memory stays within bounds and the archive is right."""

import pathlib
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "pressure"))

import scenarios  # noqa: E402  pylint: disable=wrong-import-position


@pytest.mark.parametrize(
    ("name", "scale"), [("many", 0.04), ("slow", 0.05), ("bombs", 0.1), ("huge", 0.1), ("times", 0.05)]
)
def test_memory_is_bounded_and_nothing_is_lost(servers, silt_bin, tmp_path, name, scale):
    figures = scenarios.ALL[name](scenarios.Stage(servers, silt_bin, tmp_path), scale)
    print(figures.line())
    assert not figures.wrong
