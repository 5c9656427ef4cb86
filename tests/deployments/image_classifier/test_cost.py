import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.image_classifier.cost import cost, equivalence, measure_throughput

figure = st.floats(0.01, 1e5)


def test_a_cost_worked_out_by_hand():
    # 100 images a second at half load are 180,000 an hour for 2 units.
    found = cost(100, 2, 0.5)
    assert found.images_per_second == 50
    assert found.images_per_unit == pytest.approx(90_000)
    assert found.per_million == pytest.approx(1_000_000 / 90_000)


def test_an_equivalence_worked_out_by_hand():
    found = equivalence(20, 500, cpu_cores=8, cpu_price=0.4)
    assert (found.cpu_machines, found.cpu_cores) == (25, 200)
    assert found.gpu_price_limit == pytest.approx(10)


@given(figure, figure, figure, figure, st.floats(0.01, 1))
def test_below_its_price_limit_a_gpu_is_the_cheaper_one(cpu, gpu, cpu_price, gpu_price, utilization):
    limit = equivalence(cpu, gpu, cpu_cores=1, cpu_price=cpu_price).gpu_price_limit
    if abs(gpu_price - limit) > 1e-9 * limit:
        is_cheaper = cost(gpu, gpu_price, utilization).per_million < cost(cpu, cpu_price, utilization).per_million
        assert is_cheaper == (gpu_price < limit)


class Engine:
    """Takes a second for each batch and a tenth for each image, by its own clock; the first of a size much longer."""

    def __init__(self):
        self.now = 0.0
        self.sizes = []

    def infer(self, batch):
        assert batch.shape[1:] == (8, 8, 3)
        assert batch.dtype == np.uint8
        self.now += 1 + len(batch) / 10 + (0 if len(batch) in self.sizes else 100)
        self.sizes.append(len(batch))

    def clock(self):
        return self.now


def test_the_best_batch_size_is_found_whatever_its_first_batch_takes():
    engine = Engine()
    best, size = measure_throughput(engine, 8, (1, 2, 10), seconds=5, clock=engine.clock)
    assert size == 10
    assert best == pytest.approx(10 / 2)
    # The first and as many as fit into five seconds.
    assert [engine.sizes.count(each) for each in (1, 2, 10)] == [6, 6, 4]


def test_one_batch_is_measured_however_long_it_takes():
    engine = Engine()
    best, size = measure_throughput(engine, 8, [2], seconds=0, clock=engine.clock)
    assert (best, size) == (pytest.approx(2 / 1.2), 2)
