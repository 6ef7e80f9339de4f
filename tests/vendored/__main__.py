"""`python -m tests.vendored` gets the script again."""

import sys

from tests.vendored import VendoredError, known, packed, put, unpacked

about = known()
try:
    put(*unpacked(packed(about), about))
except VendoredError as error:
    sys.exit(f"{about['name']}: {error}")
