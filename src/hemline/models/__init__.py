"""The models, each by itself."""
