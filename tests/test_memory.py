"""What is mapped from a file is given back, and reads the same afterwards."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
import pytest

from hemline.memory import peak_bytes, release

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists() or not hasattr(mmap, "MADV_DONTNEED"),
    reason="resident pages are counted by Linux",
)


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


@pytest.fixture
def mapped(tmp_path: Path) -> np.ndarray:
    np.save(tmp_path / "x.npy", np.arange(4 << 20))
    return np.load(tmp_path / "x.npy", mmap_mode="r")


def test_what_was_read_is_given_back(mapped: np.ndarray) -> None:
    before = resident()
    total = int(mapped.sum())
    read = resident()
    assert read - before > 24 << 20
    release(mapped)
    assert read - resident() > 24 << 20
    assert int(mapped.sum()) == total == sum(range(0, 4 << 20))


def test_a_part_is_given_back_through_views(mapped: np.ndarray) -> None:
    int(mapped.sum())
    read = resident()
    release(np.ascontiguousarray(mapped[1000:])[1 << 20 : 3 << 20])
    freed = read - resident()
    assert 15 << 20 < freed < 20 << 20
    assert mapped[1 << 21] == 1 << 21


def test_memory_of_its_own_is_left_alone(tmp_path: Path) -> None:
    own = np.arange(1 << 20)
    release(own, own[5:], np.zeros(0), np.float32(1).reshape(1))
    assert own[-1] == (1 << 20) - 1
    np.save(tmp_path / "x.npy", own)
    private = np.load(tmp_path / "x.npy", mmap_mode="c")
    private[:] = 7  # in no file: letting go of it would bring the file's back
    release(private)
    assert (private == 7).all()


def test_peak_is_at_least_what_is_resident() -> None:
    assert peak_bytes() >= resident() * 0.9
