"""Just enough of HTTP/1.1 to tell where an answer ends."""

_MOST = 65536  # bytes of a head


class Malformed(ValueError):
    """What came is no HTTP answer."""


class Parser:
    """One answer, fed as it comes.

    Its length is told by Content-Length, by chunks, or, without either, by the end of the connection.
    """

    def __init__(self) -> None:
        self.status = 0
        self.closes = False  # whether the server closes the connection after it
        self.body = bytearray()
        self._head = bytearray()
        self._left: int | None = None  # bytes of the body that are still to come
        self._chunked = False
        self._pending = bytearray()  # of chunks, what is not understood yet

    def feed(self, data: bytes) -> bool:
        """Takes more of the answer; returns whether it is complete. Raises ``Malformed``."""
        if not self.status:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                if len(self._head) > _MOST or not self._head.startswith(b"HTTP/"[: len(self._head)]):
                    raise Malformed("no head of an answer")
                return False
            data = bytes(self._head[end + 4 :])
            self._read_head(bytes(self._head[:end]))
        if self._chunked:
            self._pending += data
            return self._read_chunks()
        self.body += data
        if self._left is None:
            return False
        if len(self.body) > self._left:
            raise Malformed("more than one answer")
        return len(self.body) == self._left

    def whole_at_end(self) -> bool:
        """Whether the answer is complete, now that the connection has ended."""
        return bool(self.status) and self._left is None and not self._chunked

    def _read_head(self, head: bytes) -> None:
        first, *lines = head.split(b"\r\n")
        words = first.split(b" ", 2)
        if not first.startswith(b"HTTP/1.") or len(words) < 2 or not words[1].isdigit():
            raise Malformed("no status line")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
        self.status = int(words[1])
        self.closes = headers.get(b"connection", b"").lower() == b"close" or first.startswith(b"HTTP/1.0")
        self._chunked = headers.get(b"transfer-encoding", b"").lower() == b"chunked"
        length = headers.get(b"content-length")
        if length is not None and not length.isdigit():
            raise Malformed("no length")
        self._left = int(length) if length is not None else None

    def _read_chunks(self) -> bool:
        """Takes the whole chunks out of what is pending; returns whether the last one was among them."""
        while (line := self._pending.find(b"\r\n")) >= 0:
            try:
                size = int(bytes(self._pending[:line]).partition(b";")[0], 16)
            except ValueError:
                raise Malformed("no chunk") from None
            end = line + 2 + size + 2
            if len(self._pending) < end:
                return False
            if self._pending[end - 2 : end] != b"\r\n":  # also where trailers follow the last chunk: nobody sends any
                raise Malformed("no end of a chunk")
            self.body += self._pending[line + 2 : end - 2]
            del self._pending[:end]
            if size == 0:
                return True
        return False
