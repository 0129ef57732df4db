"""Settings of Apache Spark, for shops that outgrow one machine."""

from __future__ import annotations

from pydantic import Field, field_serializer

from hemline.config.section import Section


class Spark(Section):
    """Apache Spark, where `--engine spark` asks for it; answers do not depend on it."""

    master: str = Field(
        "",
        description='"spark://HOST:7077", "k8s://…", "yarn", "local[4]"; empty: what spark-submit '
        "says, else this machine",
    )
    executor_memory: str = Field("4g", description="heap of an executor, as Spark writes it")
    executor_overhead: str = Field(
        "", description="memory of an executor beside its heap, for Python; empty: Spark's share"
    )
    executor_cores: int = Field(
        0, ge=0, description="cores of an executor; 0: what the master gives"
    )
    partitions: int = Field(
        0, ge=0, description="partitions of a table and of the customers; 0: four for each core"
    )
    timeout_seconds: float = Field(
        120, gt=0, description="how long the master and a first executor are waited for"
    )
    settings: dict[str, str] = Field(
        default={}, description='any other setting of Spark: [spark.settings] "spark.x.y" = "z"'
    )

    def with_master(self, master: str) -> Spark:
        """Return these settings with another master."""
        return self.model_copy(update={"master": master})

    @field_serializer("settings", when_used="json")
    def _never_written(self, value: dict[str, str]) -> dict[str, str]:
        # they may hold the keys of a cloud's storage
        return {}
