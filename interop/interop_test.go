// Package interop has other people's programs read oscar's SavedModels: what
// they compute is held against what oscar does, and oscar's Grad-CAM against one
// that is written anew in Keras. Each program runs in a Python environment of
// its own, see README.md; a test whose environment is not there skips itself.
package interop

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"oscar/explain"
	"oscar/gradcam"
	"oscar/heatmap"
	"oscar/internal/graph"
	"oscar/internal/npy"
	"oscar/savedmodel"
)

// tolerance is for probabilities and heatmaps as they are, and for logits and
// raw maps as a share of the largest.
const tolerance = 1e-4

// tools is the one table of programs. Where one does not take a signature,
// README.md says why.
var tools = []struct {
	name        string
	environment string // variable that names its packages
	script      string
	signatures  []string
	facts       func(t *testing.T, m model, facts map[string]any) // besides, if any
}{
	{"tensorflow", "OSCAR_PYTHON_TENSORFLOW", "load_tensorflow.py", []string{"serving_default", "serve", "gradcam"}, seenByTensorFlow},
	{"keras", "OSCAR_PYTHON_TENSORFLOW", "load_keras.py", []string{"serving_default", "serve"}, seenByKeras},
	{"saved_model_cli", "OSCAR_PYTHON_TENSORFLOW", "load_cli.py", []string{"serving_default", "serve", "gradcam"}, nil},
	{"tflite", "OSCAR_PYTHON_TENSORFLOW", "load_tflite.py", []string{"serving_default", "gradcam"}, nil},
	{"onnx", "OSCAR_PYTHON_ONNX", "load_onnx.py", []string{"serving_default", "gradcam"}, nil},
	{"openvino", "OSCAR_PYTHON_OPENVINO", "load_openvino.py", []string{"serving_default", "gradcam"}, nil},
}

func TestSmallModels(t *testing.T) { testModels(t, small) }

func TestAlexNet02(t *testing.T) {
	if testing.Short() {
		t.Skip("AlexNet02 is 223 MB for every tool; -short")
	}
	testModels(t, large)
}

func TestGivenModels(t *testing.T) {
	models := given(t, t.TempDir())
	if len(models) == 0 {
		t.Skip("OSCAR_INTEROP_MODELS lists no SavedModels")
	}
	checkModels(t, models)
}

func testModels(t *testing.T, recipes []recipe) {
	var models []model
	root := t.TempDir()
	for _, r := range recipes {
		models = append(models, r.make(t, root))
	}
	checkModels(t, models)
}

func checkModels(t *testing.T, models []model) {
	want := map[string]results{}
	for _, m := range models {
		want[m.name] = byOscar(t, m)
		checkCorners(t, m, want[m.name]["gradcam"])
	}
	t.Run("oscar", func(t *testing.T) {
		for _, m := range models {
			compare(t, m, bySession(t, m, m.cases, "serving_default", "serve", "gradcam"), want[m.name])
		}
	})
	for _, tool := range tools {
		t.Run(tool.name, func(t *testing.T) {
			python(t, tool.environment, tool.script, models)
			for _, m := range models {
				signatures := tool.signatures
				if _, err := os.Stat(filepath.Join(m.folder, "onnx", "gradcam.onnx")); err != nil && tool.name == "openvino" {
					signatures = signatures[:1] // it has gradcam from there alone
				}
				compare(t, m, read(t, m, tool.name, signatures, want[m.name]), want[m.name])
				if tool.facts != nil {
					var facts map[string]any
					text := must(os.ReadFile(filepath.Join(m.folder, "out", tool.name, "facts.json")))(t)
					if err := json.Unmarshal(text, &facts); err != nil {
						t.Fatal(err)
					}
					tool.facts(t, m, facts)
				}
			}
		})
	}
	t.Run("oracle", func(t *testing.T) { checkOracle(t, models) })
}

// python runs one of the scripts on the models' folders.
func python(t *testing.T, environment, script string, models []model) {
	t.Helper()
	packages := os.Getenv(environment)
	if packages == "" {
		t.Skip(environment + " names no Python packages; `make test` sets it")
	}
	arguments := []string{script}
	for _, m := range models {
		arguments = append(arguments, m.folder)
	}
	interpreter := os.Getenv("OSCAR_PYTHON")
	if interpreter == "" {
		interpreter = "python3"
	}
	command := exec.CommandContext(t.Context(), interpreter, arguments...)
	command.Env = append(os.Environ(), "PYTHONPATH="+packages, "PYTHONNOUSERSITE=1", "PYTHONDONTWRITEBYTECODE=1",
		"CUDA_VISIBLE_DEVICES=-1", "TF_CPP_MIN_LOG_LEVEL=2")
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, output[max(0, len(output)-4000):])
	}
}

