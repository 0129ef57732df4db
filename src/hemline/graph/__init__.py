"""The shop as a property graph: a view of the tables, open to Cypher, in two kinds of store."""
