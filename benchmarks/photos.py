"""Photos into vectors: photos a second, peak memory, and whether neighbours are alike.

    python benchmarks/photos.py --data DIR

DIR holds `hm-sample` (articles.csv, images) and `weights/squeezenet11_gap512.onnx`. For
every photo the 10 nearest by centred cosine are found in float64, and the share of them
with the same product type, department, index and colour is counted.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hemline.photos.embed import embed_photos
from record import measure_step, peak_bytes, record

ATTRIBUTES = {
    "product type": "product_type_no",
    "department": "department_no",
    "index": "index_code",
    "colour": "colour_group_code",
}
AS_PUBLISHED = {"product type": 0.51, "department": 0.24, "index": 0.45, "colour": 0.32}
"""SqueezeNet's shares that came with the data, over 8,000 photos where we have 5,170."""

NEIGHBOURS = 10
LEAST_PHOTOS_PER_SECOND = 300


def embedders(data: Path) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return the embedders that are measured: spec and preprocessing."""
    squeezenet = {
        "size": 224,
        "channels": "BGR",
        "mean": [103.939, 116.779, 123.68],
        "layout": "NCHW",
    }
    return {
        "descriptor": ("descriptor", {}),
        "squeezenet": (f"onnx:{data / 'weights' / 'squeezenet11_gap512.onnx'}", squeezenet),
    }


def read_ids(data: Path) -> list[str]:
    """Return the ids of all articles, ascending."""
    with (data / "hm-sample" / "articles.csv").open(newline="", encoding="utf-8") as file:
        return sorted(row["article_id"] for row in csv.DictReader(file))


def read_labels(data: Path) -> npt.NDArray[np.str_]:
    """Return the attributes (n, 4) of all articles, ascending by id."""
    with (data / "hm-sample" / "articles.csv").open(newline="", encoding="utf-8") as file:
        columns = ("article_id", *ATTRIBUTES.values())
        rows = sorted(tuple(row[one] for one in columns) for row in csv.DictReader(file))
    return np.array([row[1:] for row in rows])


def embed(data: Path, name: str, out: Path) -> None:
    """Embed all photos once, as a run does; prints seconds and peak memory as JSON."""
    spec, preprocessing = embedders(data)[name]
    images = data / "hm-sample" / "images"
    ids = read_ids(data)
    started = time.perf_counter()
    report = embed_photos(images, ids, spec, preprocessing, out, work=out / "work")
    seconds = time.perf_counter() - started
    figures = {"photos": report.photos, "vectors": report.vectors, "dimension": report.dimension}
    print(json.dumps(figures | {"seconds": seconds, "peak_bytes": peak_bytes()}))


def alike(vectors: npt.NDArray[np.float32], labels: npt.NDArray[np.str_]) -> dict[str, float]:
    """Return, for each attribute, the share of nearest neighbours that have it in common."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    cosine = centred @ centred.T
    np.fill_diagonal(cosine, -np.inf)
    nearest = np.argsort(-cosine, axis=1, kind="stable")[:, :NEIGHBOURS]
    same = labels[nearest] == labels[:, np.newaxis]
    return {
        one: round(float(share), 4)
        for one, share in zip(ATTRIBUTES, same.mean(axis=(0, 1)), strict=True)
    }


def by_chance(labels: npt.NDArray[np.str_]) -> dict[str, float]:
    """Return the same shares for neighbours drawn at random."""
    shares = {}
    for one, column in zip(ATTRIBUTES, labels.T, strict=True):
        counts = np.unique(column, return_counts=True)[1]
        pairs = len(column) * (len(column) - 1)
        shares[one] = round(float((counts * (counts - 1)).sum() / pairs), 4)
    return shares


def main() -> None:
    """Run the benchmark, or one step of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--step", choices=["descriptor", "squeezenet"])
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    if asked.step:
        embed(asked.data, asked.step, asked.out)
        return
    labels = read_labels(asked.data)
    figures: dict[str, Any] = {}
    for name in embedders(asked.data):
        with tempfile.TemporaryDirectory() as folder:
            step = ["--data", str(asked.data), "--step", name, "--out", folder]
            told = json.loads(measure_step(__file__, *step).output)
            vectors = np.load(Path(folder) / "vectors.npy")
            ours = labels[np.load(Path(folder) / "positions.npy")]
        figures[name] = {
            "photos": told["photos"],
            "dimension": told["dimension"],
            "photos_per_second": round(told["photos"] / told["seconds"], 1),
            "peak_mib": round(told["peak_bytes"] / 2**20),
            "alike": alike(vectors, ours),
        }
        figures["by chance"] = {"alike": by_chance(ours)}
    figures["squeezenet as published, 8,000 photos"] = {"alike": AS_PUBLISHED}
    speed = figures["descriptor"]["photos_per_second"]
    bar = {
        "descriptor photos_per_second": {
            "at least": LEAST_PHOTOS_PER_SECOND,
            "met": speed >= LEAST_PHOTOS_PER_SECOND,
        }
    }
    record("photos", figures, bars=bar)


if __name__ == "__main__":
    main()
