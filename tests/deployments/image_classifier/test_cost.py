import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.image_classifier.cost import cost, equivalence

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
