"""Photos into vectors, vectors into neighbours."""
