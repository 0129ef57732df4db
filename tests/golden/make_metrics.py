"""Make metrics.json: what each metric is for a few customers, in plain Python and fractions.

    python tests/golden/make_metrics.py

It knows nothing of Hemline. Average precision follows the definition on Kaggle's page of the
H&M competition, sum over the k places of P(place) x rel(place), divided by min(m, k).
"""

from __future__ import annotations

import json
import math
import random
from fractions import Fraction
from pathlib import Path

TWELVE = list(range(100, 112))

CASES: dict[str, tuple[list[int], list[int]]] = {
    # name: (list, bought)
    "nothing bought": (TWELVE, []),
    "one bought, first": (TWELVE, [100]),
    "one bought, last": (TWELVE, [111]),
    "one bought, not listed": (TWELVE, [5]),
    "two bought, second and fifth": (TWELVE, [104, 101]),
    "twelve bought, all listed": (TWELVE, TWELVE[::-1]),
    "twelve bought, every other listed": (TWELVE, [*TWELVE[::2], 1, 2, 3, 4, 5, 6]),
    "fifteen bought, all places hit": (TWELVE, [*TWELVE, 1, 2, 3]),
    "fifteen bought, one hit": (TWELVE, [*range(14), 103]),
    "forty bought, none hit": (TWELVE, list(range(40))),
    "short list, hit": ([7, 100, 101], [100, 50]),
    "short list, fifteen bought": ([1, 2, 3], list(range(15))),
    "empty list": ([], [1, 2]),
    "empty list, nothing bought": ([], []),
    "hole in the list": ([-1, 100, -1, 101], [101, 100]),
    "hit listed three times": ([9, 9, 9, 8], [9, 8]),
    "miss listed twice": ([1, 1, 9], [9]),
    "bought three times": ([4, 9], [9, 9, 9]),
    "longer list than k": (list(range(30)), [0, 11, 12, 29]),
    "position zero": ([0], [0]),
}


def judge(listed: list[int], bought: list[int], k: int) -> dict[str, float] | None:
    """Return each metric of one customer; None for one who bought nothing."""
    truths = set(bought)
    if not truths:
        return None
    seen: set[int] = set()
    hits = []
    for article in listed[:k]:
        hits.append(article in truths and article not in seen)
        if article >= 0:
            seen.add(article)
    hits += [False] * (k - len(hits))
    total = Fraction(0)
    for place in range(1, k + 1):
        if hits[place - 1]:
            total += Fraction(sum(hits[:place]), place)
    first = next((place for place, hit in enumerate(hits, 1) if hit), None)
    best = sum(1 / math.log2(place + 1) for place in range(1, min(len(truths), k) + 1))
    gained = sum(1 / math.log2(place + 1) for place, hit in enumerate(hits, 1) if hit)
    return {
        "map": float(total / min(len(truths), k)),
        "map_relevant": float(total / len(truths)),
        "precision": float(Fraction(sum(hits), k)),
        "recall": float(Fraction(sum(hits), len(truths))),
        "hit_rate": float(any(hits)),
        "ndcg": gained / best,
        "mrr": float(Fraction(1, first)) if first else 0.0,
        "customer_coverage": float(len(seen) == k),
        "listed": float(bool(seen)),
    }


def drawn(n: int) -> dict[str, tuple[list[int], list[int]]]:
    """Draw customers over a small catalogue, so that hits, repeats and holes are common."""
    draw = random.Random(20200922)
    return {
        f"drawn {i}": (
            [draw.randrange(-1, 20) for _ in range(draw.randrange(16))],
            [draw.randrange(20) for _ in range(draw.choice([0, 1, 2, 5, 12, 30]))],
        )
        for i in range(n)
    }


def main() -> None:
    """Write the cases beside this file."""
    cases = []
    for k in (1, 5, 12):
        for name, (listed, bought) in {**CASES, **drawn(40)}.items():
            case = {"name": name, "k": k, "list": listed, "bought": bought}
            cases.append({**case, "expected": judge(listed, bought, k)})
    lines = ",\n".join(json.dumps(case) for case in cases)
    Path(__file__).with_name("metrics.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
