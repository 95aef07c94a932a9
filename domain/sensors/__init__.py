"""Sensors and rooms, their readings, and what is computed from them."""
