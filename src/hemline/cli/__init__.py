"""The command line: parse, call, print. Data goes to stdout, everything else to stderr."""

from __future__ import annotations

import sys

from hemline.cli import (
    comparing,
    explain,
    graph,
    graph_query,
    graph_server,
    looking,
    making,
    paper,
    planning,
    ranking,
    ranking_features,
    recipes,
    reporting,
    serving,
    stages,
    updating,
)
from hemline.cli.app import app
from hemline.errors import HemlineError

COMMANDS = (
    stages,
    looking,
    explain,
    planning,
    making,
    paper,
    comparing,
    graph,
    graph_query,
    graph_server,
    ranking_features,
    ranking,
    recipes,
    reporting,
    serving,
    updating,
)
"""Modules whose commands are registered by importing them."""


def main() -> None:
    """Run the command line; errors raised on purpose are printed without a traceback."""
    try:
        app()
    except HemlineError as error:
        print(f"error: {error}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        sys.exit(error.exit_status)
    except BrokenPipeError:
        # the reader of our output has gone, as in `hemline recommend … | head`
        sys.stderr.close()
        sys.exit(0)
    except KeyboardInterrupt:
        print("interrupted; the same command continues where it was", file=sys.stderr)
        sys.exit(130)


__all__ = ["app", "main"]
