"""The graph in Neo4j: the offline import at H&M size, others-also-bought, loading over Bolt, knn.

python benchmarks/graph_neo4j.py --run RUN --data DATA [--neo4j FOLDER] [--part NAME …]

RUN is a run of a shop of H&M's size with at least the stage `ingest`:

    hemline simulate SHOP --customers 1371980 --articles 105542 --days 731 --format parquet
    hemline ingest SHOP --out RUN

DATA holds hm-sample and weights/squeezenet11_gap512.onnx. FOLDER holds the scripts `start` and
`admin` of a Neo4j server with Graph Data Science, HEMLINE_TEST_NEO4J by default. Everything that
is written lies in a temporary folder, which is removed. The server and what is measured share
the machine. Parts, each of which may be measured by itself, are

    import    hemline graph export, and the neo4j-admin import of its files
    vectors   the export and import again, with the photo vectors and SIMILAR edges of the run
    ask       others also bought, for a few customers, beside the compiled kernel
    bolt      the first load over Bolt, against UNWIND of rows and CREATE, on some of the edges
    similar   gds.knn and the vector index, on the photos of hm-sample
    back      hm-sample into Neo4j and back again: the same tables

What an earlier call measured of the other parts is kept in the results.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from record import RESULTS, Measured, measure, measure_step, record

PARTS = ("import", "ask", "vectors", "bolt", "similar", "back")
PASSWORD = "hemline-benchmark"
SEED = 20
BATCH = 10_000

PLAIN = (
    "UNWIND $rows AS row MATCH (c:Customer {id: row.customer}) "
    "MATCH (p:Product {code: row.product}) "
    "CREATE (c)-[:PLAIN {date: row.date, year: row.year, month: row.month, price: row.price, "
    "channel: row.channel, quantity: row.quantity}]->(p)"
)


def main() -> None:
    """Measure the parts that are asked for, and record them with those measured before."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--neo4j", type=Path, default=os.environ.get("HEMLINE_TEST_NEO4J"))
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--edges", type=int, default=300_000, help="of the part bolt")
    parser.add_argument("--customers", type=int, default=5, help="of the part ask")
    parser.add_argument("--work", type=Path, help="folder for temporary files")
    parser.add_argument("--step", choices=["export"])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--vectors", action="store_true")
    chosen = parser.parse_args()
    if chosen.step == "export":
        export_step(chosen.run, chosen.out, chosen.vectors)
        return
    if chosen.neo4j is None:
        parser.error("--neo4j FOLDER, or HEMLINE_TEST_NEO4J")
    chosen.neo4j = Path(chosen.neo4j).resolve()
    path = RESULTS / "graph_neo4j.json"
    figures: dict[str, Any] = json.loads(path.read_text())["figures"] if path.exists() else {}
    with tempfile.TemporaryDirectory(prefix="hemline-neo4j-", dir=chosen.work) as folder:
        measured(chosen, Path(folder), chosen.part or list(PARTS), figures)
    bars = {
        "import.export_and_import_s": "<= 210",
        "bolt.times_plain": ">= 1",
    }
    record("graph_neo4j", figures, bars=bars)


def measured(
    chosen: argparse.Namespace, work: Path, parts: list[str], figures: dict[str, Any]
) -> None:
    """Measure some parts into `figures`."""
    if "import" in parts or "ask" in parts:
        found = offline(chosen.neo4j, chosen.run, work)
        if "import" in parts:
            figures["import"] = found
        if "ask" in parts:
            figures["others also bought"] = ask(chosen, work / "home")
        shutil.rmtree(work / "home", ignore_errors=True)
    if "vectors" in parts:
        figures["import with vectors"] = offline(chosen.neo4j, chosen.run, work, "--vectors")
        shutil.rmtree(work / "home", ignore_errors=True)
    if "bolt" in parts:
        figures["bolt"] = bolt(chosen, work)
    if "similar" in parts or "back" in parts:
        run = sample(chosen.data, work)
        if "similar" in parts:
            figures["similar"] = similar(chosen.neo4j, run, work)
        if "back" in parts:
            figures["back"] = back(chosen.neo4j, run, work)


