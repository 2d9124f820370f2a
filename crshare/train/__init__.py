"""Training: the only package that knows TensorFlow, tf_keras and larq (extra `train`).

Nothing on the way from a model file to a plan imports it. Modules that import TensorFlow do so at
their top; whoever uses them first asks `crshare.train.library` whether it is there.
"""

import os

# TensorFlow reads these when it is first imported: larq works with tf_keras only, which is Keras 2;
# oneDNN's convolutions are otherwise used on processors with AVX-512 VNNI alone, and are faster on
# those with AVX2, too (scripts/bench_finetuning.py).
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
