"""The HTTP service: an API and pages over a finished run."""
