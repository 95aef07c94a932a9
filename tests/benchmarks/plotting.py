"""The results as one picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.results import Section


class PlotError(Exception):
    """There is nothing to draw, or nothing to draw it with; the text says what to do."""


def plot(sections: Mapping[str, Section], file: Path) -> None:
    """Draw what is there of writing, reading and growth.

    Raises:
        PlotError: matplotlib is not installed, or nothing of that was measured.

    """
    try:
        import matplotlib as mpl  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise PlotError(
            "a plot needs matplotlib, which `make .venv/tests` brings (the extra `bench`)"
        ) from error
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - an extra

    drawn = [(name, draw) for name, draw in _PANELS if name in sections]
    if not drawn:
        raise PlotError("nothing was measured that is drawn: writing, reading or growth")
    figure, axes = plt.subplots(
        len(drawn), 1, figsize=(10, 4.5 * len(drawn)), squeeze=False, layout="constrained"
    )
    for (name, draw), axis in zip(drawn, axes[:, 0], strict=True):
        draw(sections[name], axis)
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _write(section: Section, axis: Any) -> None:  # noqa: ANN401 - matplotlib is an extra
    rows = [row for row in section.rows if row[0] != "COPY"]
    names = [f"{path}, {shape}, {connections:.0f} conn." for path, shape, connections, *_ in rows]
    axis.barh(names, [row[4] for row in rows])
    axis.axvline(0.35, color="black", linewidth=0.8, linestyle=":")
    axis.invert_yaxis()
    axis.tick_params(axis="y", labelsize=7)
    axis.set_xlabel("share of raw COPY into the same table (dotted: the goal of 0.35)")
    axis.set_title(section.title)


def _read(section: Section, axis: Any) -> None:  # noqa: ANN401
    names = section.values("question")
    height = 0.27
    for number, column in enumerate(("from sums p50 ms", "SQL p50 ms", "from readings p50 ms")):
        places = [at + (number - 1) * height for at in range(len(names))]
        axis.barh(places, section.values(column), height, label=column.removesuffix(" p50 ms"))
    axis.set_yticks(range(len(names)), names)
    axis.set_xscale("log")
    axis.invert_yaxis()
    axis.set_xlabel("ms (p50)")
    axis.set_title(section.title)
    axis.legend()


def _growth(section: Section, axis: Any) -> None:  # noqa: ANN401
    readings = [float(one or 0) / 1e6 for one in section.values("readings")]
    for column in section.columns[2:3] + section.columns[5:8]:
        axis.plot(readings, section.values(column.title), marker="o", label=column.title)
    axis.set_yscale("log")
    axis.set_xlabel("readings (millions)")
    axis.set_title(section.title)
    axis.legend()


_PANELS = (("write", _write), ("read", _read), ("growth", _growth))
