"""All but CUDA's own calls: what records is made of PyTorch on the CPU."""

import copy
import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deployments.image_classifier.engines.cuda_graphs import (
    RecordedNetwork,
    Recording,
    batch_sizes,
    cuda_recorder,
    padded_size,
)
from deployments.image_classifier.engines.probe import probe
from deployments.image_classifier.torchvision_networks.architectures import build
from deployments.image_classifier.torchvision_networks.classification import Classification
from deployments.image_classifier.torchvision_networks.pretrained import find_pretrained


@given(st.integers(1, 5000))
def test_sizes_are_few_and_end_with_the_most(most):
    sizes = batch_sizes(most)
    assert sizes[0] == 1
    assert sizes[-1] == most
    assert list(sizes) == sorted(set(sizes))
    assert all(larger <= 2 * smaller for smaller, larger in itertools.pairwise(sizes))
    assert len(sizes) <= most.bit_length() + 1


@given(st.integers(1, 500).flatmap(lambda most: st.tuples(st.just(most), st.integers(1, most))))
def test_a_batch_is_padded_to_the_next_size(most_and_count):
    most, count = most_and_count
    sizes = batch_sizes(most)
    size = padded_size(count, sizes)
    assert size in sizes
    assert count <= size < 2 * count
    assert all(other < count for other in sizes if other < size)


def test_what_no_size_holds_is_refused():
    with pytest.raises(ValueError, match="5 images are more than 4"):
        padded_size(5, batch_sizes(4))


def on_the_cpu(recorded):
    """Record as CUDA does: what a repetition gives is always in the same place, where others give theirs, too."""
    pool = torch.empty(10_000)

    def record(run):
        first = run()
        output = pool[: first.numel()].view(first.shape)

        def replay():
            pool.fill_(float("nan"))
            output.copy_(run())

        recorded.append(len(first))
        return Recording(output, replay)

    return record


@pytest.fixture(scope="module")
def network():
    known = find_pretrained("squeezenet1_1", "DEFAULT")
    return Classification(build("squeezenet1_1", classes=7, options={}, seed=0), known.preset).eval()


@torch.inference_mode()
def test_any_number_of_images_is_answered_as_without_a_recording(network):
    images = torch.from_numpy(probe(64, 6))
    recorded = []
    inputs = torch.zeros_like(images)
    repeated = RecordedNetwork(network, inputs, on_the_cpu(recorded))
    assert repeated.sizes == (1, 2, 4, 6)
    # The largest takes the memory, and the others find room in it.
    assert recorded == [6, 4, 2, 1]
    # Full, then with the rest of the batch before, then full again.
    for count in (6, 1, 3, 5, 2, 4, 6):
        torch.testing.assert_close(repeated(images[-count:]), network(images[-count:]), atol=1e-6, rtol=0)


@torch.inference_mode()
def test_the_images_are_read_from_where_the_network_was_recorded(network):
    images = torch.from_numpy(probe(64, 2))
    inputs = torch.zeros_like(images)
    repeated = RecordedNetwork(network, inputs, on_the_cpu([]))
    place = inputs.data_ptr()
    repeated(images[:1])
    repeated(copy.deepcopy(images))
    assert inputs.data_ptr() == place
    assert torch.equal(inputs, images)


def test_what_cannot_be_recorded_is_an_error_of_the_recorder():
    def refuse(_):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        RecordedNetwork(torch.nn.Identity(), torch.zeros(2, 4, 4, 3), refuse)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need a GPU.")
@torch.inference_mode()
def test_cuda_graphs_answer_as_the_network_does(network):
    device = torch.device("cuda")
    images = torch.from_numpy(probe(64, 6)).pin_memory()
    moved = copy.deepcopy(network).to(device)
    repeated = RecordedNetwork(moved, torch.zeros_like(images, device=device), cuda_recorder())
    for count in (6, 1, 3, 5, 2, 4, 6):
        expected = network(images[-count:])
        # TF32 keeps 10 bits of a number.
        torch.testing.assert_close(repeated(images[-count:]).cpu(), expected, atol=1e-2, rtol=0)
