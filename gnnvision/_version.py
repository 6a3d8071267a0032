"""The version, read by the build and written into every run's `result.json`."""

__version__ = "0.7.0"
