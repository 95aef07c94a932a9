"""The use cases of demand response."""
