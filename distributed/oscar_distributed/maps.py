"""Predictions and maps of pictures that a pipeline has in memory.

    ds.map_batches(Explain, fn_constructor_kwargs={"model": "runs/first"}, concurrency=2, batch_size=32)  # Ray Data
    df.select(explain_udf("runs/first")("content"))                                                        # Spark

Each process has a server of its own, `oscar serve` on loopback, which ends with it.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import urllib.error
import urllib.request
from typing import Any, Dict, List, Optional, Sequence

from .process import find_oscar

Answer = Dict[str, Any]


class Explain:
    """Explains batches of image files. It is a class for Ray Data's map_batches.

    The column `content` has the bytes of image files. Added are `class`, `probability`, `status`,
    `reason` and `map`, rows of float32. A picture that cannot be read has the status unreadable.
    """

    def __init__(
        self, model: str, method: str = "gradcam", layer: str = "", target: str = "predicted", column: str = "content",
        oscar: Optional[str] = None, threads: int = 1,
    ) -> None:  # fmt: skip
        self.column = column
        self.asked = {"method": method, "class": target, **({"layer": layer} if layer else {})}
        command = [find_oscar(oscar), "serve", f"m={os.path.abspath(model)}", "--addr", "127.0.0.1:0", "--threads", str(threads), "--end-with-parent"]
        self.server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self.server.stdout is not None
        line = self.server.stdout.readline().decode()
        if not line.startswith("serving"):
            raise RuntimeError(f"oscar serve ended with status {self.server.wait()}: is {model} a model?")
        self.url = line.split()[1] + "v1/models/m:"
        # A proxy has no business on loopback.
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def __call__(self, batch: Dict[str, Any]) -> Dict[str, Any]:
        import numpy as np

        answers = self.explain([bytes(b) for b in batch[self.column]])
        out = dict(batch)
        maps = np.empty(len(answers), dtype=object)
        for i, a in enumerate(answers):
            maps[i] = a["map"]
        out["map"] = maps
        out["class"] = np.array([a["class"] for a in answers])
        out["probability"] = np.array([a["probability"] for a in answers], dtype=np.float32)
        out["status"] = np.array([a["status"] for a in answers])
        out["reason"] = np.array([a["reason"] for a in answers])
        return out

    def explain(self, pictures: Sequence[bytes]) -> List[Answer]:
        """Explains image files, as few requests as can be."""
        if not pictures:
            return []
        try:
            return self._ask(pictures)
        except urllib.error.HTTPError as e:
            reason = _reason(e)
            if e.code not in (400, 413):
                raise RuntimeError(f"oscar serve: {reason}") from None
        if len(pictures) == 1:
            return [{"class": "", "probability": float("nan"), "status": "unreadable", "reason": reason, "map": []}]
        half = len(pictures) // 2  # one of them is to blame
        return self.explain(pictures[:half]) + self.explain(pictures[half:])

    def _ask(self, pictures: Sequence[bytes]) -> List[Answer]:
        body = {"instances": [{"b64": base64.b64encode(p).decode()} for p in pictures], **self.asked}
        request = urllib.request.Request(self.url + "explain", json.dumps(body).encode(), {"Content-Type": "application/json"})
        with self.opener.open(request) as answer:
            explanations = json.load(answer)["explanations"]
        return [
            {
                "class": e["class"], "probability": e["probabilities"][e["class_index"]],
                "status": e["status"], "reason": e["reason"], "map": e["map"],
            }
            for e in explanations
        ]  # fmt: skip

    def close(self) -> None:
        self.server.kill()
        self.server.wait()
        if self.server.stdout is not None:
            self.server.stdout.close()

    def __del__(self) -> None:
        if getattr(self, "server", None) is not None:
            self.close()


def _reason(e: urllib.error.HTTPError) -> str:
    text = e.read().decode(errors="replace").strip()
    try:
        return str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        return text


_explainers: Dict[str, Explain] = {}  # of this process, by their arguments


def explain_udf(model: str, **arguments: Any) -> Any:
    """A pandas_udf from a column of binary images to a struct of Explain's columns."""
    import pandas as pd
    from pyspark.sql.pandas.functions import pandas_udf

    key = json.dumps([model, arguments], sort_keys=True)
    schema = "class string, probability float, status string, reason string, map array<array<float>>"

    def explained(content: Any) -> Any:
        if key not in _explainers:
            _explainers[key] = Explain(model, **arguments)
        return pd.DataFrame(_explainers[key].explain([bytes(b) for b in content]), columns=["class", "probability", "status", "reason", "map"])

    explained.__annotations__ = {"content": pd.Series, "return": pd.DataFrame}  # Spark reads them
    make: Any = pandas_udf  # its types allow no struct as text
    return make(explained, returnType=schema)
