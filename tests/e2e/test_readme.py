"""The README's lines, run as they stand there."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.e2e.programs import Demo
from tests.unit.architecture.test_documents import blocks


def surroundings(demo: Demo) -> dict[str, str]:
    return {**os.environ, "URL": demo.url, "KEY": demo.key}


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="needs bash and curl")
def test_the_quick_tour(demo: Demo) -> None:
    first, *steps = blocks("sh")
    assert first.startswith("URL=")  # which the demo of this test has elsewhere
    assert len(steps) > 4
    # Each line of curl ends a step: a failure of one must not hide behind the next.
    script = "set -euo pipefail; shopt -s expand_aliases; alias curl='curl --fail-with-body --max-time 30'\n"
    done = subprocess.run(  # noqa: S603 - our own lines
        ["bash", "-c", script + "\necho\n".join(steps)],  # noqa: S607 - the one on the path
        env=surroundings(demo),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    assert '"created":1,' in told
    assert '"created":2,' in told
    assert '"unknown_sensor"' in told
    assert '"buckets":[{' in told
    assert '"staleness"' in told


def test_the_live_example(demo: Demo) -> None:
    (example,) = [block for block in blocks("python") if "websockets" in block]
    done = subprocess.run(  # noqa: S603 - our own lines
        [sys.executable, "-c", example],
        env=surroundings(demo),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    kinds = [line.split()[0] for line in done.stdout.splitlines()]
    assert kinds == ["welcome", "subscribed", "event"], done.stdout
