"""The whole run at H&M size: files in, twelve articles for everyone out; the backtest apart.

python benchmarks/whole_run.py --data SHOP --out RUN

SHOP is made by `hemline simulate SHOP --customers 1371980 --articles 105542 --days 731
--format parquet --vectors 2048`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from record import measure, record

STEP = """
import json, sys
import hemline
settings = {"evaluate.folds": int(sys.argv[3])}
run = hemline.run(sys.argv[1], out=sys.argv[2], recipe="cascade", settings=settings)
print(json.dumps({name: [one.seconds, one.peak_bytes, one.summary] for name, one in run.status()}))
"""


def main() -> None:
    """Measure a fresh run without a backtest, then the backtest alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--no-backtest", action="store_true")
    chosen = parser.parse_args()
    shutil.rmtree(chosen.out, ignore_errors=True)
    command = [sys.executable, "-c", STEP, str(chosen.data), str(chosen.out)]
    whole = measure([*command, "0"])
    stages = json.loads(whole.output.splitlines()[-1])
    figures = {
        "seconds": round(whole.seconds, 1),
        "peak_gib": round(whole.peak_bytes / 2**30, 2),
        "stages": {name: round(found[0], 1) for name, found in stages.items()},
        "recommend": stages["recommend"][2],
    }
    if not chosen.no_backtest:
        backtest = measure([*command, "1"])
        found = json.loads(backtest.output.splitlines()[-1])
        figures["backtest"] = {
            "seconds": round(found["evaluate"][0], 1),
            "peak_gib": round(backtest.peak_bytes / 2**30, 2),
            **{k: v for k, v in found["evaluate"][2].items() if isinstance(v, int | float)},
        }
    record("whole_run", figures, bars={"seconds": "<= 900", "peak_gib": "<= 12"})


if __name__ == "__main__":
    main()
