from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from tests.web.conftest import KEY

from hemline.purchase_log import NewPurchase, PurchaseLog
from hemline.runs import RunFolder
from hemline.service import Recommender


@contextmanager
def server(run: RunFolder, *options: str) -> Iterator[str]:
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", "from hemline.cli import main; main()"),
            *("serve", str(run.path), "--port", "0", *options),
        ],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "HEMLINE_API_KEY": KEY},
    )
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        found = re.search(r"http://\S+?(?=[ )])", line)
        assert found, line + process.stderr.read()
        yield found.group()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stderr.close()


def ask(url: str, body: object = None, **headers: str) -> object:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json", **headers})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def test_every_worker_knows_a_purchase_at_the_next_question(own_run: RunFolder) -> None:
    run = Recommender(own_run)
    customer = run.tables.customer_ids.id(int(np.argsort(-run.tables.histories.lengths)[40]))
    with server(own_run, "--workers", "2") as url:
        path = f"{url}/api/customers/{customer}/recommendations"
        before = ask(path)
        for i in (9, 90, 140):
            article = run.tables.article_ids.id(i)
            made = {"customer": customer, "article": article, "time": run.as_of + i}
            assert ask(f"{url}/api/purchases", made, **{"X-API-Key": KEY}) == {"written": 1}
            # each connection may come to another process
            answers = [ask(path) for _ in range(12)]
            assert all(one == answers[0] for one in answers)
        assert answers[0] != before


def test_a_port_that_is_taken_and_a_run_that_is_none(own_run: RunFolder) -> None:
    with server(own_run) as url:
        port = url.rsplit(":", 1)[1]
        command = [sys.executable, "-c", "from hemline.cli import main; main()", "serve"]
        taken = subprocess.run(
            [*command, str(own_run.path), "--port", port],
            capture_output=True,
            text=True,
            check=False,
        )
        assert taken.returncode != 0
        assert "cannot be bound" in taken.stderr
        assert "Traceback" not in taken.stderr
        none = subprocess.run(
            [*command, str(own_run.path / "none")], capture_output=True, text=True, check=False
        )
        assert none.returncode != 0
        assert "not a run folder" in none.stderr


def test_what_is_appended_is_there_for_everyone_once(own_run: RunFolder) -> None:
    path = own_run.path / "log.sqlite"
    one, other = PurchaseLog(path), PurchaseLog(path)
    assert one.append([NewPurchase("a", "x", 5), NewPurchase("b", "y", 6, 2.5, 1, 3)], "t") == 2
    assert other.append([NewPurchase("c", "z", 7)], "t") == 0
    assert other.append([NewPurchase("c", "z", 7)]) == 1
    assert [seq for seq, _ in one.since(0)] == [1, 2, 3]
    assert one.since(1)[0][1] == NewPurchase("b", "y", 6, 2.5, 1, 3)
    assert one.last() == 3
    one.close()
    other.close()
    (own_run.path / "broken.sqlite").write_bytes(b"no database" * 100)
    from hemline.errors import RunError

    with pytest.raises(RunError, match="cannot be used as a log"):
        PurchaseLog(own_run.path / "broken.sqlite")


def test_a_killed_server_has_lost_nothing_it_acknowledged(own_run: RunFolder) -> None:
    run = Recommender(own_run)
    article = run.tables.article_ids.id(4)
    command = [sys.executable, "-c", "from hemline.cli import main; main()", "serve"]
    process = subprocess.Popen(
        [*command, str(own_run.path), "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "HEMLINE_API_KEY": KEY},
    )
    assert process.stderr is not None
    url = re.search(r"http://\S+?(?=[ )])", process.stderr.readline())
    assert url
    written = 0
    for i in range(20):
        made = {"customer": f"new {i}", "article": article, "time": run.as_of + i}
        written += ask(f"{url.group()}/api/purchases", made, **{"X-API-Key": KEY})["written"]  # type: ignore[index]
    process.kill()
    process.wait()
    process.stderr.close()
    log = PurchaseLog(own_run.path / "purchases.sqlite")
    assert log.last() == written == 20
    log.close()
