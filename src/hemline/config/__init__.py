"""The settings of a run: one TOML file per shop, every value checked, nothing ignored."""

from hemline.config.data import Columns, Ingest, Photos, Similar
from hemline.config.graph import Graph, NamedStore
from hemline.config.models import Als, AlsoBought, Popular, Repurchase, Weights
from hemline.config.recipes import Cascade, Evaluate
from hemline.config.section import Section
from hemline.config.whole import Config, parse_override, reference

__all__ = [
    "Als",
    "AlsoBought",
    "Cascade",
    "Columns",
    "Config",
    "Evaluate",
    "Graph",
    "Ingest",
    "NamedStore",
    "Photos",
    "Popular",
    "Repurchase",
    "Section",
    "Similar",
    "Weights",
    "parse_override",
    "reference",
]
