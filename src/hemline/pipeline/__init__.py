"""From a shop's files to recommendations: the stages, and running them."""

from hemline.pipeline.running import open_bundle, run_stages
from hemline.pipeline.source import describe
from hemline.pipeline.stage import Context, Listener, Silent, Stage, as_of
from hemline.pipeline.stages import PIPELINE

__all__ = [
    "PIPELINE",
    "Context",
    "Listener",
    "Silent",
    "Stage",
    "as_of",
    "describe",
    "open_bundle",
    "run_stages",
]
