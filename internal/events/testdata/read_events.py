"""Reads a folder of event files with TensorBoard's own reader and prints

    {"<tag>": [{"step": 1, "value": 0.5, "wall_time": 1.7e9}, ...], ...}

Needs tensorboard, not TensorFlow:

    pip install --target venv tensorboard==2.18.0
    PYTHONPATH=venv python3 read_events.py runs/alexnet/train
"""

import json
import sys

from tensorboard.backend.event_processing import event_accumulator

accumulator = event_accumulator.EventAccumulator(
    sys.argv[1], size_guidance={event_accumulator.SCALARS: 0, event_accumulator.TENSORS: 0}
)
accumulator.Reload()
tags = accumulator.Tags()
scalars = {
    tag: [{"step": e.step, "value": e.value, "wall_time": e.wall_time} for e in accumulator.Scalars(tag)]
    for tag in tags["scalars"]
}
# EventFileLoader turns simple_value into a tensor, as the web page does.
for tag in tags["tensors"]:
    from tensorboard.util import tensor_util

    if accumulator.SummaryMetadata(tag).plugin_data.plugin_name not in ("", "scalars"):
        continue
    scalars[tag] = [
        {
            "step": e.step,
            "value": float(tensor_util.make_ndarray(e.tensor_proto)),
            "wall_time": e.wall_time,
        }
        for e in accumulator.Tensors(tag)
    ]
json.dump(scalars, sys.stdout, sort_keys=True)
