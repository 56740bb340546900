"""oscar's jobs on engines that run programs on many machines.

`oscar_distributed.on_ray` and `oscar_distributed.on_spark` do the units of `oscar plan`;
`oscar_distributed.maps` predicts and explains pictures of a pipeline's own. The package
starts the program oscar and never loads TensorFlow.
"""

from .job import Failed, Job, Outcome
from .process import Worker, WorkerDied, find_oscar

__all__ = ["Failed", "Job", "Outcome", "Worker", "WorkerDied", "find_oscar"]
