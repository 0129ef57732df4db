"""Files that only Spark reaches: s3a://, abfss://, hdfs:// and whatever it is configured for.

Listing and the small readings that the driver does (headers, footers, the first rows) go through
the Hadoop filesystems of Spark's own Java, with its configuration and credentials.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import total_ordering
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from hemline.engines.spark_errors import java_cause
from hemline.errors import DataError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_CHUNK = 1 << 20


def is_uri(place: object) -> bool:
    """Tell whether a place is named by a URI, such as s3a://bucket/shop."""
    return isinstance(place, str) and "://" in place


@dataclass(frozen=True)
class State:
    """Size in bytes, and time of change in nanoseconds, as `os.stat_result` names them."""

    st_size: int
    st_mtime_ns: int


@total_ordering
class HadoopPath:
    """A place on a filesystem of Hadoop, with those ways of `pathlib.Path` that Hemline takes."""

    def __init__(self, session: SparkSession, uri: str) -> None:
        self.session = session
        self.uri = uri.rstrip("/") if not uri.endswith("://") else uri

    def __str__(self) -> str:
        return self.uri

    def __repr__(self) -> str:
        return f"HadoopPath({self.uri!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HadoopPath) and self.uri == other.uri

    def __lt__(self, other: HadoopPath) -> bool:
        return self.uri < other.uri

    def __hash__(self) -> int:
        return hash(self.uri)

    def __truediv__(self, name: str) -> HadoopPath:
        return HadoopPath(self.session, f"{self.uri}/{name}")

    @property
    def name(self) -> str:
        """Last part."""
        return self._pure.name

    @property
    def suffix(self) -> str:
        """Last ending, with its dot."""
        return self._pure.suffix

    def relative_to(self, other: HadoopPath) -> PurePosixPath:
        """Return the way from another place to this one."""
        return PurePosixPath(self.uri.removeprefix(other.uri).lstrip("/"))

    def resolve(self) -> HadoopPath:
        """Return the place itself: a URI is absolute."""
        return self

    def exists(self) -> bool:
        """Tell whether there is anything."""
        return bool(self._asked(lambda files, path: files.exists(path)))

    def is_dir(self) -> bool:
        """Tell whether it is a folder."""
        return self.exists() and bool(self._status().isDirectory())

    def is_file(self) -> bool:
        """Tell whether it is a file."""
        return self.exists() and bool(self._status().isFile())

    def stat(self) -> State:
        """Return size and time of change."""
        status = self._status()
        return State(int(status.getLen()), int(status.getModificationTime()) * 1_000_000)

    def iterdir(self) -> Iterator[HadoopPath]:
        """Yield what lies in a folder."""
        for one in self._asked(lambda files, path: files.listStatus(path)):
            yield self / str(one.getPath().getName())

    def rglob(self, pattern: str) -> Iterator[HadoopPath]:
        """Yield the files under a folder whose name matches a pattern."""
        root = str(self._status().getPath().toString())

        def found(files: Any, path: Any) -> Iterator[str]:
            listed = files.listFiles(path, True)
            while listed.hasNext():
                one = listed.next().getPath()
                if PurePosixPath(str(one.getName())).match(pattern):
                    yield str(one.toString()).removeprefix(root).lstrip("/")

        # all of it at once: what fails on the way is told like anything else
        for name in self._asked(lambda files, path: list(found(files, path))):
            yield self / name

    def open(self, mode: str = "rb") -> io.BufferedReader:
        """Open for reading bytes."""
        if mode != "rb":
            raise ValueError(f"mode {mode!r}: these files are read, as bytes")
        stream = self._asked(lambda files, path: files.open(path))
        return io.BufferedReader(_Stream(stream, self.stat().st_size), _CHUNK)

    def copy_to(self, target: Path) -> None:
        """Copy a file, or a folder with all that is in it, to this machine; all of it in Java."""
        java = self.session.sparkContext._jvm.org.apache.hadoop.fs.Path(target.resolve().as_uri())
        self._asked(lambda files, path: files.copyToLocalFile(False, path, java, True))

    @property
    def _pure(self) -> PurePosixPath:
        return PurePosixPath(unquote(urlsplit(self.uri).path) or "/")

    def _status(self) -> Any:
        return self._asked(lambda files, path: files.getFileStatus(path))

    def _asked(self, question: Any) -> Any:
        context = self.session.sparkContext
        path = context._jvm.org.apache.hadoop.fs.Path(self.uri)
        try:
            return question(path.getFileSystem(context._jsc.hadoopConfiguration()), path)
        except Exception as error:  # py4j's, which are many
            raise DataError(
                f"{self.uri} cannot be reached: {java_cause(error)}",
                hint="Spark needs the filesystem's library and credentials: [spark.settings] "
                "spark.jars.packages, spark.hadoop.…",
            ) from None


class _Stream(io.RawIOBase):
    """A stream of Java as one of Python."""

    def __init__(self, stream: Any, size: int) -> None:
        self.stream, self.size = stream, size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        place = offset + (0, self.tell(), self.size)[whence]
        self.stream.seek(place)
        return place

    def tell(self) -> int:
        return int(self.stream.getPos())

    def readinto(self, buffer: Any) -> int:
        found = self._next(min(len(buffer), _CHUNK))
        buffer[: len(found)] = found
        return len(found)

    def readall(self) -> bytes:
        # each reading crosses from Java to Python: few large ones
        return b"".join(iter(lambda: self._next(_CHUNK), b""))

    def _next(self, most: int) -> bytes:
        try:
            return bytes(self.stream.readNBytes(most))
        except Exception as error:  # py4j's, which are many
            raise OSError(java_cause(error)) from None

    def close(self) -> None:
        if not self.closed:
            self.stream.close()
        super().close()