// array is a tensor as float32.
type array struct {
	shape  []int
	values []float32
}

// results are arrays by signature, case and output.
type results map[string]map[string]map[string]array

func (r results) set(signature, inputs, output string, a array) {
	if r[signature] == nil {
		r[signature] = map[string]map[string]array{}
	}
	if r[signature][inputs] == nil {
		r[signature][inputs] = map[string]array{}
	}
	r[signature][inputs][output] = a
}

// byOscar is what every tool should give: oscar's own predictions, and its
// maps, which are made in Go from TensorFlow's gradients and not by the
// signature gradcam.
func byOscar(t *testing.T, m model) results {
	t.Helper()
	bundle := must(savedmodel.Open(m.dir(), graph.Threads{}))(t)
	defer bundle.Close()
	out := results{}
	for _, c := range m.cases {
		d := must(bundle.Differentiate(t.Context(), c.images, c.targets, m.meta.Explain, explain.Logit))(t)
		n := c.images.N
		logits, probabilities := rows(d.Logits), rows(d.Probabilities)
		predicted, explained := array{shape: []int{n}}, array{shape: []int{n}}
		var raw, heat array
		for i := range n {
			predicted.values = append(predicted.values, float32(argmax(d.Logits[i])))
			explained.values = append(explained.values, float32(d.Targets[i]))
			grid := gradcam.GradCAM(d.Activations[i], d.Gradients[i])
			raw.shape, raw.values = []int{n, grid.Height, grid.Width}, append(raw.values, grid.Values...)
			big := heatmap.Upsample(heatmap.Positive(grid), c.images.Height, c.images.Width)
			heat.shape, heat.values = []int{n, big.Height, big.Width}, append(heat.values, big.Values...)
		}
		for _, signature := range []string{"serving_default", "serve"} {
			out.set(signature, c.name, "logits", logits)
			out.set(signature, c.name, "probabilities", probabilities)
			out.set(signature, c.name, "class", predicted)
		}
		out.set("gradcam", c.name, "probabilities", probabilities)
		out.set("gradcam", c.name, "class", explained)
		out.set("gradcam", c.name, "raw", raw)
		out.set("gradcam", c.name, "heatmap", heat)
	}
	return out
}

func rows(v [][]float32) array {
	return array{[]int{len(v), len(v[0])}, slices.Concat(v...)}
}

