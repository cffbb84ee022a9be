"""The use cases, as plain functions: the Python interface of Counterfoil."""
