"""Run frames of a shop that has nothing but purchases, with its own column names.

python examples/run_frames.py RUN
"""

import sys

import numpy as np
import pandas as pd

import hemline

chance = np.random.default_rng(1)
sales = pd.DataFrame(
    {
        "sold_on": pd.Timestamp("2024-01-01") + pd.to_timedelta(chance.integers(0, 90, 4000), "D"),
        "shopper": [f"s{one:03}" for one in chance.integers(0, 300, 4000)],
        "sku": [f"sku-{int(one)}" for one in chance.exponential(20, 4000)],
    }
)
run = hemline.run(
    hemline.Shop(purchases=sales),
    out=sys.argv[1],
    settings={
        "columns.purchases": {"time": "sold_on", "customer_id": "shopper", "article_id": "sku"},
        "als.factors": 8,
    },
)
for one in run.recommend(customer="s007", k=5):
    print(one.rank, one.article_id, one.channel)
