"""What a run is trained on: the masked words of a BERT, or the replaced spans of a T5.

The story `pipeline.pretrain` is one for both; what differs stands here.
"""

from pipeline.objectives.choice import objective_for
from pipeline.objectives.objective import Objective

__all__ = ["Objective", "objective_for"]
