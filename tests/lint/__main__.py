"""`python -m tests.lint` installs the linters; the exit code is npm's."""

import sys

from tests.lint import install

done = install()
sys.stderr.write(done.stderr)
sys.exit(done.returncode)
