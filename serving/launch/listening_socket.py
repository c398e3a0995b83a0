"""The port that requests come in at, held by a process that outlives HAProxy.

A HAProxy that opens the port itself takes it along when it dies: until Serve has started the next one connections are
refused, and those that the system had accepted for it in the meantime are reset. So ``facet serve`` opens the port and
hands it to each HAProxy that starts (``serving/launch/haproxy.py``) through a socket in a folder of its own. Between
two of them clients wait instead of being turned away.

The port is opened when it is first asked for, which is when the first gateway can answer: until then clients are
refused, as is usual while a server starts. When the server is to end it is closed here at once, and for good when
HAProxy has gone, too.
"""

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

logger = logging.getLogger(__name__)

_PATIENCE = 5.0  # seconds for the end
_PAUSE = 0.5  # seconds
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
        ending = Event()
        hander = Thread(target=_hand_out, args=(counter, host, port, ending), name=held.__name__, daemon=True)
        hander.start()

        def let_go() -> None:
            ending.set()
            with suppress(OSError):  # it has been let go before
                counter.shutdown(socket.SHUT_RDWR)
            hander.join(_PATIENCE)

        try:
            yield let_go
        finally:
            let_go()
            path.unlink(missing_ok=True)


def _hand_out(counter: socket.socket, host: str, port: int, ending: Event) -> None:
    listening: socket.socket | None = None
    while not ending.is_set():
        try:
            asking, _ = counter.accept()
        except OSError:  # the end, or no descriptor is left just now
            ending.wait(_PAUSE)
            continue
        with asking, suppress(OSError):  # who asked may have left
            try:
                listening = listening or _opened(host, port)
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or str(error)
                logger.error("The port %d of %s cannot be handed to HAProxy: %s", port, host, why)  # noqa: TRY400 - it is all there is to say
                asking.sendall(f"cannot listen on {host}:{port}: {why}".encode())
            else:
                socket.send_fds(asking, [b"0"], [listening.fileno()])
    if listening is not None:
        listening.close()


def _opened(host: str, port: int) -> socket.socket:
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    both = host == "::" and socket.has_dualstack_ipv6()  # which Ray has HAProxy take for all addresses, too
    return socket.create_server((host, port), family=family, backlog=_WAITING, dualstack_ipv6=both)
