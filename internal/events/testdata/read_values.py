"""Reads a folder of event files with TensorBoard's own reader and prints its images,
histograms, texts and hyperparameters as JSON. Needs tensorboard, as read_events.py.
"""

import json
import sys

from tensorboard.backend.event_processing import event_accumulator as ea
from tensorboard.plugins.hparams import metadata
from tensorboard.util import tensor_util

a = ea.EventAccumulator(sys.argv[1], size_guidance={ea.TENSORS: 0, ea.IMAGES: 0, ea.HISTOGRAMS: 0})
a.Reload()
tags = a.Tags()
out = {"images": {}, "histograms": {}, "texts": {}}
for tag in tags["images"]:
    e = a.Images(tag)[0]
    out["images"][tag] = [e.step, e.width, e.height, e.encoded_image_string[:4].hex()]
for tag in tags["histograms"]:
    h = a.Histograms(tag)[0].histogram_value
    out["histograms"][tag] = [h.min, h.max, h.num, h.sum, h.sum_squares, sum(h.bucket), len(h.bucket)]
for tag in tags["tensors"]:
    plugin = a.SummaryMetadata(tag).plugin_data
    if plugin.plugin_name == "text":
        out["texts"][tag] = tensor_util.make_ndarray(a.Tensors(tag)[0].tensor_proto).item().decode()
    elif tag == "_hparams_/session_start_info":
        info = metadata.parse_session_start_info_plugin_data(plugin.content)
        out["settings"] = {k: getattr(v, v.WhichOneof("kind")) for k, v in info.hparams.items()}
        out["began"] = info.start_time_secs
    elif tag == "_hparams_/session_end_info":
        out["ended"] = metadata.parse_session_end_info_plugin_data(plugin.content).end_time_secs
    elif tag == "_hparams_/experiment":
        info = metadata.parse_experiment_plugin_data(plugin.content)
        out["metrics"] = [m.name.tag for m in info.metric_infos]
        out["kinds"] = {h.name: h.type for h in info.hparam_infos}
json.dump(out, sys.stdout, sort_keys=True)
