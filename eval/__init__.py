"""Measures the accuracy of a running server on labelled images: ``python -m eval --data FOLDER --url URL``."""
