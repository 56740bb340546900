package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/internal/testkit"
	"oscar/result"
)

// A victim is a command that writes out, in a folder of its own. $NAME in it is a fixture.
// "VERB < FILE" reads standard input from a file.
type victim struct {
	verb  string
	args  string
	again string // the command after a fault, for a run that has begun; "": the same
	after string // a command that follows; "": there is none
	given string // commands that make out before, joined by &&; "": there are none
	edits string // patterns of files that given made, which are then changed; "": none
	long  bool   // it takes too long for make test
}

const (
	tinyTraining    = " --out out --epochs 2 --learning-rate 1e-3 --threads 1 --maps=false"
	planExplain     = "plan explain $RUN $DATA/can --out out --batch 3 --threads 1"
	planScore       = "plan score $RUN $DATA --split all --out out --threads 1 --method saliency --per-class 1 --mosaics 0 --metric gini"
	planPredictions = "plan predict $RUN $DATA/can --out out"
	planStudy       = "plan study $STUDY $DATA --out out --threads 1"
	planFolds       = "plan train $DATA --folds 2 --arch tiny --out out --epochs 1 --learning-rate 1e-3 --threads 1"
	units           = "worker --threads 1 < out/units.jsonl"
)

var victims = []victim{
	{verb: "train", args: "train $DATA --arch tiny" + tinyTraining, again: "train --resume out --threads 1 --maps=false"},
	{verb: "train --from", args: "train $DATA --from $RUN --freeze *" + tinyTraining, again: "train --resume out --threads 1 --maps=false", long: true},
	{verb: "explain", args: "explain $RUN $DATA/can --out out --threads 1 --method gradcam,saliency"},
	{verb: "draw", args: "draw out --colormap viridis", given: "explain $RUN $DATA/can --out out --threads 1"},
	{verb: "explain-global", args: "explain-global $RUN $DATA --out out --threads 1 --what averages"},
	{verb: "score", args: "score $RUN $DATA --split all --out out --threads 1 --method saliency --per-class 1 --mosaics 0 --metric gini"},
	{verb: "export", args: "export $RUN --out out --explain gradcam"},
	{verb: "compare", args: "compare $RUN $RUN --out out --threads 1"},
	{verb: "audit", args: "audit $RUN --out out --threads 1"},
	{verb: "report", args: "report $RUN --out out.html"},
	{verb: "predict", args: "predict $RUN $DATA/can --out out.csv --threads 1"},
	{verb: "synthesize", args: "synthesize out --per-class 1 --width 32 --height 32"},
	{verb: "study run", args: "study run $STUDY $DATA --out out --threads 1", long: true},
	{verb: "train --weights", args: "train $DATA --arch tiny --weights $RUN" + tinyTraining, again: "train --resume out --threads 1 --maps=false", long: true},
	{verb: "train --columns", args: "train $TABLE --root $DATA --columns path=file,label=kind --arch tiny" + tinyTraining, again: "train --resume out --threads 1 --maps=false", long: true},
	{verb: "train --folds", args: "train $DATA --folds 2 --arch tiny" + tinyTraining, again: "train --resume out --threads 1 --maps=false", long: true},
	{verb: "train, detector", args: "train $SCENES --experiment $SMALL --out out --threads 1", again: "train --resume out --threads 1", long: true},
	{verb: "predict, detector", args: "predict $DETECTOR $SCENES/images/test --out out.json --threads 1", long: true},
	{verb: "explain, detector", args: "explain $DETECTOR $SCENES/images/train --out out --threads 1", long: true},
	{verb: "draw, detector", args: "draw out --colormap viridis --threads 1", given: "explain $DETECTOR $SCENES/images/train --out out --threads 1", long: true},
	{verb: "compare, detector", args: "compare $DETECTOR $DETECTOR --out out --threads 1", long: true},
	{verb: "export, detector", args: "export $DETECTOR --out out", long: true},
	{verb: "synthesize --scenes", args: "synthesize out --scenes 10 --width 64 --height 64"},
	{verb: "compose", args: "compose $PHOTOS --out out --scenes 10 --width 64 --height 64", long: true},
	{verb: "plan explain", args: planExplain},
	{verb: "plan predict", args: planPredictions, long: true},
	{verb: "plan score", args: planScore, long: true},
	{verb: "worker, explain", args: units, after: "merge out --threads 1", given: planExplain},
	{verb: "worker, score", args: units, after: "merge out --threads 1", given: planScore, long: true},
	{verb: "merge, explain", args: "merge out --threads 1", given: planExplain + " && " + units, long: true},
	{verb: "merge, predict", args: "merge out --threads 1", given: planPredictions + " && " + units, long: true},
	{verb: "merge, score", args: "merge out --threads 1", given: planScore + " && " + units, long: true},
	{verb: "worker, predict", args: units, after: "merge out --threads 1", given: planPredictions, long: true},
	{verb: "plan study", args: planStudy, long: true},
	{verb: "worker, study", args: units, after: "merge out --threads 1", given: planStudy, long: true},
	{verb: "merge, study", args: "merge out --threads 1", given: planStudy + " && " + units, long: true},
	{verb: "plan train", args: planFolds, long: true},
	{verb: "worker, train", args: units, after: "merge out --threads 1", given: planFolds, long: true},
	{verb: "merge, train", args: "merge out --threads 1", given: planFolds + " && " + units, long: true},
	{verb: "study add", args: "study add out $VARIANT --threads 1", given: "study run $STUDY $DATA --out out --threads 1", long: true},
	{verb: "demo", args: "demo --out out --per-class 3 --epochs 1 --threads 1", long: true},
	{verb: "verify --accept", args: "verify out --accept", after: "verify out", given: "explain $RUN $DATA/can --out out --threads 1 --batch 3", edits: "out/explain.json out/parts/*", long: true},
	{verb: "verify --accept, run", args: "verify out --accept", after: "verify out", given: "train $DATA --arch tiny" + tinyTraining, edits: "out/experiment.json out/saved_model/SHA256SUMS out/saved_model/assets.extra/*", long: true},
	{verb: "study init", args: "study init deck --out out.yaml", long: true},
	{verb: "train --resume --epochs", args: "train --resume out --epochs 3 --threads 1 --maps=false", given: "train $DATA --arch tiny" + tinyTraining, long: true},
	{verb: "score, detector", args: "score $DETECTOR $SCENES/images/train --out out --per-class 1 --threads 1", long: true},
	{verb: "export --temperature", args: "export $RUN --out out --temperature 1.5", long: true},
	{verb: "export --weights", args: "export --arch tiny --weights $RUN --out out", long: true},
	{verb: "import", args: "import $SCENES --out out", long: true},
	{verb: "adopt", args: "adopt $FOREIGN --out out --input-scale 0..255 --channels RGB --output probabilities --classes a,b,c,d,e,f", long: true},
}

