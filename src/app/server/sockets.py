"""granian on sockets that it is handed: it would make its own, and what waits in their queues would be lost with a worker."""

import sys
from typing import Any, ClassVar

from granian._granian import SocketHolder
from granian.server import MPServer

from app.server.granian_process import Handed


class GranianOnSockets(MPServer):
    """granian with a listening socket for each worker, or one for all, which outlives it. Uses names that are granian's own."""

    handed: ClassVar[Handed]

    def _init_shared_socket(self) -> None:
        self._ssp = self._sso = None
        if sys.platform != "linux":
            # There granian's workers expect it of the process that made the socket.
            for each in self.handed.sockets:
                each.listen(self.backlog)

    def _spawn_worker(self, idx: int, target: Any, callback_loader: Any) -> Any:  # type: ignore[override]
        sockets = self.handed.sockets
        self.handed.own = own = sockets[idx % len(sockets)]
        arguments = (own.fileno(), False, self.backlog) if sys.platform == "linux" else (own.fileno(), False)
        self._shd = SocketHolder(*arguments)  # type: ignore[assignment]
        return super()._spawn_worker(idx, target, callback_loader)

    def _drop_shared_socket(self) -> None:
        for each in self.handed.sockets:
            each.close()
