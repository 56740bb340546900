package main

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"oscar/experiment"
	"oscar/heatmap"
	"oscar/internal/keyed"
	"oscar/tfmodel"
)

// trainingKeys are those that an error of training lists.
var trainingKeys = strings.Join(keyed.Keys(reflect.TypeFor[experiment.Training]()), ", ")

// Every refusal, in full: what was wrong, where, and what would be right. One
// with status 2 says where help is. None leaves anything behind.
func TestRefusals(t *testing.T) {
	data, run := filepath.Join(shared(t), "shapes", "images"), filepath.Join(shared(t), "run")
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"flat/note.txt": "no image\n", "flat/one/note.txt": "no image\n", "empty/one/note.txt": "no image\n", "empty/two/note.txt": "no image\n",
		"list": "\n", "nothing.yaml": "# nothing\n", "words.yaml": "words\n", "typo.yaml": "training: {epoch: 3}\n", "text.yaml": "training: {epochs: forty}\n",
		"conv5.yaml": `{explain: conv5, architecture: {name: own, input: [9, 9, 3], layers: [{name: look, kind: conv2d, filters: 5, kernel: 3}, {name: pool, kind: global_average_pool2d}, {name: out, kind: dense, units: 6}]}}`,
		"shape.yaml": `{explain: look, architecture: {name: own, input: [9, 9, 3], layers: [{name: look, kind: conv2d, filters: 5, kernel: 3}]}}`,
		"small.yaml": `{explain: look, architecture: {name: own, input: [9, 9, 3], layers: [{name: look, kind: conv2d, filters: 5, kernel: 30, padding: VALID}]}}`,
		"units.yaml": `{explain: look, architecture: {name: own, input: [9, 9, 3], layers: [{name: look, kind: conv2d, filters: 5, kernel: 3}, {name: pool, kind: global_average_pool2d}, {name: out, kind: dense, units: 4}]}}`,
		"model/mine": "something",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var explanations []string
	for _, e := range tfmodel.Explanations {
		explanations = append(explanations, e.Name)
	}
	before := contents(t, ".")
	for _, test := range []struct {
		status int
		call   string // '' is an empty argument
		want   string
	}{
		{2, "trian", `no command "trian" (train?)`},
		{2, "help trian", `no command "trian" (train?)`},
		{2, "help study rnu", `no command "rnu" (run?)`},
		{2, "study ini", `no command "ini" (init?); have init, run, add`},
		{2, "--epochs 3", "unknown flag: --epochs"},
		{2, "train $DATA --out new --epoch 3", "unknown flag: --epoch (--epochs?)"},
		{2, "train $DATA --out new --ephocs 3", "unknown flag: --ephocs (--epochs?)"},
		{2, "train $DATA --out new --folds 1", "folds is 1, want at least 2"},
		{2, "score $RUN $DATA --out new --metric focus --mosaics 0", "metric focus needs mosaics, and mosaics is 0 (--mosaics)"},
		{2, "train -x", "unknown shorthand flag: 'x' in -x"},
		{2, "train $DATA --out new --epochs many", `invalid argument "many" for "--epochs" flag: must be an integer`},
		{2, "train --resume", "flag needs an argument: --resume"},

		{2, "train", "DATA is missing: the folder with one sub-folder of images per class, or --resume RUN"},
		{2, "train $DATA", "--out RUN is missing: the run folder to make"},
		{2, "train a b --out new", `"b" is one argument too many`},
		{2, "train $DATA --out new --arch vgg", `no architecture "vgg"; have ` + strings.Join(tfmodel.Architectures(), ", ")},
		{2, "train $DATA --out new --arch tiny --epochs 0", "epochs is 0, want at least 1"},
		{2, "train $DATA --out new --arch tiny --batch -4", "batch is -4, want at least 1"},
		{2, "train $DATA --out new --arch tiny --learning-rate 0", "learning rate is 0, want above 0"},
		{2, "train $DATA --out new --arch tiny --learning-rate NaN", "learning rate is NaN, want above 0"},
		{2, "train $DATA --out new --arch tiny --layer conv9", `tiny: no layer with a map "conv9" (conv1?); have conv1, relu1, bn1, conv5, relu5, pool5`},
		{2, "train $DATA --out new --aspect pad", `no aspect "pad"; have stretch, letterbox, crop`},
		{2, "train $DATA --out new --padding 9", "padding is 9, which only the aspect letterbox has"},
		{2, "train $DATA --out new --interpolation area", `no interpolation "area"; have bilinear, nearest, bicubic, mitchell, lanczos2, lanczos3`},
		{2, "train $DATA --out new --split 1,2", `invalid argument "1,2" for "--split" flag: fractions "1,2": want three numbers such as 0.7,0.15,0.15`},
		{2, "train $DATA --out new --split 0.5,0.5,0.5", `invalid argument "0.5,0.5,0.5" for "--split" flag: fractions [0.5 0.5 0.5] sum to 1.5: they must sum to 1`},
		{2, "train $DATA --out new --set training.epochs", `"training.epochs" has no value, want KEY=VALUE as in training.epochs=40`},
		{2, "train $DATA --out new --set batch=3", `no key "batch" (training.batch?); have format, architecture, fine_tune, explain, data, training, seed`},
		{2, "train $DATA --out new --from $RUN --arch tiny", "--arch tiny and --from do not go together: the model $RUN has its own layers; --weights are for an architecture"},
		{2, "train $DATA --out new --from $RUN --set architecture=tiny", "--arch tiny and --from do not go together: the model $RUN has its own layers; --weights are for an architecture"},
		{2, "train $DATA --out new --set training.epoch=3", `training has an unknown key "epoch" (epochs?); have ` + trainingKeys},
		{2, "train $DATA --out new --set training.select=f1", `no select "f1"; have accuracy, loss, mean_average_precision`},
		{2, "train $DATA --preview-augmentation new.png --epochs 0", "epochs is 0, want at least 1"},
		{1, "train $DATA --preview-augmentation new.png", "there is nothing to show: training.augmentation is empty"},
		{1, `train nowhere --preview-augmentation new.png --set training.augmentation.phases=[{"zoom":0.1}]`, `cannot read image folder "nowhere": no such file or directory`},
		{2, "train $DATA --out new --cache ram", `no cache mode "ram"; have none, memory, disk`},
		{2, "train $DATA --out new --threads -1", "threads is -1, want 0 or more"},
		{2, "train $DATA --out new --precision half", `invalid argument "half" for "--precision" flag: no precision "half"; have float32, bfloat16, auto`},
		{2, "train $DATA --out new --set training.precision=half", `training.precision: no precision "half"; have float32, bfloat16, auto`},
		{2, "train $DATA --out new --set training.precision=3", "training.precision is a number, want text"},
		{2, "train --resume $RUN --precision float32", "--precision does not go with --resume: a resumed run has the settings of its experiment.json"},
		{2, "train $DATA --out new --inter-threads -1", "inter-threads is -1, want 0 or more"},
		{2, "train $DATA --out new --workers -1", "workers is -1, want 0 or more"},
		{2, "train $DATA --out new --checkpoint-every -1", "checkpoint-every is -1, want 0 or more"},
		{2, "train $DATA --out new --max-bytes -1", "max-bytes is -1, want 0 or more"},
		{1, "train nowhere --out new", `cannot read image folder "nowhere": no such file or directory`},
		{1, "train flat --out new", `"flat" has one class folder only (one): at least two classes are needed`},
		{1, "train flat/note.txt --out new", `"flat/note.txt" is a file: expected a folder with one sub-folder per class, or a table (.csv, .tsv, .jsonl, .ndjson)`},
		{1, "train empty --out new", `class "one" has no readable image in "empty/one", for one one/note.txt: not a JPEG, PNG, GIF, BMP, TIFF or WebP image (begins with "no image")`},
		{1, "train $DATA --out $RUN", `$RUN holds another run; continue with "oscar train --resume $RUN", or name a new folder`},
		{1, "train $DATA --out flat", "flat is not empty; name a new folder"},
		{1, "train $DATA --out list", "list cannot be a folder for results: not a directory; name a new folder"},
		{1, "train $DATA --out list/new", "list/new cannot be a folder for results: not a directory; name a new folder"},
		{1, "train $DATA --out /proc/none", "cannot make the folder /proc/none: no such file or directory"},
		{1, "train $DATA --out $DATA/run", "$DATA/run lies in $DATA, where every folder is a class; name a folder elsewhere"},

		{1, "train $DATA --out new --experiment none.yaml", "open none.yaml: no such file or directory"},
		{1, "train $DATA --out new --experiment /dev/zero", "/dev/zero is not a regular file (Dc---------)"},
		{1, "train $DATA --out new --experiment flat", "flat is a folder, want a file"},
		{1, "study run /dev/zero $DATA --out new", "/dev/zero is not a regular file (Dc---------)"},
		{1, "study add flat /dev/zero", "/dev/zero is not a regular file (Dc---------)"},
		{1, "train $DATA --out new --experiment nothing.yaml", "nothing.yaml: the file is empty; want keys such as training: {epochs: 40}"},
		{1, "train $DATA --out new --experiment words.yaml", "words.yaml: the file is words, want some of the keys format, architecture, fine_tune, explain, data, training, seed"},
		{1, "train $DATA --out new --experiment typo.yaml", `typo.yaml: training has an unknown key "epoch" (epochs?); have ` + trainingKeys},
		{1, "train $DATA --out new --experiment text.yaml", "text.yaml: training.epochs is a string, want a whole number"},
		{1, "train $DATA --out new --experiment conv5.yaml", `conv5.yaml: own: no layer with a map "conv5"; have look`},
		{1, "train $DATA --out new --experiment shape.yaml", "architecture own ends with [9,9,5], want [classes]"},
		{1, "train $DATA --out new --experiment small.yaml", "small.yaml: architecture own: layer look (conv2d): a kernel of 30 does not fit into [9,9,3]; take padding SAME or a smaller one"},
		{1, "train $DATA --out new --experiment units.yaml", "architecture own ends with 4 units for 6 classes"},
		{2, "train $DATA --out new --experiment conv5.yaml --layer look --epochs 0", "epochs is 0, want at least 1"},

		{1, "train missing.csv --out new", `cannot read table "missing.csv": no such file or directory`},
		{2, "train --resume $RUN --folds 3", "--folds does not go with --resume: a resumed run has the settings of its experiment.json"},
		{2, "train --resume $RUN --batch 9", "--batch does not go with --resume: a resumed run has the settings of its experiment.json"},
		{2, "train --resume $RUN --out other", "--out does not go with --resume: a resumed run has the settings of its experiment.json"},
		{1, "train --resume $RUN photos", `cannot read image folder "photos": no such file or directory`},
		{2, "train --resume ''", "--resume RUN is empty: the run folder to continue with"},
		{2, "train --resume $RUN --threads -1", "threads is -1, want 0 or more"},
		{1, "train --resume none", "none is not a run folder: it has no experiment.json"},

		{2, "evaluate", "MODEL is missing"},
		{2, "evaluate a b c", `"c" is one argument too many`},
		{2, "evaluate $RUN --workers -2", "workers is -2, want 0 or more"},
		{1, "evaluate nowhere", "no model at nowhere: want a run folder or a SavedModel folder"},
		{1, "evaluate flat", "flat is neither a run folder (experiment.json) nor a SavedModel (saved_model.pb)"},
		{2, "evaluate $RUN --split half", `no split part "half"; have train, validation, test, all`},
		{1, "evaluate $RUN flat", "none of the 6 images of the run's test part can be read in flat; for another folder of images, below folders named as the classes, take --split all"},
		{1, "evaluate $RUN nowhere", `cannot read image folder "nowhere": no such file or directory`},
		{1, "evaluate $RUN nowhere --split all", `cannot read image folder "nowhere": no such file or directory`},

		{2, "explain", "MODEL is missing"},
		{2, "explain $RUN", "PATH is missing"},
		{2, "explain $RUN $DATA", "--out DIR is missing: the folder for the results"},
		{2, "explain $RUN $DATA --out new --batch 0", "batch is 0, want at least 1"},
		{2, "explain $RUN $DATA --out new --alpha 2", "alpha is 2, want above 0 to 1"},
		{2, "explain $RUN $DATA --out new --score loss", `no score "loss"; have logit, probability`},
		{2, "explain $RUN $DATA --out new --colormap pink", `no color map "pink"; have ` + strings.Join(heatmap.ColorMapNames(), ", ")},
		{2, "explain $RUN $DATA --out new --max-pixels -1", "max-pixels is -1, want 0 or more"},
		{2, "explain $RUN $DATA --out new --rules z", `no LRP rules "z"; have ` + strings.Join(tfmodel.LRPs(), ", ")},
		{2, "explain $RUN $DATA --out new --samples -1", "samples is -1, want at least 1, or 0 for each method's default"},
		{2, "explain $RUN $DATA --out new --method lime,lime", "method lime is named twice"},
		{2, "explain --list-methods x", `"x" is one argument too many`},
		{1, "explain $RUN $DATA --out new --layer conv9", `no layer "conv9" (conv1?); have conv1, relu1, bn1, conv5, relu5, pool5`},
		{1, "explain $RUN $DATA --out new --layer fc1", `layer "fc1" gives [16], not a map [height,width,channels]; have conv1, relu1, bn1, conv5, relu5, pool5`},
		{1, "explain $RUN $DATA --out new --class glass", `no class "glass"; have bottle, box, can, paper, roll, tray, or predicted, true, all`},
		{1, "explain $RUN nowhere --out new", `cannot read "nowhere": no such file or directory`},
		{1, "explain nowhere $DATA --out new", "no model at nowhere: want a run folder or a SavedModel folder"},
		{1, "explain $RUN $DATA --out flat", "flat is not empty; name a new folder"},
		{1, "explain $RUN $DATA --out list/new", "list/new cannot be a folder for results: not a directory; name a new folder"},
		{1, "explain $RUN $DATA --out $RUN", "$RUN is the folder of a run; name a new folder"},
		{1, "score $RUN $DATA --out $RUN", "$RUN is the folder of a run; name a new folder"},
		{1, "compare $RUN $RUN --out $RUN", "$RUN is the folder of a run; name a new folder"},
		{1, "audit $RUN --out $RUN", "$RUN is the folder of a run; name a new folder"},
		{1, "explain-global $RUN $DATA --out $RUN", "$RUN is the folder of a run; name a new folder"},

		{2, "export", "MODEL is missing"},
		{2, "export $RUN", "--out DIR is missing: the folder for the SavedModel"},
		{2, "export a b --out c", `"b" is one argument too many`},
		{2, "export $RUN --out new --explain magic", `no explanation "magic"; have ` + strings.Join(explanations, ", ")},
		{1, "export flat --out new", "flat is neither a run folder (experiment.json) nor a SavedModel (saved_model.pb)"},
		{1, "export $RUN --out model", "model is not a SavedModel that oscar wrote; name a new folder"},

		{1, "adopt $RUN --out new", "$RUN is a run of oscar: every verb takes it as it is, and oscar export $RUN --out MODEL makes a SavedModel of it"},
		{1, "adopt $RUN/saved_model --out new", "$RUN/saved_model is a model of oscar already: every verb takes it as it is"},
		{2, `adopt model --out new --classes a"b,c`, `--classes: a"b,c is no list of names: put a name with a quote or a comma in quotes, as '"two "" quotes",other', or give --classes-file a file with a name on each line`},
		{2, `score $RUN --out new --metric a"b`, `--metric: a"b is no list of names: put a name with a quote or a comma in quotes, as '"two "" quotes",other'`},

		{2, "inspect", "MODEL is missing"},
		{2, "inspect $RUN --batch 0", "batch is 0, want at least 1"},
		{1, "inspect nowhere", "no model at nowhere: want a run folder or a SavedModel folder"},
		{1, "inspect .", ". is neither a run folder (experiment.json) nor a SavedModel (saved_model.pb)"},

		{1, "verify nosuch", `cannot read the folder of results "nosuch": no such file or directory`},
		{1, "verify nosuch --accept", `cannot read the folder of results "nosuch": no such file or directory`},

		{2, "synthesize", "DIR is missing"},
		{2, "synthesize a b", `"b" is one argument too many`},
		{2, "synthesize new --scenes 30 --per-class 4", "--scenes and --per-class do not go together; give one"},
		{2, "synthesize new --scenes 30 --multi-label", "--scenes and --multi-label do not go together; give one"},
		{2, "synthesize new --per-class 0", "0 synthetic images per class: at least 1 is needed"},
		{2, "synthesize new --scenes -1", "-1 scenes: want 10 to 1000000"},
		{2, "compose photos", "--out DIR is missing: the folder for the scenes"},
		{2, "import photos", "--out DIR is missing: the folder for the scenes"},
		{1, "import photos --out new", "photos: no such file or directory"},
		{2, "compose photos --out new --scenes 3", "3 scenes: want 10 to 1000000"},
		{2, "synthesize new --width 8", "synthetic images of 8x256 pixels: each side must be from 32 to 8192"},

		{2, "demo x", `"x" is one argument too many`},
		{2, "demo --out new --epochs 0", "epochs is 0, want at least 1"},
		{1, "demo --out new --per-class 1", "per-class is 1, want at least 3: images to train on, to validate with and to test"},
		{1, "demo --out flat", "flat is not empty; name a new folder"},
		{2, "version now", `"now" is one argument too many`},
	} {
		fill := strings.NewReplacer("$DATA", data, "$RUN", run, "''", "")
		args := strings.Fields(test.call)
		for i := range args {
			args[i] = fill.Replace(args[i])
		}
		want := "oscar: " + fill.Replace(test.want) + "\n"
		if test.status == 2 {
			verb := "oscar"
			if first := args[0]; strings.HasPrefix(test.call, first) && first != "trian" && first[0] != '-' {
				verb += " " + first
			}
			want += `oscar: see "` + verb + ` --help"` + "\n"
		}
		var stdout, stderr strings.Builder
		status := call(context.WithoutCancel(t.Context()), args, &stdout, &stderr)
		if status != test.status || stderr.String() != want || stdout.String() != "" {
			t.Errorf("oscar %s: status %d, want %d; said\n%swant\n%s%s", test.call, status, test.status, &stderr, want, &stdout)
		}
	}
	after := contents(t, ".")
	for name, text := range after {
		if before[name] != text {
			t.Errorf("%s was made or changed", name)
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d files, there were %d", len(after), len(before))
	}
}
