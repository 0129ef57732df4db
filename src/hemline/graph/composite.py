"""The commands that make a composite database of named stores, on Neo4j Enterprise."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hemline.config import NamedStore
from hemline.errors import ConfigError
from hemline.graph.model import quoted
from hemline.graph.stores import is_server


def composite_commands(name: str, stores: Mapping[str, NamedStore], *, uri: str = "") -> str:
    """Return a script for cypher-shell or the Browser: it makes the composite and its aliases.

    Afterwards `USE fabric.products` in a query means the same there as here.

    Parameters
    ----------
    name : str
        Of the composite database.
    stores : dict
        What each alias stands for; one called as the composite itself is left out.
    uri : str
        The server on which the script is run: its own databases need no address. Other
        servers are reached with a user, and a password that is asked for as a parameter and
        does not stand in the script.

    Raises
    ------
    ConfigError
        A store is embedded, or there is none.
    """
    members = {one: store for one, store in stores.items() if one != name}
    if not members:
        raise ConfigError("no store has a name", hint='[graph.stores.NAME] at = "neo4j://…"')
    for one, store in members.items():
        if not is_server(store.at):
            raise ConfigError(
                f"graph.stores.{one} is the folder {store.at}: a composite database joins servers",
                hint="Hemline itself joins embedded stores: ask it the query as it is",
            )
    whole = stores.get(name)
    uri = uri or (whole.at if whole else "")
    lines = [
        f"// The composite database {name}, on Neo4j Enterprise 5. Run it once, in the database",
        "// system, as a user who may make databases:",
        "//   cypher-shell -a ADDRESS -u neo4j -d system --file THIS",
    ]
    remote = {one: store for one, store in members.items() if not _same_server(store.at, uri)}
    lines.extend(
        f"//   with --param \"{_parameter(one)} => '…'\" for the password of {store.user} "
        f"at {store.at}"
        for one, store in remote.items()
    )
    lines.append(f"CREATE COMPOSITE DATABASE {quoted(name)} IF NOT EXISTS WAIT;")
    for one, store in members.items():
        database = quoted(store.database or "neo4j")
        alias = f"CREATE ALIAS {quoted(name)}.{quoted(one)} IF NOT EXISTS FOR DATABASE {database}"
        if one in remote:
            alias += (
                f"\n  AT {_text(store.at)} USER {quoted(store.user)} PASSWORD ${_parameter(one)}"
            )
        lines.append(f"{alias};")
    lines += [
        "",
        "// To have Hemline hand queries with USE over whole, name the composite database itself:",
        f"// [graph.stores.{name}]",
        f'// at = "{uri or "neo4j+s://…"}"',
        f'// database = "{name}"',
    ]
    return "\n".join(lines) + "\n"


def _same_server(at: str, uri: str) -> bool:
    def address(one: str) -> str:
        rest = one.partition("://")[2].rstrip("/").lower()
        return rest if ":" in rest else f"{rest}:7687"

    return not uri or address(at) == address(uri)


def _parameter(name: str) -> str:
    return re.sub(r"\W", "_", name) + "_password"


def _text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
