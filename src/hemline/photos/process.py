"""Embedding in a process of its own: torch and LightGBM each bring an OpenMP.

The process is started afresh (`python -m hemline.photos.process`), so that a caller's
script needs no `if __name__ == "__main__"`. It reads one JSON request and answers with
lines of JSON: progress, then a report or an error.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import hemline.errors
from hemline.blocks import Progress
from hemline.errors import HemlineError
from hemline.photos.vectors import EmbedReport

_STDERR_CHARACTERS = 2000


def embed_in_process(
    images: Path,
    article_ids: Sequence[str],
    spec: str,
    preprocessing: dict[str, Any],
    out: Path,
    work: Path,
    batch: int,
    threads: int,
    progress: Progress,
) -> EmbedReport:
    """Do what `hemline.photos.embed.embed_photos` does, in another process.

    Raises
    ------
    HemlineError
        What the other process raised; or it ended without an answer.
    """
    request = {
        "images": str(images.absolute()),
        "article_ids": list(article_ids),
        "spec": spec,
        "preprocessing": preprocessing,
        "out": str(out.absolute()),
        "work": str(work.absolute()),
        "batch": batch,
        "threads": threads,
    }
    # -P: a folder called hemline in the current directory must not be imported in our place
    command = [sys.executable, "-P", "-m", __name__]
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            encoding="utf-8",
        )
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            with suppress(BrokenPipeError):  # it ended at once; what it said is reported below
                process.stdin.write(json.dumps(request))
                process.stdin.flush()
            with suppress(BrokenPipeError):
                process.stdin.close()
            report = _listen(process.stdout, progress)
            status = process.wait()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if report is None:
            complaints.seek(0)
            said = complaints.read().decode(errors="replace")[-_STDERR_CHARACTERS:].strip()
            raise HemlineError(
                f"{spec}: the process that embeds photos ended with status {status}\n{said}",
                hint="status -9 means that it was killed, mostly for want of memory: "
                "choose a smaller photos.batch or fewer threads",
            )
    return report


def _listen(answers: IO[str], progress: Progress) -> EmbedReport | None:
    for line in answers:
        answer = json.loads(line)
        if "progress" in answer:
            progress(*answer["progress"])
        elif "error" in answer:
            raise _error(answer["error"])
        else:
            return EmbedReport(**answer["report"])
    return None


def _error(told: dict[str, str]) -> HemlineError:
    kind = getattr(hemline.errors, told["kind"], HemlineError)
    # not through its own __init__: subclasses take other arguments
    error: HemlineError = kind.__new__(kind)
    HemlineError.__init__(error, told["message"], hint=told["hint"])
    return error


def main() -> None:
    """Answer one request from standard input on standard output."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    # whatever the libraries print goes to standard error
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(**answer: Any) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    from hemline.photos.embed import embed_with
    from hemline.photos.spec import make_embedder

    request = json.load(sys.stdin)
    try:
        report = embed_with(
            make_embedder(request["spec"], request["preprocessing"]),
            Path(request["images"]),
            request["article_ids"],
            Path(request["out"]),
            work=Path(request["work"]),
            batch=request["batch"],
            threads=request["threads"],
            progress=lambda done, total: say(progress=[done, total]),
        )
    except HemlineError as error:
        kind = next(one for one in type(error).__mro__ if one.__module__ == "hemline.errors")
        say(error={"kind": kind.__name__, "message": str(error), "hint": error.hint})
        return
    say(report=vars(report))


if __name__ == "__main__":
    main()
