"""Interfaces of other products, on the same services and one identity store, so that their clients work unchanged."""
