"""Run a shop's folder of files, and ask the run.

python examples/run_a_folder.py SHOP RUN
"""

import sys

import hemline

shop, out = sys.argv[1:3]
run = hemline.run(shop, out=out, settings={"photos.embedder": "descriptor", "als.factors": 16})

table = run.recommendations()
print(f"{table.num_rows:,} recommendations")

customer = table["customer_id"][0].as_py()
for one in run.recommend(customer=customer, k=3):
    print(one.rank, one.article_id, one.channel, one.name)

basket = [run.recommend(customer=customer, k=1)[0].article_id]
print("for that basket:", [one.article_id for one in run.recommend(basket=basket, k=3)])
print("looks alike:", [one.article_id for one in run.similar(basket[0], k=3)])
