"""Models joined into twelve articles for every customer."""
