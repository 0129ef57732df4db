"""What Java says, as a line for whoever runs it."""

from __future__ import annotations

from hemline.engines.spark_errors import java_cause
from hemline.engines.spark_session import _refused

CALLED = """An error occurred while calling o31.getFileSystem.
: org.apache.hadoop.fs.UnsupportedFileSystemException: No FileSystem for scheme "s9a"
\tat org.apache.hadoop.fs.FileSystem.getFileSystemClass(FileSystem.java:3585)
"""


def test_the_line_that_says_what_is_wrong() -> None:
    said = 'org.apache.hadoop.fs.UnsupportedFileSystemException: No FileSystem for scheme "s9a"'
    assert java_cause(RuntimeError(CALLED)) == said
    assert java_cause(RuntimeError("\n  no route \n to host")) == "no route"
    assert java_cause(RuntimeError()) == "RuntimeError()"
    assert len(java_cause(RuntimeError("x" * 1000))) == 300


def test_a_session_that_cannot_start_names_its_master() -> None:
    found = _refused(RuntimeError(CALLED), "spark://here:7077")
    assert str(found).startswith("Spark cannot start on spark://here:7077: org.apache.hadoop.fs.Un")
    assert str(_refused(RuntimeError("no"), "")).startswith("Spark cannot start on what spark-subm")