// bySession runs signatures in TensorFlow's C library.
func bySession(t *testing.T, m model, cases []inputs, signatures ...string) results {
	t.Helper()
	var saved for_core_protos_go_proto.SavedModel
	if err := proto.Unmarshal(must(os.ReadFile(filepath.Join(m.dir(), "saved_model.pb")))(t), &saved); err != nil {
		t.Fatal(err)
	}
	g, session, err := graph.Load(m.dir(), "serve", graph.Threads{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	out := results{}
	for _, name := range signatures {
		signature := saved.MetaGraphs[0].SignatureDef[name]
		outputs := slices.Sorted(maps.Keys(signature.Outputs))
		var fetch []graph.Tensor
		for _, key := range outputs {
			fetch = append(fetch, must(g.Tensor(signature.Outputs[key].GetName()))(t))
		}
		for _, c := range cases {
			var feeds []graph.Feed
			for key, info := range signature.Inputs {
				value := graph.FromFloat32s(graph.Shape{c.images.N, c.images.Height, c.images.Width, 3}, c.images.Pixels)
				if key == "class" {
					targets := make([]int64, len(c.targets))
					for i, target := range c.targets {
						targets[i] = int64(target)
					}
					value = graph.FromInt64s(graph.Shape{len(targets)}, targets)
				}
				feeds = append(feeds, graph.Feed{To: must(g.Tensor(info.GetName()))(t), Value: value})
			}
			for i, v := range must(session.Run(t.Context(), feeds, fetch))(t) {
				a := array{shape: v.Shape()}
				if v.DType() == graph.Int64 {
					for _, x := range v.Int64s() {
						a.values = append(a.values, float32(x))
					}
				} else {
					a.values = v.Float32s()
				}
				out.set(name, c.name, outputs[i], a)
			}
		}
	}
	return out
}

// read reads what a script wrote: the outputs that want has, and no others.
func read(t *testing.T, m model, tool string, signatures []string, want results) results {
	t.Helper()
	out := results{}
	for _, signature := range signatures {
		for name, outputs := range want[signature] {
			dir := filepath.Join(m.folder, "out", tool, signature, name)
			if entries := must(os.ReadDir(dir))(t); len(entries) != len(outputs) {
				t.Errorf("%s: %s %s has %d outputs, want %d", m.name, signature, name, len(entries), len(outputs))
			}
			for output := range outputs {
				shape, values, err := npy.Read(filepath.Join(dir, output+".npy"))
				if err != nil {
					t.Fatal(err)
				}
				out.set(signature, name, output, array{shape, values})
			}
		}
	}
	return out
}

// compare reports what differs by more than the tolerance, and logs the
// largest difference of every output.
func compare(t *testing.T, m model, got, want results) {
	t.Helper()
	for _, signature := range slices.Sorted(maps.Keys(got)) {
		largest := map[string]float64{}
		for name, outputs := range got[signature] {
			for output, a := range outputs {
				d, err := difference(output, a, want[signature][name][output])
				if err != nil || !(d <= tolerance) {
					t.Errorf("%s: %s, %s: %s differs by %.2g, %v", m.name, signature, name, output, d, err)
				}
				largest[output] = max(largest[output], d)
			}
		}
		logLargest(t, m, signature, largest)
	}
}

func logLargest(t *testing.T, m model, what string, largest map[string]float64) {
	t.Helper()
	var text strings.Builder
	for _, output := range slices.Sorted(maps.Keys(largest)) {
		fmt.Fprintf(&text, "  %s %.1e", output, largest[output])
	}
	t.Logf("%-14s %-16s%s", m.name, what, &text)
}

// difference is the largest one, as a share of the largest value where a value
// has no scale of its own. What is zero everywhere has to be so exactly.
func difference(output string, got, want array) (float64, error) {
	return differenceOver(output, got, want, 0)
}

// differenceOver is difference where shares are of least, at least.
func differenceOver(output string, got, want array, least float64) (float64, error) {
	if !slices.Equal(got.shape, want.shape) || len(got.values) != len(want.values) {
		return math.Inf(1), fmt.Errorf("shape %v, want %v", got.shape, want.shape)
	}
	var largest, apart float64
	for i, w := range want.values {
		d := math.Abs(float64(got.values[i]) - float64(w))
		if math.IsNaN(d) {
			return d, fmt.Errorf("value %d is %v, want %v", i, got.values[i], w)
		}
		largest, apart = max(largest, math.Abs(float64(w))), max(apart, d)
	}
	if apart == 0 {
		return 0, nil
	}
	largest = max(largest, least)
	if largest == 0 {
		return math.Inf(1), fmt.Errorf("%g where all should be zero", apart)
	}
	if output == "logits" || output == "raw" {
		apart /= largest
	}
	return apart, nil
}

// checkCorners sees to it that the maps are what the recipes promise.
func checkCorners(t *testing.T, m model, cases map[string]map[string]array) {
	t.Helper()
	for name, outputs := range cases {
		low, high := slices.Min(outputs["raw"].values), slices.Max(outputs["raw"].values)
		heat := slices.Max(outputs["heatmap"].values)
		var ok bool
		switch m.name {
		case "no-features", "no-gradients":
			ok = low == 0 && high == 0 && heat == 0
		case "negative":
			ok = low < 0 && high <= 0 && heat == 0
		default:
			ok = low < high && heat >= 0 && heat <= 1
		}
		if !ok {
			t.Errorf("%s, %s: raw values from %g to %g, heatmap up to %g", m.name, name, low, high, heat)
		}
	}
}

// seenByTensorFlow: all variables are there, those of batch norm's averages not
// for training, and gradients reach the others.
func seenByTensorFlow(t *testing.T, m model, facts map[string]any) {
	for key, want := range map[string]int{
		"variables": m.variables, "trainable": m.trainable, "signature_trainable": m.trainable, "gradients": m.trainable,
	} {
		if got, ok := facts[key].(float64); !ok || int(got) != want {
			t.Errorf("%s: %s %v, want %d", m.name, key, facts[key], want)
		}
	}
	if m.variables > 0 && !slices.Contains(facts["names"].([]any), any(m.meta.Layers[0].Name+"/kernel:0")) {
		t.Errorf("%s: variables %v, want %s/kernel among them", m.name, facts["names"], m.meta.Layers[0].Name)
	}
}

func seenByKeras(t *testing.T, m model, facts map[string]any) {
	for key, want := range map[string]int{"variables": m.variables, "trainable": m.trainable} {
		if got, ok := facts[key].(float64); !ok || int(got) != want {
			t.Errorf("%s: %s %v, want %d", m.name, key, facts[key], want)
		}
	}
	if refusal, ok := facts["gradcam_refused"].(string); !ok || refusal == "" {
		t.Errorf("%s: TFSMLayer takes gradcam after all: say so in README.md, and test it", m.name)
	}
}
