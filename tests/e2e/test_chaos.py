"""Jobs, rows and faults chosen by a seed. PENSTOCK_SEED chooses another walk, PENSTOCK_CHAOS_STEPS its length; long ones have long faults too."""
import os

from chaos import Walk

SEED = int(os.environ.get("PENSTOCK_SEED", "1"))
STEPS = int(os.environ.get("PENSTOCK_CHAOS_STEPS", "6"))


def test_a_walk_through_faults_loses_nothing_and_ends_usable():
    Walk(SEED, STEPS, full=STEPS > 10).run()
