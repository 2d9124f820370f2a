"""ONNX and QONNX files as layer ops: a graph is parsed in the sandbox, and nothing of it is run."""
