"""The use cases of the sensors module."""
