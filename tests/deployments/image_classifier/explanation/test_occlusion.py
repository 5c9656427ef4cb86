import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.image_classifier.explanation.occlusion import covered, drops, patches

GREY = np.array((124, 116, 104), np.uint8)


class Counting:
    """Gives the share of white pixels in a place as the probability of class 1; keeps what it was given."""

    def __init__(self, rows=slice(None), columns=slice(None)):
        self.place = (slice(None), rows, columns)
        self.batches = []

    async def __call__(self, batch):
        self.batches.append(batch)
        white = (batch == 255).all(axis=-1)[self.place].mean(axis=(1, 2))
        return np.stack([1 - white, white], axis=1).astype(np.float32)


def white(height=70, width=70):
    return np.full((height, width, 3), 255, np.uint8)


async def explained(pixels, infer, *, class_index=1, probability=1.0, grid=7):
    return await drops(pixels, class_index, probability, infer, grid=grid, colour=GREY)


async def test_a_cell_is_as_hot_as_the_probability_falls_when_it_is_covered():
    heat = await explained(white(), Counting())
    assert heat.shape == (7, 7)
    # 20 x 20 of 70 x 70 pixels, and 15 at an edge.
    assert heat[3, 3] == pytest.approx(400 / 4900)
    assert heat[0, 3] == pytest.approx(300 / 4900)
    assert heat[0, 0] == heat[6, 6] == pytest.approx(225 / 4900)


async def test_what_the_class_does_not_need_is_cold():
    heat = await explained(white(), Counting(slice(0, 20), slice(50, 70)))
    assert heat.max() == heat[0, 6] > 0
    assert (heat[3:] == 0).all()
    assert (heat[:, :4] == 0).all()


async def test_where_the_class_becomes_more_probable_the_drop_is_negative():
    heat = await explained(white(), Counting(), class_index=0, probability=0.0)
    assert (heat < 0).all()


@pytest.mark.parametrize("grid", [2, 5, 7])
async def test_the_network_is_asked_once_for_each_cell_with_one_row_at_a_time(grid):
    infer = Counting()
    await explained(white(), infer, grid=grid)
    assert [len(batch) for batch in infer.batches] == [grid] * grid
    images = np.concatenate(infer.batches)
    assert len(np.unique(images, axis=0)) == grid**2


async def test_an_image_of_other_than_equal_sides_keeps_its_directions():
    heat = await explained(white(40, 80), Counting(slice(0, 10), slice(60, 80)), grid=4)
    assert heat.shape == (4, 4)
    assert heat.argmax() == 3


async def test_an_image_smaller_than_the_grid_has_a_cell_for_each_pixel():
    assert (await explained(white(3, 5), Counting(), grid=7)).shape == (3, 5)


def test_only_copies_are_covered():
    pixels = white(8, 8)
    (copy,) = covered(pixels, [(slice(0, 2), slice(4, 8))], GREY)
    assert (pixels == 255).all()
    assert (copy[0:2, 4:8] == GREY).all()
    assert (copy == 255).all(axis=-1).sum() == 64 - 8


@given(length=st.integers(1, 700), data=st.data())
def test_patches_reach_over_the_whole_side_and_overlap(length, data):
    cells = data.draw(st.integers(1, min(28, length)))
    found = patches(length, cells)
    assert len(found) == cells
    assert found[0].start == 0
    assert found[-1].stop == length
    for cell, patch in enumerate(found):
        # Its own cell is covered whole, up to rounding.
        assert patch.start <= cell * length / cells
        assert patch.stop >= (cell + 1) * length / cells
        assert 0 <= patch.start < patch.stop <= length
