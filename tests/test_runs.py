from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hemline.config import Config
from hemline.errors import RunError
from hemline.runs import RunFolder, StageRecord, code_version, fingerprint


def new_run(path: Path) -> RunFolder:
    return RunFolder.create(path, Config(), {"fingerprint": "a", "images": None, "vectors": None})


def publish(run: RunFolder, name: str, text: str = "x", digest: str = "") -> StageRecord:
    record = StageRecord(name, digest or fingerprint(name, text), 1.0, 1, {"rows": 1})
    work = run.work_folder(name, record.fingerprint)
    (work / "file").write_text(text)
    run.publish(record, work)
    return record


def test_a_stage_is_current_when_it_is_promoted_and_not_before(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    record = publish(run, "ingest")
    assert RunFolder.open(run.path).record("ingest") is None
    assert run.found_on_disk("ingest", record.fingerprint) == record
    run.promote({"ingest": record}, Config(k=3), run.source)
    back = RunFolder.open(run.path)
    assert back.record("ingest") == record
    assert (back.folder("ingest") / "file").read_text() == "x"
    assert back.config.k == 3


def test_clean_keeps_the_current_stages_alone(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    old, new = publish(run, "ingest", "old"), publish(run, "ingest", "new")
    run.promote({"ingest": new}, Config(), run.source)
    run.clean()
    assert run.found_on_disk("ingest", old.fingerprint) is None
    assert run.found_on_disk("ingest", new.fingerprint) == new


def test_half_a_stage_is_no_stage(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    digest = fingerprint("ingest")
    folder = run.path / "stages" / f"ingest-{digest[:12]}"
    folder.mkdir(parents=True)
    assert run.found_on_disk("ingest", digest) is None
    (folder / "stage.json").write_text("{")
    assert run.found_on_disk("ingest", digest) is None
    assert publish(run, "ingest", digest=digest).fingerprint == digest
    assert run.found_on_disk("ingest", digest) is not None


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no run\.json"):
        RunFolder.open(tmp_path)
    with pytest.raises(RunError, match="no stage 'train'") as raised:
        new_run(tmp_path / "run").folder("train")
    assert "hemline run" in raised.value.hint
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").touch()
    with pytest.raises(RunError, match="not empty"):
        new_run(tmp_path / "other")
    with pytest.raises(RunError, match="is a file"):
        new_run(tmp_path / "other" / "letter.txt")
    (tmp_path / "run" / "run.json").write_text('{"format": 99}')
    with pytest.raises(RunError, match="format 99"):
        RunFolder.open(tmp_path / "run")


def test_two_processes_cannot_write_one_run(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    script = (
        "import sys; from hemline.runs import RunFolder\n"
        "with RunFolder.open(sys.argv[1]).locked(): print('held')"
    )
    command = [sys.executable, "-c", script, str(run.path)]
    with run.locked():
        other = subprocess.run(command, capture_output=True, text=True, check=False)
    assert other.returncode
    assert "another process" in other.stderr
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "held\n"


def test_code_version_follows_the_sources() -> None:
    assert code_version("runs.py") != code_version("errors.py")
    assert code_version("shop") == code_version("shop")
