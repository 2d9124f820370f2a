"""What the layers of each library compute, one module for each: from configuration to steps."""
