import asyncio
import time

import pytest

from deployments.image_classifier.outside_work import OutsideWork, work


@pytest.mark.parametrize("milliseconds", [0, 1, 20])
def test_work_takes_so_much_of_a_cpu(milliseconds):
    before = time.thread_time()
    done = work(milliseconds)
    assert milliseconds <= done
    assert (time.thread_time() - before) * 1e3 >= milliseconds


async def test_it_is_done_by_other_processes():
    with OutsideWork(5) as outside:
        before = time.process_time()
        await asyncio.gather(*(outside() for _ in range(40)))
        assert time.process_time() - before < 0.2
