"""Meter files: how each format is read, in bounded memory."""
