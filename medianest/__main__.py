"""`python -m medianest`: serve, by gunicorn with the settings of gunicorn.conf.py."""

import os
import re
import sys


def main() -> None:
    """Become gunicorn; what stands on the command line is for it."""
    count = os.environ.get("WEB_CONCURRENCY", "")
    # gunicorn reads it before it reads its file, and ends with a traceback.
    if count and not re.fullmatch(r"[0-9]{1,3}", count):
        sys.exit(
            f"medianest: WEB_CONCURRENCY: {count!r} is not allowed: "
            f"must be a whole number from 1 to 128"
        )
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *sys.argv[1:]])


if __name__ == "__main__":
    main()