# --- the offline way, at H&M size -------------------------------------------------------------


def export_step(run: Path, out: Path, vectors: bool) -> None:
    """Export what stands in a run's tables; with vectors and SIMILAR edges if asked."""
    from hemline.graph.neo4j_offline import export
    from hemline.pipeline.graph import graph_sources
    from hemline.runs import RunFolder

    sources = graph_sources(RunFolder.open(run), embeddings=vectors, recommendations=False)
    if not vectors:
        sources = replace(sources, neighbours=None)
    found = export(sources, out)
    print(json.dumps({"nodes": found["nodes"], "edges": found["edges"]}))


def offline(neo4j: Path, run: Path, work: Path, *more: str) -> dict[str, Any]:
    """Export and import; the two together are what a person waits for."""
    out = work / "export"
    step = ("--run", str(run), "--step", "export", "--out", str(out), *more)
    exported = measure_step(__file__, *step)
    counts = json.loads(exported.output.splitlines()[-1])
    imported = run_import(neo4j, out, work / "home", heap="2g")
    said = imported.output.splitlines()
    written = size(out)
    shutil.rmtree(out)
    return {
        "nodes": sum(counts["nodes"].values()),
        "edges": sum(counts["edges"].values()),
        "purchases": counts["edges"]["Customer-PURCHASED-Product"],
        "export_s": round(exported.seconds, 1),
        "export_peak_gib": round(exported.peak_bytes / 2**30, 2),
        "export_gib": round(written / 2**30, 2),
        "export_cpu_s": round(exported.cpu_seconds, 1),
        "import_s": round(imported.seconds, 1),
        "import_cpu_s": round(imported.cpu_seconds, 1),
        "import_peak": next((one for one in said if one.startswith("Peak memory")), ""),
        "store_gib": round(size(work / "home" / "data") / 2**30, 2),
        "export_and_import_s": round(exported.seconds + imported.seconds, 1),
        "load_at_the_end": round(os.getloadavg()[0], 1),
    }


def run_import(neo4j: Path, out: Path, home: Path, heap: str = "1g") -> Measured:
    environment = {"NEO4J_ADMIN": f"{neo4j}/admin {home}", "NEO4J_HEAP": heap}
    return measure([str(out / "import.sh")], env=environment)


def size(folder: Path) -> int:
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())


# --- others also bought -----------------------------------------------------------------------


def ask(chosen: argparse.Namespace, home: Path) -> dict[str, Any]:
    """Ask the sources' query for a few customers, each once, and the kernel for a thousand."""
    from hemline.graph.stores import open_store
    from hemline.runs import RunFolder
    from hemline.shop.tables import Tables

    tables = Tables.open(RunFolder.open(chosen.run).folder("ingest"))
    buyers = np.flatnonzero(tables.histories.lengths)
    rng = np.random.default_rng(SEED)
    drawn = rng.choice(buyers, chosen.customers, replace=False)
    query = also_bought()
    times, found = [], 0
    with server(chosen.neo4j, home, heap="4g", pages="3g") as uri:
        started = time.perf_counter()
        constraints(uri, tables)
        indexed = time.perf_counter() - started
        with open_store(uri, password=PASSWORD) as store:
            for customer in tables.customer_ids.strings(drawn):
                started = time.perf_counter()
                rows = store.rows(query, {"customer_id": customer}, limit_seconds=0)
                times.append(time.perf_counter() - started)
                found += bool(rows)
    one = kernel_milliseconds(tables, rng.choice(buyers, 1000, replace=False))
    median = statistics.median(times)
    return {
        "customers": len(times),
        "purchases_of_each": tables.histories.lengths[drawn].tolist(),
        "constraints_s": round(indexed, 1),
        "neo4j_median_s": round(median, 2),
        "neo4j_worst_s": round(max(times), 2),
        "kernel_one_customer_ms": round(one, 3),
        "times_the_kernel": round(median * 1000 / one),
    }


