"""What all tests share: where the real data is, and small shops made on the spot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets; skips when HEMLINE_TEST_DATA does not name one."""
    folder = os.environ.get("HEMLINE_TEST_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("real data: HEMLINE_TEST_DATA does not name a folder")
    return Path(folder).resolve()


# the first call of a compiled kernel takes seconds, and machines are noisy: no deadlines
settings.register_profile("hemline", deadline=None, derandomize=True)
settings.load_profile("hemline")
