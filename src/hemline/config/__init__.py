"""The settings of a run: one TOML file per shop, every value checked, nothing ignored."""

from hemline.config.data import Columns, Ingest, Photos, Similar
from hemline.config.graph import Graph, NamedStore
from hemline.config.learned import Bpr, Ease, GraphFilter, Sar
from hemline.config.models import Als, AlsoBought, Popular, Repurchase, Weights
from hemline.config.neural import DotBias, LightGcn, TwoTower
from hemline.config.presets import preset_names, preset_text
from hemline.config.ranker import Ranker
from hemline.config.ranking import ATTRIBUTES
from hemline.config.recipes import Cascade, Evaluate, Rules
from hemline.config.section import Section
from hemline.config.serve import Serve
from hemline.config.spark import Spark
from hemline.config.update import Update
from hemline.config.whole import Config, parse_override, reference

__all__ = [
    "ATTRIBUTES",
    "Als",
    "AlsoBought",
    "Bpr",
    "Cascade",
    "Columns",
    "Config",
    "DotBias",
    "Ease",
    "Evaluate",
    "Graph",
    "GraphFilter",
    "Ingest",
    "LightGcn",
    "NamedStore",
    "Photos",
    "Popular",
    "Ranker",
    "Repurchase",
    "Rules",
    "Sar",
    "Section",
    "Serve",
    "Similar",
    "Spark",
    "TwoTower",
    "Update",
    "Weights",
    "parse_override",
    "preset_names",
    "preset_text",
    "reference",
]
