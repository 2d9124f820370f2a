"""Training: the only package that knows TensorFlow, tf_keras and larq (extra `train`).

Nothing on the way from a model file to a plan imports it. Modules that import TensorFlow do so at
their top; whoever uses them first asks `crshare.train.library` whether it is there.
"""

import os

# TensorFlow reads both when it is first imported: larq works with tf_keras only, which is Keras 2.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
