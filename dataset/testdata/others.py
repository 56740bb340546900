"""Writes others.json beside this file: the images that other programs find in the
parts of a tree of folders, and their classes. Made with Keras 3.10.0 (TensorFlow
2.18.1), and with timm 1.0.19 and ultralytics 8.3.200 (PyTorch 2.2.2):

    PYTHONPATH=$(scripts/setup-python tensorflow) python3 dataset/testdata/others.py
    python3 -m pip install --no-deps --target DIR timm==1.0.19 ultralytics==8.3.200 huggingface_hub==0.34.4 \\
        safetensors==0.6.2 PyYAML==6.0.2 requests==2.32.5 urllib3==2.5.0 idna==3.10 certifi==2025.8.3 \\
        charset-normalizer==3.4.3 psutil==7.0.0 ultralytics-thop==2.0.16 py-cpuinfo==9.0.0
    PYTHONPATH=$(scripts/setup-python torch):DIR python3 dataset/testdata/others.py timm ultralytics

The tables of pandas are written by tables.py.
"""

import json
import pathlib
import sys
import tempfile
import types

from PIL import Image

here = pathlib.Path(__file__).parent
FILES = [
    f"{part}/{name}"
    for part in ("train", "val", "test")
    for name in (
        "class10/a.png", "class10/b.JPG", "class2/a.png", "class2/b.jpeg", "Paper/1.bmp", "Paper/2.png",
        "Müll/ä ö.png", "Müll/b.png", "glass/a.png", "glass/notes.txt", "glass/more/c.png", "glass/.hidden.png",
    )
]
CLASS_MAP = ["glass", "class2", "class10", "Paper", "Müll"]


def keras(root):
    from keras.utils import image_dataset_from_directory

    out = {}
    for part in ("train", "val", "test"):
        data = image_dataset_from_directory(root / part, image_size=(8, 8), shuffle=False, label_mode="int", batch_size=1, verbose=False)
        labels = [int(label[0]) for _, label in data]
        out[part] = data.class_names, list(zip(data.file_paths, labels, strict=True))
    return out


def timm(root):
    from timm.data.readers.reader_image_folder import ReaderImageFolder

    (root / "classes.txt").write_text("".join(name + "\n" for name in CLASS_MAP))
    out = {}
    for part in ("train", "val", "test"):
        reader = ReaderImageFolder(str(root / part), class_map=str(root / "classes.txt"))
        out[part] = sorted(reader.class_to_idx, key=reader.class_to_idx.get), reader.samples
    return out


def ultralytics(root):
    from ultralytics.data.dataset import ClassificationDataset
    from ultralytics.data.utils import check_cls_dataset

    found = check_cls_dataset(root)
    args = types.SimpleNamespace(imgsz=8, fraction=1.0, cache=False, scale=0.5, fliplr=0, flipud=0, erasing=0, auto_augment=None, hsv_h=0, hsv_s=0, hsv_v=0)
    out = {}
    for part in ("train", "val", "test"):
        data = ClassificationDataset(str(found[part]), args)
        out[part] = list(found["names"].values()), [sample[:2] for sample in data.samples]
    return out


def read(program):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder).resolve()
        for i, name in enumerate(FILES):
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            if file.suffix == ".txt":
                file.write_text("no image")
            else:
                kind = {".jpg": "jpeg", ".jpeg": "jpeg", ".bmp": "bmp"}.get(file.suffix.lower(), "png")
                Image.new("RGB", (16, 16), (i * 5, 255 - i * 5, 99)).save(file, kind)
        return {
            part: {
                "classes": list(classes),
                "images": sorted([pathlib.Path(path).relative_to(root).as_posix(), classes[label]] for path, label in images),
            }
            for part, (classes, images) in program(root).items()
        }


target = here / "others.json"
out = json.loads(target.read_text()) if target.exists() else {"programs": {}}
out["files"] = FILES
for name in sys.argv[1:] or ["keras"]:
    found = read({"keras": keras, "timm": timm, "ultralytics": ultralytics}[name])
    out["programs"][name] = {"version": __import__(name).__version__, "parts": found}
target.write_text(json.dumps(out, ensure_ascii=False, separators=(",", ":"), sort_keys=True) + "\n")
