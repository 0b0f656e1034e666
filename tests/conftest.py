"""Settings of the property tests: the same examples on every machine and in every run.

`HYPOTHESIS_PROFILE=explore pytest` draws new ones each time.
"""

import os

from hypothesis import settings

settings.register_profile("seeded", deadline=None, derandomize=True, database=None)
settings.register_profile("explore", deadline=None, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "seeded"))
