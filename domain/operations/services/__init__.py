"""The use cases of running the product."""
