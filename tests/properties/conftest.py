"""How Hypothesis searches: at random on a laptop, and the same examples every time in CI."""

import os

from hypothesis import HealthCheck, settings

# No deadline: an example is a dozen requests. Fixtures live as long as the session: an example does not begin anew.
settings.register_profile(
    "laptop",
    max_examples=100,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("ci", settings.get_profile("laptop"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "laptop")
