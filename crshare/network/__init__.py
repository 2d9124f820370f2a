"""The network as values: what each layer computes; no file, no speed."""
