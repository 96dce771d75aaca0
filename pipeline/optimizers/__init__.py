"""Every optimizer a recipe can name, and those among them that no Keras 2 library carries.

AdamW, Adafactor, Lion and SGD are Keras's own; `pipeline.optimizers.from_recipe` knows them all.
"""

from pipeline.optimizers.lamb import LAMB
from pipeline.optimizers.muon import Muon
from pipeline.optimizers.nadamw import NAdamW
from pipeline.optimizers.schedule_free_adamw import ScheduleFreeAdamW

__all__ = ["LAMB", "Muon", "NAdamW", "ScheduleFreeAdamW"]
