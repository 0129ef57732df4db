"""From a shop's files to recommendations: the stages, and running them."""

from hemline.pipeline.added import Updates, start_of
from hemline.pipeline.added import entries as additions
from hemline.pipeline.running import open_bundle, run_stages
from hemline.pipeline.source import describe
from hemline.pipeline.stage import Context, Listener, Silent, Stage, as_of
from hemline.pipeline.stages import PIPELINE
from hemline.pipeline.updating import Customers, New, update_run

__all__ = [
    "PIPELINE",
    "Context",
    "Customers",
    "Listener",
    "New",
    "Silent",
    "Stage",
    "Updates",
    "additions",
    "as_of",
    "describe",
    "open_bundle",
    "run_stages",
    "start_of",
    "update_run",
]
