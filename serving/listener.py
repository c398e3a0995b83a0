"""The port that requests come in at, held by a process that outlives HAProxy.

A HAProxy that opens the port itself takes it along when it dies: until Serve has started the next one connections are
refused, and those that the system had accepted for it in the meantime are reset. So ``facet serve`` opens the port and
hands it to each HAProxy that starts (``serving/haproxy.py``) through a socket in a folder of its own. Between two of
them clients wait instead of being turned away.

The port is opened when it is first asked for, which is when the first gateway can answer: until then clients are
refused, as is usual while a server starts, and again as soon as it is to end.
"""

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

logger = logging.getLogger(__name__)

_WAITING = 4096  # connections that may wait for the next HAProxy; the system may allow fewer (net.core.somaxconn)


@contextmanager
def held(path: Path, host: str, port: int) -> Iterator[Callable[[], None]]:
    """Hands the port out, while the block lasts, to whoever connects to the Unix socket ``path``.

    Each gets a byte and the descriptor of the listening socket, or, where the port cannot be had, why not. What the
    block is given ends that before the block does.
    """
    with socket.socket(socket.AF_UNIX) as counter:
        counter.bind(str(path))
        counter.listen()
        hander = Thread(target=_hand_out, args=(counter, host, port), name=held.__name__, daemon=True)
        hander.start()

        def let_go() -> None:
            with suppress(OSError):  # it has been let go before
                counter.shutdown(socket.SHUT_RDWR)
            hander.join()

        try:
            yield let_go
        finally:
            let_go()
            path.unlink(missing_ok=True)


def _hand_out(counter: socket.socket, host: str, port: int) -> None:
    listening: socket.socket | None = None
    with suppress(OSError):  # the end of the block
        while True:
            asking, _ = counter.accept()
            with asking:
                try:
                    listening = listening or _opened(host, port)
                    socket.send_fds(asking, [b"0"], [listening.fileno()])
                except OSError as error:
                    logger.exception("The port %d of %s could not be handed to HAProxy", port, host)
                    with suppress(OSError):
                        asking.sendall(f"cannot listen on {host}:{port}: {error.strerror}".encode())
    if listening is not None:
        listening.close()


def _opened(host: str, port: int) -> socket.socket:
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    return socket.create_server((host, port), family=family, backlog=_WAITING)
