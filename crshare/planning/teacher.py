"""The training target of an image: in part its label, in part the original network's scores.

G. Hinton, O. Vinyals, J. Dean, "Distilling the knowledge in a neural network", 2015.
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, softmax

from crshare.arrays import Array
from crshare.executor.execute import Executor, compile_network
from crshare.executor.kernels.batches import Sliced
from crshare.images.image_set import ImageSet, StreamedSet
from crshare.network.graph import Network

N_IMAGES = 1000  # that tell the temperature
FINEST, COARSEST = -8, 12  # exponents of the temperatures that are tried
SMOOTHING = 0.1
DISTILLED = 0.5  # of what is wanted, where nobody says otherwise


@dataclass(frozen=True, eq=False)
class Teacher:
    """The original network, and the label, as a distribution over the classes.

    share: of the network. temperature: what scores are divided by before softmax.
    """

    executor: Executor
    share: float
    temperature: float

    def wanted(self, labels: Array, images: Array) -> npt.NDArray[np.float32]:
        """float32 [n, classes], each row a distribution."""
        network = self.executor.network
        n_classes = prod(network.signals[network.layers[-1].name].shape)
        wanted: npt.NDArray[np.floating[Any]] = (labels[:, None] == np.arange(n_classes)) * 1.0
        if self.share > 0:
            said = softmax(flat_scores(self.executor, images) / self.temperature, axis=1)
            wanted = self.share * said + (1 - self.share) * wanted
        return wanted.astype(np.float32)


def teacher_of(network: Network, images: ImageSet | StreamedSet, share: float) -> Teacher:
    """The temperature is the power of two at which the network's cross-entropy on images that it
    does not know is least: scores may be sums of any size (Guo et al. 2017). Labels are smoothed,
    or else a network that is right on all images would take the finest."""
    executor, first = compile_network(network), slice(N_IMAGES * images.copies)
    scores, labels = flat_scores(executor, images.images[first]), images.labels[first]
    scales = [2.0**k for k in range(FINEST, COARSEST + 1)]
    best = min(scales, key=lambda scale: cross_entropy(scores / scale, labels))
    return Teacher(executor, share, best)


def flat_scores(executor: Executor, images: Sliced) -> npt.NDArray[np.float64]:
    """[n, classes]."""
    scores = executor.scores(images)
    return scores.reshape(len(scores), int(np.prod(scores.shape[1:]))).astype(np.float64)


def cross_entropy(logits: Array, labels: Array) -> float:
    """Its mean, in nats, with a share SMOOTHING of each label spread over all classes."""
    likely = log_softmax(logits.astype(np.float64), axis=1)
    own = likely[np.arange(len(labels)), labels]
    wanted = (1 - SMOOTHING) * own + SMOOTHING * likely.mean(axis=1)
    return -float(wanted.mean())
