import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deployments.image_classifier.engines.parts import run_parts
from deployments.image_classifier.engines.probe import probe, probes


@given(count=st.integers(1, 20), most=st.integers(1, 9))
def test_each_image_gets_its_own_answer_in_as_few_parts_as_possible(count, most):
    batch, sizes = probe(2, count), []

    def run(part):
        sizes.append(len(part))
        return part.reshape(len(part), -1).astype(np.float32)

    np.testing.assert_array_equal(run_parts(run, batch, most), batch.reshape(count, -1))
    assert max(sizes) <= most
    assert len(sizes) == -(-count // most)


def test_an_engine_is_warmed_with_one_image_and_a_whole_batch():
    assert [images.shape for images in probes(4, 8)] == [(1, 4, 4, 3), (8, 4, 4, 3)]
    assert [len(images) for images in probes(4, 1)] == [1]
