"""The commands that make a composite database."""

from __future__ import annotations

import pytest

from hemline.config import NamedStore
from hemline.errors import ConfigError
from hemline.graph.composite import composite_commands


def test_databases_of_one_server_and_of_another() -> None:
    script = composite_commands(
        "fabric",
        {
            "neo4j": NamedStore(at="neo4j://here:7687"),
            "products": NamedStore(at="bolt://HERE", database="products"),
            "old-shop": NamedStore(
                at="neo4j+s://there:7688", user="o'reader", password="secret", database="a`b"
            ),
        },
        uri="neo4j://here",
    )
    statements = [one for one in script.splitlines() if not one.startswith("//") and one]
    assert statements == [
        "CREATE COMPOSITE DATABASE `fabric` IF NOT EXISTS WAIT;",
        "CREATE ALIAS `fabric`.`neo4j` IF NOT EXISTS FOR DATABASE `neo4j`;",
        "CREATE ALIAS `fabric`.`products` IF NOT EXISTS FOR DATABASE `products`;",
        "CREATE ALIAS `fabric`.`old-shop` IF NOT EXISTS FOR DATABASE `a``b`",
        "  AT 'neo4j+s://there:7688' USER `o'reader` PASSWORD $old_shop_password;",
    ]
    assert "secret" not in script
    assert "--param \"old_shop_password => '…'\"" in script
    assert '// [graph.stores.fabric]\n// at = "neo4j://here"\n// database = "fabric"' in script


def test_the_composite_itself_is_no_member_and_gives_the_server() -> None:
    stores = {
        "fabric": NamedStore(at="neo4j://here", database="fabric"),
        "products": NamedStore(at="neo4j://here", database="products"),
    }
    script = composite_commands("fabric", stores)
    assert "`fabric`.`fabric`" not in script
    assert " AT " not in script


def test_what_cannot_be_joined() -> None:
    with pytest.raises(ConfigError, match=r"graph.stores.products is the folder run/products"):
        composite_commands("fabric", {"products": NamedStore(at="run/products")})
    with pytest.raises(ConfigError, match="no store has a name"):
        composite_commands("fabric", {})
