"""Starts HAProxy, after it has completed the configuration that Ray Serve wrote, in what Ray has no settings for.

Run by the shell script ``haproxy`` beside it, which Ray takes for the binary. It uses nothing but Python's own library,
as it runs at every start and every change of the gateways:

- HAProxy's own pages for statistics and metrics listen on loopback; Ray has them listen on all interfaces.
- A request is passed on when all of it has come, up to RAY_SERVE_HAPROXY_TUNE_BUFSIZE bytes. A client that sends
  slowly then holds no gateway, and a request that a dying gateway did not answer is sent again to another one.
- Each request has an identity of its own, X-Facet-Request, the same each time that it is sent, so that an enrolment
  which a gateway had done before it died is not done twice.
- As long as no gateway is known HAProxy takes no connections, instead of telling clients 404.
- The port is that which ``serving.launch.listening_socket`` holds, where it does (FACET_LISTENER names its socket).
"""

import os
import re
import socket
import sys
from pathlib import Path

_SECTION = re.compile(r"^\S.*$(?:\n(?![^\s#]).*$)*", re.MULTILINE)  # a line at the margin and those below that are not
_BACKEND = re.compile(r"^ *use_backend ", re.MULTILINE)  # a gateway is known
_BIND = re.compile(r"^( *)bind (\S+)(.*)$", re.MULTILINE)
_PATIENCE = 10.0  # seconds for the port to be handed over
_OWN_PAGES = ("frontend prometheus", "listen stats")
_REQUESTS = "frontend http_frontend"


def completed(configuration: str, body_timeout: int, listening: int | None = None) -> str:
    """Ray's configuration with what is missing in it.

    A request must have arrived after ``body_timeout`` seconds. ``listening`` is the descriptor of the socket to take
    connections from, in place of the address that the configuration names.
    """
    served = _BACKEND.search(configuration)
    written = re.sub(
        r"^( *)option redispatch 1$",
        rf"\g<0>\n\1option http-buffer-request\n\1timeout http-request {body_timeout}s",
        configuration,
        flags=re.MULTILINE,
    )

    def section(found: re.Match[str]) -> str:
        text = found[0]
        if text.startswith(_OWN_PAGES):
            return _BIND.sub(lambda bind: f"{bind[1]}bind 127.0.0.1:{bind[2].rpartition(':')[2]}{bind[3]}", text)
        if text.startswith(_REQUESTS):
            return _BIND.sub(requests, text)
        return text

    def requests(bind: re.Match[str]) -> str:
        address = bind[2] if listening is None else f"fd@{listening}"
        listen = f"{bind[1]}bind {address}{bind[3]}\n" if served else ""
        return f"{listen}{bind[1]}http-request set-header X-Facet-Request %[uuid()]"

    return _SECTION.sub(section, written)


def listening_socket(path: str) -> int | None:
    """The descriptor of the socket that is held there, which HAProxy inherits; None where nobody holds one.

    Raises ``OSError`` where its holder cannot listen, either.
    """
    with socket.socket(socket.AF_UNIX) as counter:
        counter.settimeout(_PATIENCE)
        try:
            counter.connect(path)
        except OSError:
            return None
        said, descriptors, _, _ = socket.recv_fds(counter, 1024, 1)
    if not descriptors:
        raise OSError(said.decode() or "the port was not handed over")
    os.set_inheritable(descriptors[0], True)
    return descriptors[0]


def main() -> None:
    arguments = sys.argv[1:]
    body_timeout, holder = int(os.environ.get("FACET_HAPROXY_BODY_TIMEOUT", "15")), os.environ.get("FACET_LISTENER")
    for flag, name in zip(arguments, arguments[1:], strict=False):  # noqa: RUF007 - any Python from 3.10 will do
        if flag == "-f":
            file = Path(name)
            written = file.read_text(encoding="utf-8")
            listening = listening_socket(holder) if holder and _BACKEND.search(written) else None
            file.write_text(completed(written, body_timeout, listening), encoding="utf-8")
    binary = os.environ["FACET_HAPROXY"]
    os.execv(binary, [binary, *arguments])  # noqa: S606 - no shell wanted


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"HAProxy cannot start: {error}")
