import threading

import pytest

from deployments.ingress.large_bodies import LARGE_BYTES, aside


@pytest.mark.parametrize(("size", "on_loop"), [(LARGE_BYTES, True), (LARGE_BYTES + 1, False)])
async def test_only_large_bodies_leave_the_event_loop(size, on_loop):
    assert (await aside(size, threading.current_thread) is threading.current_thread()) == on_loop
