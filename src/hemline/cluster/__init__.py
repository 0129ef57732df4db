"""Many machines: the block functions of the laptop over partitions of customers, by Spark.

    archive.py      the bundle and the compiled kernels as one archive for every executor
    sharing.py      histories as files that every executor maps, never sent
    task.py         what an executor's Python process does: open once, answer a part, rename it
    parts.py        the file of a part: written under another name, there when it is whole
    job.py          the driver: one job, its parts strung together in order
    recommending.py recommending by such a job
    learning.py     what a ranker learns from, by such a job
    failures.py     what Spark says, as an error that names the executor and what to set
    mllib_als.py    item factors by Spark's own ALS, from the same interactions

Executors import this package before the compiled kernels are in place: whatever imports one, such
as learning.py, is not imported here.

Only this room and `engines/` know Spark. The run folder lies where driver and executors see
it under one path.
"""

from hemline.cluster.job import PartReport
from hemline.cluster.recommending import Recommending, cluster_lists

__all__ = ["PartReport", "Recommending", "cluster_lists"]
