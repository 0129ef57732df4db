from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from hemline.errors import ConfigError, DataError, HemlineError, MissingExtraError
from hemline.photos import embed as module
from hemline.photos import process
from hemline.photos.base import photo_path
from hemline.photos.descriptor import DescriptorEmbedder
from hemline.photos.embed import EmbedReport, embed_photos, embed_with

from .conftest import draw

Shop = Callable[[int], tuple[Path, list[str]]]


class Means:
    """The mean colour less grey; a photo of grey 128 gives zeros, one of white nonsense."""

    name = "means:1"
    dimension = 3

    def __init__(self) -> None:
        self.seen = 0

    def preprocess(self, photo: Image.Image) -> np.ndarray:
        self.seen += 1
        return np.asarray(photo, dtype=np.float32).mean(axis=(0, 1))

    def embed(self, batch: np.ndarray) -> np.ndarray:
        vectors = batch - np.float32(128)
        vectors[batch.min(axis=1) == 255] = np.nan
        return vectors


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 8)


def content(folder: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in sorted(folder.iterdir())}


def missing(out: Path) -> list[tuple[str, int, str]]:
    rows = pq.read_table(out / "missing_photos.parquet").to_pylist()
    return [(row["article_id"], row["position"], row["reason"]) for row in rows]


def test_vectors_of_all_photos_in_order(shop_photos: Shop, tmp_path: Path) -> None:
    images, ids = shop_photos(21)
    seen: list[tuple[int, int]] = []
    report = embed_photos(
        images,
        ids,
        "descriptor",
        {},
        tmp_path / "out",
        work=tmp_path / "work",
        batch=4,
        threads=2,
        progress=lambda done, total: seen.append((done, total)),
    )
    vectors = np.load(tmp_path / "out" / "vectors.npy")
    embedder = DescriptorEmbedder({})
    assert vectors.dtype == np.float32
    for row, one in enumerate(ids):
        want = embedder.preprocess(Image.open(photo_path(images, one)))
        assert vectors[row].tobytes() == want.tobytes()
    assert np.load(tmp_path / "out" / "positions.npy").tolist() == list(range(21))
    assert seen[0] == (0, 21)
    assert seen[-1] == (21, 21)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert json.loads((tmp_path / "out" / "photos.json").read_text()) == report.summary()
    assert report == EmbedReport("descriptor:1", 352, 21, 21, 21)


def test_unusable_photos_are_listed_and_skipped(shop_photos: Shop, tmp_path: Path) -> None:
    images, ids = shop_photos(20)
    photo_path(images, ids[0]).write_bytes(b"")
    photo_path(images, ids[3]).unlink()
    torn = photo_path(images, ids[5])
    torn.write_bytes(torn.read_bytes()[:400])
    for place, grey in ((7, 128), (12, 255)):
        Image.new("RGB", (9, 9), (grey,) * 3).save(photo_path(images, ids[place]))
    for place in (16, 17, 18, 19):  # a batch without one usable photo
        photo_path(images, ids[place]).write_text("no photo")
    report = embed_with(
        Means(), images, ids, tmp_path / "out", work=tmp_path / "work", batch=4, threads=2
    )
    want = [(0, "unreadable"), (3, "no photo"), (5, "unreadable"), (7, "zero vector")]
    want += [(12, "not finite"), *((place, "unreadable") for place in (16, 17, 18, 19))]
    assert missing(tmp_path / "out") == [(ids[place], place, reason) for place, reason in want]
    positions = np.load(tmp_path / "out" / "positions.npy")
    vectors = np.load(tmp_path / "out" / "vectors.npy")
    np.testing.assert_array_equal(positions, np.delete(np.arange(20), [row for row, _ in want]))
    assert np.isfinite(vectors).all()
    assert vectors.any(axis=1).all()
    for place, vector in zip(positions.tolist(), vectors, strict=True):
        pixels = np.asarray(Image.open(photo_path(images, ids[place])), dtype=np.float32)
        np.testing.assert_array_equal(vector, pixels.mean(axis=(0, 1)) - 128)
    assert (report.photos, report.vectors) == (19, 11)
    assert report.missing == {"unreadable": 6, "no photo": 1, "zero vector": 1, "not finite": 1}


def test_threads_change_nothing(shop_photos: Shop, tmp_path: Path) -> None:
    images, ids = shop_photos(30)
    photo_path(images, ids[11]).write_bytes(b"")
    made = []
    for threads in (1, 2, 5):
        out, work = tmp_path / f"out{threads}", tmp_path / f"work{threads}"
        embed_photos(images, ids, "descriptor", {}, out, work=work, batch=3, threads=threads)
        made.append(content(out))
    assert made[0] == made[1] == made[2]


def test_only_what_changed_is_computed_again(shop_photos: Shop, tmp_path: Path) -> None:
    images, ids = shop_photos(20)  # chunks of 8, 8 and 4

    def seen(batch: int = 4) -> tuple[int, int]:
        embedder = Means()
        report = embed_with(
            embedder, images, ids, tmp_path / "out", work=tmp_path / "work", batch=batch, threads=2
        )
        return embedder.seen, report.resumed

    assert seen() == (20, 0)
    assert seen() == (0, 20)
    draw(99, (44, 60)).save(photo_path(images, ids[9]))
    assert seen() == (8, 12)
    assert seen(batch=2) == (20, 0)
    assert len(list((tmp_path / "work").iterdir())) == 3  # the earlier ones are gone


