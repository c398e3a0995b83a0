"""Several raylets on one machine, as if each were a machine of a cluster, and Serve on them.

    python -m tests.e2e.cluster_nodes CONFIGURATION

The head takes what needs ``FRONT``, each of the ``OTHERS`` one replica of what needs ``ROOM``.
"""

import sys

import ray
from ray.cluster_utils import Cluster
from ray.serve.scripts import cli

FRONT, ROOM = "front", "room"  # resources that only exist to say what runs where
OTHERS = 2  # nodes beside the head
_OBJECTS = 80 * 2**20  # bytes of each node's object store, which nothing here needs


def main() -> None:
    head = {"num_cpus": 1, "resources": {FRONT: 1}, "include_dashboard": False, "object_store_memory": _OBJECTS}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    for _ in range(OTHERS):
        cluster.add_node(num_cpus=1, resources={ROOM: 1}, object_store_memory=_OBJECTS)
    ray.init(cluster.address, namespace="serve")
    cli(["run", sys.argv[1], "--app-dir", "."])


if __name__ == "__main__":
    main()
