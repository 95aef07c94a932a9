"""The units that people write."""
