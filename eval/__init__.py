"""``facet eval``: how good the answers are, measured on labelled images through the HTTP interface."""