SLOW = """
import sys, time
from pathlib import Path
from hemline.photos import embed
from hemline.photos.descriptor import DescriptorEmbedder
embed.CHUNK = 8
class Slow(DescriptorEmbedder):
    def preprocess(self, photo):
        if len(list(Path(work).glob("*.npz"))) >= 3:
            time.sleep(600)  # until it is killed
        return super().preprocess(photo)
images, out, work, *ids = sys.argv[1:]
embed.embed_with(Slow({}), Path(images), ids, Path(out), work=Path(work), batch=4, threads=2)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_at_any_instant_it_goes_on_to_the_same_bytes(
    shop_photos: Shop, tmp_path: Path
) -> None:
    images, ids = shop_photos(64)
    photo_path(images, ids[1]).write_bytes(b"torn")
    out, work = tmp_path / "out", tmp_path / "work"
    command = [sys.executable, "-P", "-c", SLOW, str(images), str(out), str(work), *ids]
    with subprocess.Popen(command) as child:
        deadline = time.monotonic() + 30
        while len(list(work.glob("*.npz"))) < 3 and time.monotonic() < deadline:
            time.sleep(0.005)
        os.kill(child.pid, signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    assert not out.exists()
    done = len(list(work.glob("*.npz")))
    assert 3 <= done < 8
    (work / "00000056-torn.npz.123").write_bytes(b"half")  # as if killed while writing

    class Counted(DescriptorEmbedder):
        seen = 0

        def preprocess(self, photo: Image.Image) -> np.ndarray:
            Counted.seen += 1
            return super().preprocess(photo)

    report = embed_with(Counted({}), images, ids, out, work=work, batch=4, threads=2)
    assert report.resumed == 8 * done
    assert Counted.seen == 64 - 8 * done
    plain = tmp_path / "plain"
    embed_photos(images, ids, "descriptor", {}, plain, work=tmp_path / "w", batch=4, threads=1)
    assert content(out) == content(plain)
    assert not (work / "00000056-torn.npz.123").exists()


def test_no_folder_and_no_photo_are_refused(shop_photos: Shop, tmp_path: Path) -> None:
    images, _ = shop_photos(2)
    for folder, message in ((tmp_path / "none", "no such folder"), (images, "none of the 1")):
        with pytest.raises(DataError, match=message) as caught:
            embed_photos(folder, ["5"], "descriptor", {}, tmp_path / "o", work=tmp_path / "w")
        assert caught.value.hint


def test_all_photos_unreadable_gives_an_empty_file(shop_photos: Shop, tmp_path: Path) -> None:
    images, ids = shop_photos(3)
    for one in ids:
        photo_path(images, one).write_bytes(b"")
    report = embed_photos(images, ids, "descriptor", {}, tmp_path / "o", work=tmp_path / "w")
    assert report.vectors == 0
    assert np.load(tmp_path / "o" / "vectors.npy").shape == (0, 352)


# ---- the process of its own, here without torch

Answer = tuple[EmbedReport, list[tuple[int, int]]]


def in_process(images: Path, ids: list[str], tmp_path: Path, spec: str) -> Answer:
    seen: list[tuple[int, int]] = []
    report = process.embed_in_process(
        images,
        ids,
        spec,
        {},
        tmp_path / "out",
        tmp_path / "work",
        4,
        2,
        lambda done, total: seen.append((done, total)),
    )
    return report, seen


def test_the_other_process_does_the_same_and_tells_its_progress(
    shop_photos: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, ids = shop_photos(21)
    # a folder of our name in the current directory is not taken for us
    (tmp_path / "hemline").mkdir()
    (tmp_path / "hemline" / "__init__.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    report, seen = in_process(Path("images"), ids, tmp_path, "descriptor")
    assert seen == [(0, 21), *((done, 21) for done in (4, 8, 12, 16, 20, 21))]
    here = embed_photos(
        images, ids, "descriptor", {}, tmp_path / "here", work=tmp_path / "w", batch=4
    )
    assert report == here
    assert content(tmp_path / "out") == content(tmp_path / "here")


def test_errors_of_the_other_process_arrive_whole(shop_photos: Shop, tmp_path: Path) -> None:
    images, ids = shop_photos(2)
    with pytest.raises(ConfigError, match="no such embedder") as config:
        in_process(images, ids, tmp_path, "resnet")
    assert "descriptor" in config.value.hint
    told = {"kind": "MissingExtraError", "message": "needs keras", "hint": "pip install"}
    error = process._error(told)
    assert isinstance(error, MissingExtraError)
    assert (str(error), error.hint, error.exit_status) == ("needs keras", "pip install", 7)


def test_a_process_that_dies_is_told_with_its_last_words(
    shop_photos: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, ids = shop_photos(2)
    monkeypatch.setattr(process, "__name__", "hemline.photos.no_such_module")
    with pytest.raises(HemlineError, match=r"(?s)status 1.*no_such_module") as caught:
        in_process(images, ids, tmp_path, "descriptor")
    assert "memory" in caught.value.hint