// smallStudy is the study of the campaigns.
const smallStudy = `
name: small
base: {architecture: tiny, data: {fractions: [0.4, 0.2, 0.4]}, training: {batch: 8, learning_rate: 1e-3}}
epochs: 1
seeds: [1]
explain: {images: 1, mosaics: 0}
variants: [{name: baseline}]
`

// addedVariant is added to smallStudy.
const addedVariant = "name: no-norm\nwithout: [batch_normalization]\n"

// smallDetector is a detector that trains in a second.
const smallDetector = `
explain: relu_conv2
detector:
  name: small
  input: [64, 64, 3]
  backbone:
    - {name: rescaling, kind: rescaling, scale: 0.00784313725490196, offset: -1}
    - {name: conv1, kind: conv2d, filters: 8, kernel: 3, stride: 2, use_bias: false}
    - {name: bn_conv1, kind: batch_normalization, momentum: 0.9}
    - {name: relu_conv1, kind: relu}
    - {name: conv2, kind: conv2d, filters: 8, kernel: 3, stride: 2, use_bias: false}
    - {name: bn_conv2, kind: batch_normalization, momentum: 0.9}
    - {name: relu_conv2, kind: relu}
    - {name: conv3, kind: conv2d, filters: 8, kernel: 3, stride: 2, use_bias: false}
    - {name: bn_conv3, kind: batch_normalization, momentum: 0.9}
    - {name: relu_conv3, kind: relu}
  taps: [relu_conv2, relu_conv3]
  pyramid: {filters: 8, canonical: 32}
  anchors: {sizes: [12, 24]}
  regions: {train_candidates: 40, train_proposals: 30, test_candidates: 40, test_proposals: 20, detections: 6, detection_score: 0.01, positives: 4, negatives: 12}
training: {epochs: 2, batch: 4, warmup_steps: 4}
`

// detectorFixtures makes, once, a folder with scenes, small.yaml and detector, a finished
// run that finds objects in the pictures that it was trained on. No test may change them.
var detectorFixtures = sync.OnceValues(func() (string, error) {
	dir, err := fixtureDir()
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "small.yaml"), []byte(smallDetector), 0o666)
	}
	if err != nil {
		return "", err
	}
	for _, call := range []string{
		"synthesize scenes --scenes 20 --width 80 --height 64",
		"train scenes --experiment small.yaml --set training.learning_rate=5e-3 --out detector --epochs 60 --threads 1",
	} {
		cmd := exec.Command("oscar", strings.Fields(call)...)
		cmd.Dir = dir
		if output, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("oscar %s: %w\n%s", call, err, output)
		}
	}
	return dir, nil
})

// torture runs a verb's command in new folders.
type torture struct {
	t         *testing.T
	data, run string
	files     string // a folder for small files
	victim
}

