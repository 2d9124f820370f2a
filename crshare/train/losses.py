"""The loss of the binarised networks of 2015 and 2016: squared hinge on targets of +1 and -1."""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from crshare.arrays import Array


def targets(labels: Array, n_classes: int) -> npt.NDArray[np.float32]:
    """[n] classes to [n, classes]: +1 for its own class, -1 for the others."""
    return np.where(labels[:, None] == np.arange(n_classes), 1, -1).astype(np.float32)


def squared_hinge(wanted: Any, scores: Any) -> Any:
    """mean over classes of max(0, 1 - target score)^2 (L2-SVM; Tang 2013), for each image."""
    return tf.reduce_mean(tf.square(tf.maximum(0.0, 1.0 - wanted * scores)), axis=-1)
