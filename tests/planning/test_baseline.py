"""What a search looks at beforehand: the positions that the next layer reads."""

import numpy as np

from crshare.images.image_set import ImageSet
from crshare.network.graph import BitPool, Conv, Flatten, Input, Threshold
from crshare.planning.baseline import baseline_of
from tests.networks import Builder, random_signs


def test_the_positions_read_are_those_left_after_pooling() -> None:
    rng = np.random.default_rng(0)
    build = Builder(rng, Input((10, 10, 1)))
    for channels in (1, 4, 4):
        build.add(Conv(random_signs(rng, (3, 3, channels, 4))))
        build.add(Threshold(np.zeros(4, np.int32), np.ones(4, np.bool_)))
        if channels == 4 and not any(isinstance(layer.op, BitPool) for layer in build.layers):
            build.add(BitPool((2, 2), (2, 2), same=False, all_of=np.zeros(4, np.bool_)))
    build.add(Flatten())
    build.add(Conv(random_signs(rng, (1, 1, 4, 3))))
    pixels = rng.integers(0, 256, (5, 10, 10, 1)).astype(np.uint8)
    baseline = baseline_of(build.network, ImageSet("five", pixels, np.zeros(5, np.int64)))
    # 10x10 -> conv 8x8 -> conv 6x6, pooled 3x3 -> conv 1x1 -> dense
    assert [baseline_layer.table.positions for baseline_layer in baseline.layers] == [36, 1, 1]
    assert [baseline_layer.positions_read for baseline_layer in baseline.layers] == [9, 1, 1]


def test_a_convolution_is_worth_a_try_however_small_and_a_dense_layer_is_not() -> None:
    rng = np.random.default_rng(0)
    build = Builder(rng, Input((40, 40, 1)))
    for channels, window, stride in ((1, 3, 1), (4, 3, 1), (4, 3, 12), (4, 1, 3)):
        kernel = random_signs(rng, (window, window, channels, 4))
        build.add(Conv(kernel, strides=(stride, stride)))
        build.add(Threshold(np.zeros(4, np.int32), np.ones(4, np.bool_)))
    build.add(Conv(random_signs(rng, (1, 1, 4, 3))))
    pixels = rng.integers(0, 256, (5, 40, 40, 1)).astype(np.uint8)
    baseline = baseline_of(build.network, ImageSet("five", pixels, np.zeros(5, np.int64)))
    # 40x40 -> conv 38x38 -> conv 36x36 -> conv 3x3 -> dense 1x1, twice
    operations = [baseline_layer.table.slice_operations for baseline_layer in baseline.layers]
    assert operations == [36 * 36 * 9 * 16, 3 * 3 * 9 * 16, 16, 12]
    assert [baseline_layer.similar for baseline_layer in baseline.layers] == [
        True,
        True,
        False,
        False,
    ]