def also_bought() -> str:
    """Return the sources' query, as it is shipped."""
    from hemline.graph.queries import find

    return find("also-bought").text


def constraints(uri: str, tables: Any) -> None:
    """Make the keys unique, as the script that imports says."""
    from hemline.graph.making import model_of
    from hemline.graph.neo4j import Neo4jStore
    from hemline.graph.neo4j_loading import prepare
    from hemline.graph.sources import Sources

    with Neo4jStore(uri, read_only=False, password=PASSWORD) as store:
        prepare(store.server, model_of(Sources(tables)))


def kernel_milliseconds(tables: Any, customers: np.ndarray) -> float:
    """Return the compiled kernel's mean time for one customer, called for one at a time."""
    from hemline.config import AlsoBought
    from hemline.models.also_bought import AlsoBought as Model

    model = Model(per_article=AlsoBought().per_article).fit(tables.histories)
    blocks = [tables.histories.block(int(one), int(one) + 1) for one in customers]
    for one in blocks[:20]:
        model.recommend(one, 12, as_of=None)
    started = time.perf_counter()
    for one in blocks:
        model.recommend(one, 12, as_of=None)
    return (time.perf_counter() - started) / len(blocks) * 1000


# --- loading over Bolt ------------------------------------------------------------------------


def bolt(chosen: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Load the first customers' purchases by Hemline and by plain UNWIND and CREATE.

    Both load the same edges, under two names, in turns of an eighth each: a server that has
    just started is slow, whoever asks it. Then the second load of the same, and a load that
    has no notes and so compares everything.
    """
    from hemline.blocks import silent
    from hemline.graph.edges import purchase_edges
    from hemline.graph.making import model_of
    from hemline.graph.model import GraphModel
    from hemline.graph.neo4j import Neo4jStore
    from hemline.graph.neo4j_loading import Changes, Loader, prepare
    from hemline.graph.neo4j_rows import EdgeRows, NodeRows
    from hemline.graph.nodes import nodes_of
    from hemline.graph.sources import Sources
    from hemline.graph.tables import edge_schema, node_schema
    from hemline.runs import RunFolder
    from hemline.shop.tables import Tables

    tables = Tables.open(RunFolder.open(chosen.run).folder("ingest"))
    sources = Sources(tables)
    whole = model_of(sources)
    model = GraphModel(
        tuple(one for one in whole.labels if one.name in ("Customer", "Product")),
        tuple(one for one in whole.relationships if one.name == "PURCHASED"),
    )
    edge = model.relationship("PURCHASED")
    parts = pieces(
        purchase_edges(tables.purchases_path, tables.customer_ids, tables.article_ids, edge),
        chosen.edges,
        8,
    )
    everything = pa.concat_tables(parts)
    customers = len(everything.column("start").unique())
    plain_s = 0.0

    def in_turns() -> Iterator[pa.RecordBatch]:
        nonlocal plain_s
        for part in parts:
            started = time.perf_counter()
            plain_load(store, part)
            plain_s += time.perf_counter() - started
            yield from part.to_batches()

    def loaded(batches: Any) -> tuple[float, Changes]:
        loader = Loader(store.server, BATCH, silent, 0)
        started = time.perf_counter()
        loader.load(EdgeRows(edge, model, False), batches, edge_schema(edge))
        return time.perf_counter() - started, loader.changes

    with (
        server(chosen.neo4j, work / "bolt", heap="2g", pages="1g") as uri,
        Neo4jStore(uri, read_only=False, password=PASSWORD) as store,
    ):
        prepare(store.server, model)
        nodes = Loader(store.server, BATCH, silent, 0)
        started = time.perf_counter()
        for label in model.labels:
            batches = nodes_of(label, sources)
            if label.name == "Customer":
                bought = tables.customer_ids.strings(np.flatnonzero(tables.histories.lengths))
                last = bought[customers - 1]
                rows = next(iter(batches))
                batches = iter([rows.filter(pc.less_equal(rows.column("id"), last))])
            nodes.load(NodeRows(label, 0), batches, node_schema(label))
        nodes_s = time.perf_counter() - started
        both_s, first = loaded(in_turns())
        assert first.edges_created == everything.num_rows
        again_s, again = loaded(everything.to_batches())
        assert again.edges_created == again.edges_deleted == again.batches_written == 0
        store.rows("MATCH (b:HemlineBatch) DELETE b")
        compared_s, compared = loaded(everything.to_batches())
        assert compared.edges_created == compared.edges_deleted == 0
    n = everything.num_rows
    return {
        "edges": n,
        "nodes_per_s": round(nodes.changes.nodes_created / nodes_s),
        "plain_edges_per_s": round(n / plain_s),
        "hemline_edges_per_s": round(n / (both_s - plain_s)),
        "times_plain": round(plain_s / (both_s - plain_s), 2),
        "second_load_edges_per_s": round(n / again_s),
        "compared_edges_per_s": round(n / compared_s),
    }


def pieces(batches: Iterator[pa.RecordBatch], rows: int, n: int) -> list[pa.Table]:
    """Return the first rows as n tables of about equal length, a customer's rows in one."""
    from hemline.graph.neo4j_batches import cut

    first = next(batches)
    schema = pa.schema(
        [
            (one.name, one.type.value_type if pa.types.is_dictionary(one.type) else one.type)
            for one in first.schema
        ]
    )
    found: list[pa.Table] = []
    for batch in cut(chain([first], batches), schema, rows // n, "purchases"):
        found.append(batch.rows)
        if len(found) == n:
            break
    return found


def plain_load(store: Any, part: pa.Table) -> None:
    """Create edges as the driver's manual does it: rows as maps, a transaction for each batch."""
    names = ("customer", "product", "date", "year", "month", "price", "channel", "quantity")
    for low in range(0, part.num_rows, BATCH):
        rows = part.slice(low, BATCH).select(
            ["start", "end", "date", "year", "month", "price", "channel", "quantity"]
        )
        sent = [dict(zip(names, row.values(), strict=True)) for row in rows.to_pylist()]
        store.server.write(lambda tx, sent=sent: tx.run(PLAIN, rows=sent).consume())


# --- similar products, and the way back, on real data -----------------------------------------


def sample(data: Path, work: Path) -> Any:
    """Run hm-sample as far as its neighbours, and time the exact search by itself."""
    from hemline.config import Config
    from hemline.pipeline import run_stages
    from hemline.shop.source import Shop

    weights = data / "weights" / "squeezenet11_gap512.onnx"
    config = Config().replaced(
        {
            "photos.embedder": f"onnx:{weights}",
            "photos.preprocessing": {
                "size": 224,
                "channels": "BGR",
                "mean": [103.939, 116.779, 123.68],
            },
        }
    )
    shop = Shop.from_folder(data / "hm-sample")
    return run_stages(work / "sample", config, shop, stages=["neighbours"])


def similar(neo4j: Path, run: Any, work: Path) -> dict[str, Any]:
    """Find the ten nearest photos by knn and by the vector index, beside the exact search."""
    from hemline.blocks import silent
    from hemline.graph.making import model_of
    from hemline.graph.neo4j import Neo4jStore
    from hemline.graph.neo4j_loading import Loader, prepare
    from hemline.graph.neo4j_rows import NodeRows
    from hemline.graph.neo4j_similar import by_knn, by_vector_index, recall
    from hemline.graph.nodes import nodes_of
    from hemline.graph.tables import node_schema
    from hemline.photos.neighbours import similar_articles
    from hemline.pipeline.graph import graph_sources

    sources = graph_sources(run)
    model = model_of(sources)
    model = model.only({"Product"}, set())
    label = model.label("Product")
    exact = exact_edges(sources)
    n_articles = len(sources.tables.article_ids)
    similar_articles(run.folder("embed"), n_articles, 10)  # compiled and in the cache
    started = time.perf_counter()
    similar_articles(run.folder("embed"), n_articles, 10)
    took = time.perf_counter() - started
    ways: dict[str, Any] = {"exact": {"seconds": {"search": round(took, 2)}, "recall": 1.0}}
    with (
        server(neo4j, work / "similar", heap="2g", pages="512m") as uri,
        Neo4jStore(uri, read_only=False, password=PASSWORD) as store,
    ):
        prepare(store.server, model)
        Loader(store.server, BATCH, silent, 0).load(
            NodeRows(label, model.dimension), nodes_of(label, sources), node_schema(label)
        )
        by_knn(store.server, k=1)  # the server has seen the code
        for name, find in {
            "knn": lambda: by_knn(store.server),
            "knn as in the sources (seed 42, one thread)": lambda: by_knn(store.server, seed=42),
            "knn, every neighbour compared": lambda: by_knn(
                store.server, sample_rate=1.0, delta_threshold=0.0
            ),
            "vector index": lambda: by_vector_index(store.server),
            "vector index, quantized": lambda: by_vector_index(store.server, quantized=True),
        }.items():
            found = find()
            ways[name] = {
                "seconds": {step: round(one, 2) for step, one in found.seconds.items()},
                "recall": round(recall(found.edges, exact), 4),
            }
    return {"vectors": len(np.load(run.folder("embed") / "positions.npy")),
            "dimension": model.dimension, "k": 10, **ways}  # fmt: skip


def exact_edges(sources: Any) -> pa.Table:
    from hemline.graph.edges import similar_edges

    schema = pa.schema([("start", pa.string()), ("end", pa.string()), ("score", pa.float64())])
    batches = similar_edges(sources.neighbours, sources.tables.article_ids)
    return pa.concat_tables(pa.Table.from_batches([one]).cast(schema) for one in batches)


def back(neo4j: Path, run: Any, work: Path) -> dict[str, Any]:
    """Import hm-sample offline, read it out of the server, and compare the tables."""
    from hemline.config import Config
    from hemline.graph.neo4j_offline import export
    from hemline.pipeline.graph import graph_sources
    from hemline.pipeline.graph_shop import shop_in_graph
    from hemline.shop.ingest import ingest

    export(graph_sources(run, embeddings=False), work / "sample-export")
    run_import(neo4j, work / "sample-export", work / "back")
    with server(neo4j, work / "back") as uri:
        config = Config().replaced({"graph.password": PASSWORD})
        started = time.perf_counter()
        shop, found = shop_in_graph(uri, work / "again", config)
        took = time.perf_counter() - started
    ingest(shop, config, work / "tables")
    same = {
        name: pq.read_table(run.folder("ingest") / f"{name}.parquet").equals(
            pq.read_table(work / "tables" / f"{name}.parquet")
        )
        for name in ("articles", "customers", "purchases")
    }
    return {
        "articles": found.articles,
        "customers": found.customers,
        "purchases": found.purchases,
        "seconds": round(took, 1),
        "same_tables": same,
    }


# --- the server -------------------------------------------------------------------------------


@contextlib.contextmanager
def server(neo4j: Path, home: Path, *, heap: str = "1g", pages: str = "512m") -> Iterator[str]:
    """Run a server over a folder for a while; yield its URI."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    if (home / "data" / "databases").exists():  # an imported store has no users yet
        set_password(neo4j, home)
    process = subprocess.Popen(
        [neo4j / "start", home, str(port), PASSWORD],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "NEO4J_HEAP": heap, "NEO4J_PAGECACHE": pages},
    )
    try:
        until = time.monotonic() + 300
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"the server does not start; see {home}/logs")
            time.sleep(0.25)
        yield f"bolt://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(120)


def set_password(neo4j: Path, home: Path) -> None:
    command = [neo4j / "admin", home, "dbms", "set-initial-password", PASSWORD]
    subprocess.run(command, check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
