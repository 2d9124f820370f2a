"""What the layers of each library compute, one module and one `DIALECT` for each."""
