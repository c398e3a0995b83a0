"""Everything that ``facet serve`` starts: the database, the listening socket, HAProxy and Ray Serve."""