// newTorture has the fixtures of the campaigns.
func newTorture(t *testing.T, v victim) torture {
	dir, files := shared(t), t.TempDir()
	testkit.Write(t, filepath.Join(files, "small.yaml"), smallStudy)
	testkit.Write(t, filepath.Join(files, "variant.yaml"), addedVariant)
	data := filepath.Join(dir, "shapes", "images")
	table := "file,kind\n"
	photos, err := filepath.Glob(filepath.Join(data, "*", "*.png"))
	if err != nil || len(photos) == 0 {
		t.Fatal(err, photos)
	}
	for _, path := range photos {
		kind := filepath.Base(filepath.Dir(path))
		table += kind + "/" + filepath.Base(path) + "," + kind + "\n"
	}
	testkit.Write(t, filepath.Join(files, "table.csv"), table)
	return torture{t: t, data: data, run: filepath.Join(dir, "run"), files: files, victim: v}
}

// words are the words of a command.
func (x torture) words(args string) []string {
	fixtures := map[string]string{
		"$DATA": x.data, "$RUN": x.run, "$STUDY": filepath.Join(x.files, "small.yaml"), "$TABLE": filepath.Join(x.files, "table.csv"), "$PHOTOS": x.data,
		"$VARIANT": filepath.Join(x.files, "variant.yaml"),
	}
	if strings.Contains(args, "$SCENES") || strings.Contains(args, "$SMALL") || strings.Contains(args, "$DETECTOR") {
		dir, err := detectorFixtures()
		if err != nil {
			x.t.Fatal(err)
		}
		fixtures["$SCENES"], fixtures["$SMALL"], fixtures["$DETECTOR"] = filepath.Join(dir, "scenes"), filepath.Join(dir, "small.yaml"), filepath.Join(dir, "detector")
	}
	if strings.Contains(args, "$FOREIGN") {
		fixtures["$FOREIGN"] = x.foreign()
	}
	words := strings.Fields(args)
	for i := range words {
		for name, path := range fixtures {
			words[i] = strings.ReplaceAll(words[i], name, path)
		}
	}
	return words
}

// foreign returns the run's model as another program would have it: without oscar's files.
func (x torture) foreign() string {
	dir := filepath.Join(x.files, "foreign")
	if paths.Exists(dir) {
		return dir
	}
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(x.run, "saved_model"))); err != nil {
		x.t.Fatal(err)
	}
	for _, name := range []string{"assets.extra", checksum.File} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			x.t.Fatal(err)
		}
	}
	return dir
}

// command is a program with the words of a call, in dir.
func (x torture) command(dir, program, args string) *exec.Cmd {
	x.t.Helper()
	args, input, piped := strings.Cut(args, " < ")
	cmd := exec.CommandContext(x.t.Context(), program, x.words(args)...)
	cmd.Dir = dir
	if piped {
		if !filepath.IsAbs(input) {
			input = filepath.Join(dir, input)
		}
		b, err := os.ReadFile(input)
		if err != nil {
			x.t.Fatal(err)
		}
		cmd.Stdin = strings.NewReader(string(b))
	}
	return cmd
}

// call runs a command in dir, and returns its exit status, -1 if it was killed, and
// the last line that it said. A worker says it on standard output.
func (x torture) call(dir, fault, args string) (int, string) {
	x.t.Helper()
	cmd := x.command(dir, "oscar-faulty", args)
	cmd.Env = append(os.Environ(), "OSCAR_FAULT="+fault)
	var said, printed strings.Builder
	cmd.Stderr, cmd.Stdout = &said, &printed
	err := cmd.Run()
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	last := lines[len(lines)-1]
	if strings.HasPrefix(args, "worker") {
		last += " " + printed.String()
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), last
	} else if err != nil {
		x.t.Fatal(err)
	}
	return 0, last
}

// follow runs the command that follows the verb's.
func (x torture) follow(dir string) (status int, said string) {
	if x.after == "" {
		return 0, ""
	}
	return x.call(dir, "", x.after)
}

// begun reports whether a run has begun that the other command continues.
func (x torture) begun(dir string) bool {
	return x.again != "" && (paths.Exists(filepath.Join(dir, "out", "experiment.json")) || paths.Exists(filepath.Join(dir, "out", result.FoldsFile)))
}

// fresh returns a new folder in which the verb can be called.
func (x torture) fresh() string {
	x.t.Helper()
	dir := x.t.TempDir()
	for given := range strings.SplitSeq(x.given, " && ") {
		if given != "" {
			x.succeed(dir, "", given)
		}
	}
	for pattern := range strings.FieldsSeq(x.edits) {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(files) == 0 {
			x.t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, path := range files {
			b, err := os.ReadFile(path)
			if err != nil {
				x.t.Fatal(err)
			}
			testkit.Write(x.t, path, string(b)+" \n")
		}
	}
	return dir
}
