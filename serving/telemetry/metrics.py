"""All metrics, in one place. Their tags hold names from the catalogue and from tables of ours, never clients' words.

On Ray's endpoint each name starts with ``ray_``. ``service`` is a service of the catalogue, "graph", a façade, "pages"
or "unknown"; ``operation`` is "sample", "image", "call" (of a façade), "page" or "unknown"; ``node`` is a service, or
one of the other parts of a request, "decode" and "encode"; ``kind`` is a class of ``serving.http.errors.STATUS``,
"Cancelled" or "internal".
"""

from serving.telemetry.instruments import Histogram, Number

# Seconds: each about 1.6 times the one before, so that a quantile read from them is at most about a quarter off.
_SECONDS = (
    *(0.0005, 0.001, 0.002, 0.003, 0.005, 0.008, 0.013, 0.02, 0.03, 0.05, 0.08, 0.13),
    *(0.2, 0.3, 0.5, 0.8, 1.3, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 30.0),
)
_MANY = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128)
_PIXELS = (1e4, 3e4, 1e5, 3e5, 1e6, 2e6, 4e6, 8e6, 1.6e7, 3.2e7, 6.4e7)

REQUESTS = Number(
    "facet_requests_total",
    "Requests that were answered, by HTTP status; 499 where the client left first",
    ("service", "operation", "status"),
)
ERRORS = Number("facet_errors_total", "Requests and samples of batches that failed, by kind", ("service", "kind"))
REQUEST_SECONDS = Histogram(
    "facet_request_duration_seconds",
    "From the first byte of a request's headers to the last of its answer",
    _SECONDS,
    ("service", "operation"),
)
IN_FLIGHT = Number("facet_requests_in_flight", "Requests that this process works at", gauge=True)
RECEIVED = Number("facet_received_bytes_total", "Bodies of requests, by their Content-Length", ("service",))
SENT = Number("facet_sent_bytes_total", "Bodies of answers", ("service",))

NODE_SECONDS = Histogram(
    "facet_node_duration_seconds",
    "What a part of a request took as its caller sees it: cutting crops, waiting, transport and models",
    _SECONDS,
    ("node",),
)
NODE_ERRORS = Number("facet_node_errors_total", "Parts of requests that failed, by kind", ("node", "kind"))
PLACEMENT = Number(
    "facet_node_placement", "1 for where a gateway has a node run: local or remote", ("node", "placement"), gauge=True
)
OBJECTS = Histogram("facet_objects_per_image", "What a detector found in an image", _MANY, ("service",))
PIXELS = Histogram("facet_image_pixels", "Pixels of the images that were decoded", _PIXELS)

MODEL_SECONDS = Histogram(
    "facet_model_duration_seconds", "One run of a service's models, for a whole batch", _SECONDS, ("service",)
)
BATCH = Histogram("facet_batch_size", "Images, objects or pairs in one run of a service's models", _MANY, ("service",))
WAIT_SECONDS = Histogram(
    "facet_queue_wait_seconds", "From a call of a service until its models run for it", _SECONDS, ("service",)
)
QUEUE = Number(
    "facet_queue_length", "Calls that wait in the process that runs a service's models", ("service",), gauge=True
)

METRICS: tuple[Number | Histogram, ...] = (
    *(REQUESTS, ERRORS, REQUEST_SECONDS, IN_FLIGHT, RECEIVED, SENT),
    *(NODE_SECONDS, NODE_ERRORS, PLACEMENT, OBJECTS, PIXELS),
    *(MODEL_SECONDS, BATCH, WAIT_SECONDS, QUEUE),
)
