"""Hand-designed rivals of Mnemosyne that no Keras 2 library carries, one file each.

AdamW, Adafactor, Lion and SGD are Keras's own; `pipeline.optimizers` knows them all.
"""

from pipeline.rivals.lamb import LAMB
from pipeline.rivals.muon import Muon
from pipeline.rivals.nadamw import NAdamW
from pipeline.rivals.schedule_free_adamw import ScheduleFreeAdamW

__all__ = ["LAMB", "Muon", "NAdamW", "ScheduleFreeAdamW"]
