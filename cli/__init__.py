"""The ``facet`` command: the outermost layer, which may use all others."""
