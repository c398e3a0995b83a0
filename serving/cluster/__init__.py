"""Ray: deployments, replicas, calls between processes, placement. No other package of ours imports Ray."""
