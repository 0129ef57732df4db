"""The engines of the relational work."""
