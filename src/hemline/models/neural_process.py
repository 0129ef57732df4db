"""Training in a process of its own: torch and LightGBM each bring an OpenMP.

The process is started afresh (`python -m hemline.models.neural_process`), so that a caller's
script needs no `if __name__ == "__main__"`. It reads one JSON request, finds its arrays as
.npy files in the folder that the request names, and answers with lines of JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any, NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt

import hemline.errors
from hemline.errors import HemlineError, MissingExtraError

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]
Heard: TypeAlias = Callable[[dict[str, Any]], None]

_STDERR_CHARACTERS = 2000


def train_here(
    trainer: str, settings: dict[str, Any], arrays: Arrays, threads: int, heard: Heard
) -> Arrays:
    """Call the function `train` of a module in this process."""
    trained: Arrays = import_module(trainer).train(settings, arrays, threads, heard)
    return trained


def train_apart(
    trainer: str, settings: dict[str, Any], arrays: Arrays, threads: int, heard: Heard
) -> Arrays:
    """Do what `train_here` does, in another process.

    Parameters
    ----------
    trainer : str
        Module with `train(settings, arrays, threads, heard) -> arrays`.
    settings : dict
        JSON.
    arrays : dict of arrays
    threads : int
        0: one for each processor.
    heard : callable
        Called with what is told after each epoch.

    Raises
    ------
    HemlineError
        What the other process raised; or it ended without an answer.
    """
    with tempfile.TemporaryDirectory(prefix="hemline-train-") as name:
        folder = Path(name)
        write_arrays(arrays, folder / "in")
        request = {"trainer": trainer, "settings": settings, "folder": name, "threads": threads}
        status, said = _run(request, heard)
        if status or not (folder / "out").is_dir():
            raise HemlineError(
                f"{trainer}: the process that trains ended with status {status}\n{said}",
                hint="status -9 means that it was killed, mostly for want of memory: choose a "
                "smaller batch or fewer factors",
            )
        return read_arrays(folder / "out")


def _run(request: dict[str, Any], heard: Heard) -> tuple[int, str]:
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
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            with suppress(BrokenPipeError):  # it ended at once; what it said is reported below
                process.stdin.write(json.dumps(request))
                process.stdin.flush()
            with suppress(BrokenPipeError):
                process.stdin.close()
            _listen(process.stdout, heard)
            status = process.wait()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            process.stdout.close()
        complaints.seek(0)
        return status, complaints.read().decode(errors="replace")[-_STDERR_CHARACTERS:].strip()


def _listen(answers: IO[str], heard: Heard) -> None:
    for line in answers:
        answer = json.loads(line)
        if "error" in answer:
            raise _error(answer["error"])
        heard(answer["epoch"])


def _error(told: dict[str, str]) -> HemlineError:
    kind = getattr(hemline.errors, told["kind"], HemlineError)
    # not through its own __init__: subclasses take other arguments
    error: HemlineError = kind.__new__(kind)
    HemlineError.__init__(error, told["message"], hint=told["hint"])
    return error


def write_arrays(arrays: Arrays, folder: Path) -> None:
    """Write each array as a .npy file into a new folder."""
    folder.mkdir()
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)


def read_arrays(folder: Path) -> Arrays:
    """Read every .npy file of a folder."""
    # read, not mapped: the folder goes when the training is over
    return {path.stem: np.load(path, allow_pickle=False) for path in sorted(folder.iterdir())}


def torch_module() -> Any:
    """Import torch.

    Raises
    ------
    MissingExtraError
        It is not installed.
    """
    try:
        import torch
    except ImportError:
        raise MissingExtraError("torch", "neural") from None
    return torch


def leave() -> NoReturn:
    """End this process, whose work is done, without running any destructor.

    The threads of gloo outlive their process group where TorchRec still holds it; the C++ runtime
    then calls abort at the interpreter's end, and finished work would count as failed.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def main() -> None:
    """Answer one request from standard input on standard output."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    # whatever the libraries print goes to standard error
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(**answer: Any) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    request = json.load(sys.stdin)
    folder = Path(request["folder"])
    try:
        found = train_here(
            request["trainer"],
            request["settings"],
            read_arrays(folder / "in"),
            request["threads"],
            lambda told: say(epoch=told),
        )
    except HemlineError as error:
        kind = next(one for one in type(error).__mro__ if one.__module__ == "hemline.errors")
        say(error={"kind": kind.__name__, "message": str(error), "hint": error.hint})
        return
    write_arrays(found, folder / "out")


if __name__ == "__main__":
    main()
    leave()
