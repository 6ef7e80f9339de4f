"""`python -m tests.deploy` installs the tools; the exit code is pip's."""

import sys

from tests.deploy import install

sys.exit(install())
