"""Properties are about what holds, not about how fast: no deadline, and nothing is remembered.

What Hypothesis remembers of an example it first writes outside of ``tmp_path``, which no unit test
may: a slow machine would then turn a late example into a refusal.
"""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "unit", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("unit")
