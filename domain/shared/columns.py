"""Columns of numbers, whose annotations can be read at run time."""

import sys
from array import array
from typing import TypeAlias

# array[int] exists at run time from Python 3.12 on.
if sys.version_info >= (3, 12):
    Integers: TypeAlias = array[int]
    Floats: TypeAlias = array[float]
else:
    Integers = array
    Floats = array
