"""A process of its own that starts the server of a folder, reports, and stops it when its input ends.

python -m tests.integration.embedded.session FOLDER [thread|fork]
"""

import json
import os
import sys
import threading
from pathlib import Path

from adapters.embedded import EmbeddedPostgres, EmbeddedPostgresError


def main() -> None:
    postgres = EmbeddedPostgres(Path(sys.argv[1]))
    report: dict[str, object] = {}

    def start() -> None:
        try:
            report["url"] = postgres.start()
            report["owner"] = postgres.owner
        except EmbeddedPostgresError as error:
            report["error"] = str(error)

    if "thread" in sys.argv:
        thread = threading.Thread(target=start)
        thread.start()
        thread.join()
    else:
        start()
    if "fork" in sys.argv:
        told, tells = os.pipe()
        if os.fork() == 0:
            again = postgres.start()
            os.write(tells, json.dumps({"url": again, "owner": postgres.owner}).encode())
            postgres.stop()
            sys.stdin.read()
            os._exit(0)
        os.close(tells)
        report["worker"] = json.loads(os.read(told, 10_000))
    sys.stdout.write(json.dumps(report) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    postgres.stop()


if __name__ == "__main__":
    main()
