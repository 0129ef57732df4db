"""Killed at any instant, a run resumes, and gives the same result."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.conftest import SETTINGS

import hemline
from hemline.runs import STAGES, RunFolder

DRIVER = """
import os, signal, sys
import hemline
from hemline.pipeline import Silent
from hemline.runs import RunFolder

shop, out, stage, moment, settings = *sys.argv[1:5], eval(sys.argv[5])

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class Killer(Silent):
    at = None
    def started(self, name):
        self.at = name
        if name == stage and moment == "start":
            die()
    def progress(self, done, total):
        if self.at == stage and moment == "midway":
            die()

publish = RunFolder.publish
def publish_and_die(run, record, work):
    if record.name == stage and moment == "before":
        die()
    publish(run, record, work)
    if record.name == stage and moment == "after":
        die()
RunFolder.publish = publish_and_die

hemline.run(shop, out, settings=settings, listener=Killer())
"""


def digest(run: Path) -> str:
    return hashlib.sha256((run / "recommendations.parquet").read_bytes()).hexdigest()


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_killed_in_a_stage_resumes_to_the_same_result(
    stage: str, finished: hemline.Recommender, simulated_shop: Path, tmp_path: Path
) -> None:
    for moment in ("midway", "before", "after"):
        command = [sys.executable, "-c", DRIVER, str(simulated_shop), str(tmp_path / "run")]
        ended = subprocess.run(
            [*command, stage, moment, repr(SETTINGS)], check=False, capture_output=True, text=True
        )
        # a stage may finish without telling of its progress; killed before and after it must be
        if moment != "midway" or ended.returncode:
            assert ended.returncode == -signal.SIGKILL, ended.stderr
        if (tmp_path / "run" / "run.json").exists():
            RunFolder.open(tmp_path / "run")
    resumed = hemline.run(simulated_shop, tmp_path / "run", settings=SETTINGS)
    assert digest(tmp_path / "run") == digest(finished.run.path)
    assert not (tmp_path / "run" / "work").exists()
    for name in STAGES:
        assert resumed.run.record(name).fingerprint == finished.run.record(name).fingerprint


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_same_bytes_at_any_number_of_threads(
    threads: int, finished: hemline.Recommender, simulated_shop: Path, tmp_path: Path
) -> None:
    hemline.run(simulated_shop, tmp_path / "run", settings={**SETTINGS, "threads": threads})
    assert digest(tmp_path / "run") == digest(finished.run.path)


def test_another_seed_changes_the_result(
    finished: hemline.Recommender, simulated_shop: Path, tmp_path: Path
) -> None:
    hemline.run(simulated_shop, tmp_path / "run", settings={**SETTINGS, "seed": 2})
    assert digest(tmp_path / "run") != digest(finished.run.path)
