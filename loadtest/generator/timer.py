"""Waking up at a given time, to some tens of microseconds; for processes of gevent."""

from __future__ import annotations

import ctypes
import os
import time

import gevent  # type: ignore[import-untyped]
from gevent.socket import wait_read  # type: ignore[import-untyped]

_NANOSECONDS = 10**9
_ABSOLUTE = 1
_CLOEXEC_NONBLOCK = os.O_CLOEXEC | os.O_NONBLOCK
# Sleeps shorter than this are not worth a system call.
_SHORTEST_SECONDS = 20e-6


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _TimerSpec(ctypes.Structure):
    _fields_ = (("interval", _TimeSpec), ("value", _TimeSpec))


class Timer:
    """Sleeps until a time of `time.monotonic`.

    The event loop of gevent counts in whole milliseconds, as long as a fast answer takes. A timer of the Linux kernel
    (timerfd) is a file that becomes readable at the very time; elsewhere gevent's own sleep has to do.
    """

    def __init__(self) -> None:
        self._descriptor = -1
        try:
            self._library = ctypes.CDLL(None, use_errno=True)
            self._descriptor = self._library.timerfd_create(time.CLOCK_MONOTONIC, _CLOEXEC_NONBLOCK)
        except (OSError, AttributeError):
            pass

    def sleep_until(self, at: float) -> None:
        """Let others run until then."""
        ahead = at - time.monotonic()
        if self._descriptor < 0 or ahead < _SHORTEST_SECONDS:
            gevent.sleep(max(ahead, 0.0))
            return
        seconds = int(at)
        spec = _TimerSpec(value=_TimeSpec(seconds, int((at - seconds) * _NANOSECONDS)))
        self._library.timerfd_settime(self._descriptor, _ABSOLUTE, ctypes.byref(spec), None)
        wait_read(self._descriptor)
        os.read(self._descriptor, 8)

    def close(self) -> None:
        """Give the timer back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
