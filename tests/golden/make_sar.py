"""Make sar.json: similarities, affinities and scores of SAR for a few customers, in plain Python.

    python tests/golden/make_sar.py

It knows nothing of Hemline: who bought what is kept in sets, and every formula is that of the
SAR documentation of Microsoft's Recommenders, with logarithms to base 2.
"""

from __future__ import annotations

import json
import math
import random
from fractions import Fraction
from pathlib import Path

N_CUSTOMERS, N_ARTICLES = 12, 9
NEVER_SOLD = 6
DAY = 86_400
AS_OF = 100 * DAY
HALF_LIFE = 30 * DAY


def drawn() -> list[tuple[int, int, int, int]]:
    """Return customer, article, rating and second of each purchase; some are repeated."""
    draw = random.Random(5)
    rows = []
    for customer in range(N_CUSTOMERS - 1):  # the last one buys nothing
        for article in range(N_ARTICLES):
            if article != NEVER_SOLD and draw.random() < 0.25 + 0.4 * (article % 3 == customer % 3):
                for _ in range(1 + (draw.random() < 0.2)):
                    second = draw.randrange(AS_OF)
                    rows.append((customer, article, draw.randint(1, 5), second))
    return rows


def formulas(both: int, one: int, other: int, customers: int, articles: int) -> dict[str, float]:
    """Return every similarity of two articles with so many customers, both and each."""
    lift = Fraction(both, one * other)
    return {
        "cooccurrence": float(both),
        "jaccard": float(Fraction(both, one + other - both)),
        "lift": float(lift),
        "cosine": both / math.sqrt(one * other),
        "inclusion": float(Fraction(both, min(one, other))),
        "mutual_information": math.log2(customers * lift),
        "lexicographers_mutual_information": both * math.log2(customers * lift),
        "mutual_information, articles": math.log2(articles * lift),
        "lexicographers_mutual_information, articles": both * math.log2(articles * lift),
    }


def main() -> None:
    """Write the case beside this file."""
    rows = drawn()
    buyers = [{c for c, a, _, _ in rows if a == article} for article in range(N_ARTICLES)]
    customers = len({c for c, _, _, _ in rows})
    articles = sum(1 for one in buyers if one)
    matrices: dict[str, dict[str, list[list[float]]]] = {}
    for threshold in (1, 3):
        named: dict[str, list[list[float]]] = {}
        for one in range(N_ARTICLES):
            for other in range(N_ARTICLES):
                both = len(buyers[one] & buyers[other])
                if both < threshold:
                    continue
                sizes = len(buyers[one]), len(buyers[other])
                for name, value in formulas(both, *sizes, customers, articles).items():
                    matrix = named.setdefault(name, [[0.0] * N_ARTICLES for _ in range(N_ARTICLES)])
                    matrix[one][other] = value
        matrices[str(threshold)] = named
    affinity = [[0.0] * N_ARTICLES for _ in range(N_CUSTOMERS)]
    for customer, article, rating, second in rows:
        affinity[customer][article] += rating * 0.5 ** ((AS_OF - second) / HALF_LIFE)
    jaccard = matrices["1"]["jaccard"]
    scores = [
        [
            math.fsum(mine[one] * jaccard[one][other] for one in range(N_ARTICLES))
            for other in range(N_ARTICLES)
        ]
        for mine in affinity
    ]
    case = {
        "n_customers": N_CUSTOMERS,
        "n_articles": N_ARTICLES,
        "as_of": AS_OF,
        "half_life_days": HALF_LIFE // DAY,
        "rows": rows,
        "similarity": matrices,
        "affinity": affinity,
        "scores": scores,
    }
    Path(__file__).with_name("sar.json").write_text(json.dumps(case) + "\n")


if __name__ == "__main__":
    main()
