"""The entry of the command `medianest`, which is `python -m medianest` as well."""

import sys

from medianest.extras import extra


def main() -> None:
    """Do what the command line says; without the server's extra, say what to install."""
    try:
        with extra("server"):
            from medianest.cli.command import run

            run()
    except ModuleNotFoundError as error:
        sys.exit(f"medianest: {error}")


if __name__ == "__main__":
    main()
