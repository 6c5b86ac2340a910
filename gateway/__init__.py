"""The agent: one value's way from a driver through the store to the publishers."""

__version__ = "0.1.0"
