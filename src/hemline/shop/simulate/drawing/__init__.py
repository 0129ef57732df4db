"""Drawing product photos: silhouettes, cloth, and a light background."""
