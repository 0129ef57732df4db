"""The report of a run: seconds and peak memory, best at H&M size.

python benchmarks/report.py --run RUN
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from record import measure, record

STEP = """
import sys
from hemline.report.writing import write_report
write_report(sys.argv[1], sys.argv[2])
"""


def main() -> None:
    """Write a report in a fresh process, and results/report.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "report.html"
        found = measure([sys.executable, "-c", STEP, str(asked.run), str(out)])
        figures = {
            "seconds": round(found.seconds, 1),
            "cpu_seconds": round(found.cpu_seconds, 1),
            "peak_gib": round(found.peak_bytes / 2**30, 2),
            "page_mb": round(out.stat().st_size / 1e6, 2),
        }
    record("report", figures, bars={"seconds": "<= 120"})


if __name__ == "__main__":
    main()
