"""Clients that note what became of each of their requests; for what wrk cannot tell."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from loadtest.payloads import Payload

TIMEOUT_SECONDS = 120
PAUSE_AFTER_FAILURE_SECONDS = 0.02

# refused: no connection; closed: the connection ended without a response; failed: a response of another status.
Outcome = Literal["answered", "refused", "closed", "failed"]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request.

    Attributes:
        sent: when, in seconds since the epoch.
        ended: when its response or error came.
        outcome: what became of it.
    """

    sent: float
    ended: float
    outcome: Outcome


class Clients:
    """Keep a number of requests out, each over its own connection, from `start` to `stop`.

    Args:
        url: where to send them.
        payloads: bodies, sent in turn.
        count: of the clients.
    """

    def __init__(self, url: str, payloads: Sequence[Payload], count: int) -> None:
        self._url = urlsplit(url)
        self._payloads = payloads
        self._exchanges: list[Exchange] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=[number], daemon=True) for number in range(count)]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> list[Exchange]:
        """Send nothing more, wait for what is out, and return all exchanges by the time they were sent."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return sorted(self._exchanges, key=lambda exchange: exchange.sent)

    def _run(self, number: int) -> None:
        connection = http.client.HTTPConnection(str(self._url.hostname), self._url.port, timeout=TIMEOUT_SECONDS)
        while not self._stop.is_set():
            payload = self._payloads[number % len(self._payloads)]
            number += len(self._threads)
            sent = time.time()
            outcome = self._send(connection, payload)
            self._exchanges.append(Exchange(sent, time.time(), outcome))
            if outcome in {"refused", "closed"}:
                connection.close()
                self._stop.wait(PAUSE_AFTER_FAILURE_SECONDS)
        connection.close()

    def _send(self, connection: http.client.HTTPConnection, payload: Payload) -> Outcome:
        try:
            connection.request("POST", self._url.path, payload.content, {"content-type": payload.content_type})
            response = connection.getresponse()
            response.read()
        except ConnectionRefusedError:
            return "refused"
        except (OSError, http.client.HTTPException):
            return "closed"
        return "answered" if response.status == http.client.OK else "failed"
