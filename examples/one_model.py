"""A model by itself: fit ALS on the histories of a finished run, and recommend.

python examples/one_model.py RUN
"""

import sys

import hemline

run = hemline.open(sys.argv[1])
histories, moment = run.tables.histories, run.as_of

als = hemline.models.ALS(factors=16, iterations=5, seed=1).fit(histories, as_of=moment)
top = als.recommend(histories.block(0, 5), 3, as_of=moment)
for row in top.articles:
    print([run.tables.article_ids.id(one) for one in row if one >= 0])
