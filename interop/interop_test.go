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
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/internal/agreement"
	"oscar/internal/npy"
	"oscar/internal/testkit"
)

// tolerance is for probabilities and heatmaps as they are, and for logits and
// raw maps as a share of the largest.
const tolerance = 1e-4

// bound is the tolerance for a signature.
func (m model) bound(signature string) float64 {
	if signature == "integrated-gradients" && m.meta.Parameters > 1e7 {
		return agreement.Kinked
	}
	return tolerance
}

// tools is the one table of programs. Where one does not take a signature,
// README.md says why.
var tools = []struct {
	name        string
	environment string // variable that names its packages
	script      string
	serving     []string
	explains    bool                                              // takes the explanations, too: signatures with a class
	large       bool                                              // in reasonable time also all those of AlexNet02; else gradcam alone
	facts       func(t *testing.T, m model, facts map[string]any) // besides, if any
}{
	{"tensorflow", "OSCAR_PYTHON_TENSORFLOW", "load_tensorflow.py", []string{"serving_default", "serve"}, true, true, seenByTensorFlow},
	{"keras", "OSCAR_PYTHON_TENSORFLOW", "load_keras.py", []string{"serving_default", "serve"}, false, false, seenByKeras},
	{"saved_model_cli", "OSCAR_PYTHON_TENSORFLOW", "load_cli.py", []string{"serving_default", "serve"}, true, false, nil},
	{"tflite", "OSCAR_PYTHON_TENSORFLOW", "load_tflite.py", []string{"serving_default"}, true, false, nil},
	{"onnx", "OSCAR_PYTHON_ONNX", "load_onnx.py", []string{"serving_default"}, true, false, nil},
	{"openvino", "OSCAR_PYTHON_OPENVINO", "load_openvino.py", []string{"serving_default"}, true, false, nil},
}

func TestMain(m *testing.M) {
	agreement.Main(m, "OSCAR_PYTHON_TENSORFLOW", "OSCAR_PYTHON_ONNX", "OSCAR_PYTHON_OPENVINO")
}

func TestSmallModels(t *testing.T) { testModels(t, small, "tiny and 7 others") }

func TestAlexNet02(t *testing.T) {
	if testing.Short() {
		t.Skip("AlexNet02 is 223 MB for every tool; -short")
	}
	testModels(t, large, "AlexNet02")
}

func TestGivenModels(t *testing.T) {
	models := given(t, t.TempDir())
	if len(models) == 0 {
		t.Skip("OSCAR_INTEROP_MODELS lists no SavedModels")
	}
	checkModels(t, models, "")
}

func testModels(t *testing.T, recipes []recipe, record string) {
	var models []model
	root := t.TempDir()
	for _, r := range recipes {
		models = append(models, r.make(t, root))
	}
	checkModels(t, models, record)
}

// checkModels has every tool run the models. record is what docs/correctness.md
// calls them, if they are for it.
func checkModels(t *testing.T, models []model, record string) {
	want := map[string]results{}
	for _, m := range models {
		want[m.name] = byOscar(t, m)
		checkCorners(t, m, want[m.name]["gradcam"])
	}
	t.Run("oscar", func(t *testing.T) {
		largest := differences{}
		for _, m := range models {
			compare(t, m, bySession(t, m, m.cases, append([]string{"serving_default", "serve"}, m.explanations...)...), want[m.name], largest)
		}
		largest.record(t, "oscar, in Go", record, models)
	})
	for _, tool := range tools {
		t.Run(tool.name, func(t *testing.T) {
			signatures := map[string][]string{}
			for _, m := range models {
				signatures[m.name] = tool.serving
				if tool.explains {
					signatures[m.name] = append(slices.Clip(tool.serving), m.taken(tool.large)...)
				}
				text := must(json.Marshal(signatures[m.name]))(t)
				if err := os.WriteFile(filepath.Join(m.folder, "signatures.json"), text, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			python(t, tool.environment, tool.script, models)
			largest, version := differences{}, ""
			for _, m := range models {
				if _, err := os.Stat(filepath.Join(m.folder, "onnx", "gradcam.onnx")); err != nil && tool.name == "openvino" {
					signatures[m.name] = tool.serving // it has the others from there alone
				}
				compare(t, m, read(t, m, tool.name, signatures[m.name], want[m.name]), want[m.name], largest)
				var facts map[string]any
				text := must(os.ReadFile(filepath.Join(m.folder, "out", tool.name, "facts.json")))(t)
				if err := json.Unmarshal(text, &facts); err != nil {
					t.Fatal(err)
				}
				if tool.facts != nil {
					tool.facts(t, m, facts)
				}
				version = facts["version"].(string)
			}
			largest.record(t, version, record, models)
		})
	}
	t.Run("oracle", func(t *testing.T) { checkOracle(t, models, record) })
}

// taken are the explanations that a tool is asked for.
func (m model) taken(large bool) []string {
	if large || m.meta.Parameters < 1e7 || len(m.explanations) == 0 {
		return m.explanations
	}
	return m.explanations[:1]
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
	command := testkit.Python(t.Context(), packages, arguments...)
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

// differences are the largest ones by signature.
type differences map[string]float64

// record notes them, if they are for docs/correctness.md.
func (d differences) record(t *testing.T, oracle, of string, models []model) {
	t.Helper()
	if of == "" {
		return
	}
	for signature, largest := range d {
		bound := 0.0
		for _, m := range models {
			bound = max(bound, m.bound(signature))
		}
		compared := "raw map; heatmap and probabilities as they are"
		if strings.HasPrefix(signature, "serv") {
			compared = "logits; probabilities as they are"
		}
		agreement.Check(t, agreement.Line{
			Group: agreement.Signature, Subject: signature, Model: of, Oracle: oracle,
			Compared: compared, Difference: largest, Of: "the largest value", Bound: bound,
		})
	}
}

// compare reports what differs by more than the tolerance, and logs the
// largest difference of every output.
func compare(t *testing.T, m model, got, want results, most differences) {
	t.Helper()
	for _, signature := range slices.Sorted(maps.Keys(got)) {
		largest := map[string]float64{}
		for name, outputs := range got[signature] {
			for output, a := range outputs {
				d, err := difference(output, a, want[signature][name][output])
				if err != nil || !(d <= m.bound(signature)) {
					t.Errorf("%s: %s, %s: %s differs by %.2g, %v", m.name, signature, name, output, d, err)
				}
				largest[output] = max(largest[output], d)
				most[signature] = max(most[signature], d)
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
	t.Logf("%-14s %-20s%s", m.name, what, &text)
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
