"""What of the graph a shop has, and how that is written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from hemline.errors import GraphError
from hemline.schema import GRAPH, Label, Property, Relationship


@dataclass(frozen=True)
class GraphModel:
    """The labels and relationships that a shop's columns allow.

    `dimension` is the length of the embeddings, 0 where there are none or it is not known.
    """

    labels: tuple[Label, ...]
    relationships: tuple[Relationship, ...]
    dimension: int = 0

    @classmethod
    def full(cls) -> Self:
        """Return everything that schema.GRAPH declares."""
        return cls(GRAPH.labels, GRAPH.relationships)

    @classmethod
    def of(cls, present: Mapping[str, Set[str]], dimension: int = 0) -> Self:
        """Keep what can be made from the columns that have a value.

        A label needs its key, a relationship both its labels and its source; a property its
        column.

        Parameters
        ----------
        present : dict
            Table or source of schema.GRAPH -> its columns that are not wholly null.
        """
        labels = tuple(
            replace(one, properties=_with(one.properties, present[one.table]))
            for one in GRAPH.labels
            if one.key.column in present.get(one.table, ())
        )
        known = {one.name for one in labels}
        relationships = tuple(
            replace(one, properties=_with(one.properties, present[one.source]))
            for one in GRAPH.relationships
            if {one.start, one.end} <= known and one.source in present
        )
        return cls(labels, relationships, dimension)

    def label(self, name: str) -> Label:
        """Return a label by its name.

        Raises
        ------
        GraphError
            The shop has no such label.
        """
        for one in self.labels:
            if one.name == name:
                return one
        raise GraphError(
            f"this shop's graph has no label {name!r}",
            hint=f"it has {', '.join(one.name for one in self.labels)}",
        )

    def relationship(self, name: str, start: str | None = None) -> Relationship:
        """Return a relationship by its name, and the label it starts from where two share it.

        Raises
        ------
        GraphError
            The shop has no such relationship.
        """
        for one in self.relationships:
            if one.name == name and start in (None, one.start):
                return one
        names = dict.fromkeys(one.name for one in self.relationships)
        raise GraphError(
            f"this shop's graph has no relationship {name!r}", hint=f"it has {', '.join(names)}"
        )

    def only(self, labels: Set[str], relationships: Set[str]) -> Self:
        """Return the part of the model with these labels and relationships."""
        kept = tuple(one for one in self.labels if one.name in labels)
        names = {one.name for one in kept}
        return replace(
            self,
            labels=kept,
            relationships=tuple(
                one
                for one in self.relationships
                if one.name in relationships and {one.start, one.end} <= names
            ),
        )

    def with_relationship(self, one: Relationship) -> Self:
        """Return the model with a relationship added, or as it is when it is there."""
        if any(found.table == one.table for found in self.relationships):
            return self
        return replace(self, relationships=(*self.relationships, one))

    def constraints(self) -> list[str]:
        """Return the statements that make every key unique, as Neo4j spells them."""
        return [
            f"CREATE CONSTRAINT unique{one.name} IF NOT EXISTS "
            f"FOR (n:{quoted(one.name)}) REQUIRE n.{quoted(one.key.name)} IS UNIQUE"
            for one in self.labels
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the model as plain values; `from_json` takes them back."""
        return {
            "labels": [asdict(one) for one in self.labels],
            "relationships": [asdict(one) for one in self.relationships],
            "dimension": self.dimension,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            tuple(
                Label(
                    one["name"],
                    Property(**one["key"]),
                    _properties(one["properties"]),
                    one["table"],
                )
                for one in content["labels"]
            ),
            tuple(
                Relationship(**{**one, "properties": _properties(one["properties"])})
                for one in content["relationships"]
            ),
            content["dimension"],
        )

    def to_text(self, counts: Mapping[str, int] | None = None) -> str:
        """Describe the model in lines of plain text, with how many there are of each."""
        n = counts or {}
        lines = ["Labels"]
        for one in self.labels:
            lines.append(f"  {one.name}{_number(n, one.name)}")
            lines.append(f"    {one.key.name}: {one.key.type}, the key{_from(one.key, one.table)}")
            lines.extend(
                f"    {found.name}: {self._type(found)}{_from(found, one.table)}"
                for found in one.properties
            )
        lines.extend(["", "Relationships"])
        for edge in self.relationships:
            lines.append(
                f"  (:{edge.start})-[:{edge.name}]->(:{edge.end}){_number(n, edge.table)}"
                f"  from {edge.source}"
            )
            lines.extend(f"    {found.name}: {self._type(found)}" for found in edge.properties)
        return "\n".join(lines) + "\n"

    def to_mermaid(self) -> str:
        """Draw the model as a Mermaid flowchart; Markdown viewers show it as a picture."""
        lines = ["graph LR"]
        for one in self.labels:
            names = [f"<u>{one.key.name}</u>", *(found.name for found in one.properties)]
            lines.append(f'    {one.name}["<b>{one.name}</b><br/>{"<br/>".join(names)}"]')
        for edge in self.relationships:
            names = [edge.name, *(found.name for found in edge.properties)]
            lines.append(f'    {edge.start} -- "{"<br/>".join(names)}" --> {edge.end}')
        return "\n".join(lines) + "\n"

    def _type(self, found: Property) -> str:
        if found.type != "vector":
            return found.type
        return f"list of {self.dimension} float" if self.dimension else "list of float"


def quoted(name: str) -> str:
    """Return a name as Cypher takes it where it might be a keyword, as Index may."""
    return "`" + name.replace("`", "``") + "`"


def _with(properties: Sequence[Property], columns: Set[str]) -> tuple[Property, ...]:
    return tuple(one for one in properties if one.column in columns)


def _properties(content: Sequence[Mapping[str, Any]]) -> tuple[Property, ...]:
    return tuple(Property(**one) for one in content)


def _number(counts: Mapping[str, int], name: str) -> str:
    return f"  {counts[name]:,}" if name in counts else ""


def _from(found: Property, table: str) -> str:
    return "" if table == "ages" else f"  <- {table}.{found.column}"
