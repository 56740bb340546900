"""Runs the Python example of README.md on photographs.

    readme.py README MODEL SIDE PHOTO...

prints a JSON list: for each photograph its probabilities, and those without the example's
EXIF orientation.
"""

import json
import re
import sys

readme, model, side = sys.argv[1], sys.argv[2], int(sys.argv[3])
with open(readme) as f:
    code = next(block for block in re.findall(r"```python\n(.*?)```", f.read(), re.S) if "exif_transpose" in block)
code = code.replace('"model"', repr(model)).replace("(227, 227)", f"({side}, {side})")


def probabilities(code, photo):
    scope = {"print": lambda *_: None}
    exec(code.replace('"bottle.jpg"', repr(photo)), scope)
    return scope["answer"]["probabilities"].numpy()[0].tolist()


print(json.dumps([
    {"upright": probabilities(code, photo), "as_stored": probabilities(code.replace("ImageOps.exif_transpose(", "("), photo)}
    for photo in sys.argv[4:]
]))
