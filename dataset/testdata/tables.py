"""Writes the tables in tables/ next to this file as pandas writes them, and
expected.json with the paths and labels that pandas reads in each. Made with
pandas 3.1.1:

    PYTHONPATH=$(scripts/setup-python numbers) python3 dataset/testdata/tables.py
"""

import csv
import json
import pathlib

import pandas as pd

here = pathlib.Path(__file__).parent / "tables"
here.mkdir(exist_ok=True)
paths = ["a/one.png", 'b/a "quoted", name.png', "b/Müll 1.png", "c;d/two\twords.png", "e/three|four.png", "e/=5.png"]
frame = pd.DataFrame({
    "path": paths,
    "label": ["glass", "paper, white", "glass", 'a "b"', "paper, white", "glass"],
    "split": ["train", "val", "test", "train", "Training", "train"],
    "group": ["g1", "g2", "g3", "g1", None, "g2x"],
    "weight": [1.0, 2.5, None, 0.25, 1e-3, 3],
})
numbers = pd.DataFrame({"Image": [f"n/{i}.png" for i in range(12)], "target": [float(i) for i in range(11)] + [None]})
kaggle = pd.DataFrame({"id": ["000bec180eb1", "0042188c895a", "7.5", "7"], "breed": ["boston_bull", "dingo", "pekinese", "dingo"]})

frame.to_csv(here / "plain.csv", index=False)
frame.to_csv(here / "index.csv")
frame.to_csv(here / "excel.csv", index=False, sep=";", encoding="utf-8-sig", lineterminator="\r\n")
frame.to_csv(here / "pipes.csv", index=False, sep="|")
frame.to_csv(here / "quoted.tsv", index=False, sep="\t", quoting=csv.QUOTE_ALL)
frame.to_json(here / "records.jsonl", orient="records", lines=True)
numbers.to_csv(here / "numbers.csv", index=False)
kaggle.to_csv(here / "kaggle.csv", index=False)

options = {"excel.csv": {"sep": ";"}, "pipes.csv": {"sep": "|"}, "quoted.tsv": {"sep": "\t"}}
expected = {}
for file in sorted(here.glob("*.*")):
    if file.suffix == ".jsonl":
        read = pd.read_json(file, orient="records", lines=True)
    elif file.suffix in (".csv", ".tsv"):
        read = pd.read_csv(file, dtype={"id": str}, **options.get(file.name, {}))
    else:
        continue
    if file.name == "numbers.csv":
        read = read.dropna().rename(columns={"Image": "path", "target": "label"})
        read["label"] = read["label"].astype(int).astype(str)
    if file.name == "kaggle.csv":
        read = read.rename(columns={"id": "path", "breed": "label"})
    expected[file.name] = read[["path", "label"]].values.tolist()
(here / "expected.json").write_text(json.dumps({"pandas": pd.__version__, "tables": expected}, indent=1, ensure_ascii=False) + "\n")
