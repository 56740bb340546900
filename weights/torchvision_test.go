package weights

import (
	"cmp"
	"encoding/json"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oscar/internal/agreement"
	"oscar/tfmodel"
)

// uniform is the function of oracles/weights/make.py.
func uniform(name string, n int) []float64 {
	b := float64(crc32.ChecksumIEEE([]byte(name))%1000) / 100
	out := make([]float64, n)
	for i := range out {
		v := math.Sin(12.9898*float64(i)+b) * 43758.5453
		out[i] = v - math.Floor(v)
	}
	return out
}

// torchWeight are a tensor's values there.
func torchWeight(name string, shape []int) []float32 {
	n, rest := 1, 1
	for i, d := range shape {
		n *= d
		if i > 0 {
			rest *= d
		}
	}
	out := make([]float32, n)
	for i, u := range uniform(name, n) {
		switch {
		case len(shape) > 1:
			u = (2*u - 1) * math.Sqrt(3/float64(rest))
		case strings.HasSuffix(name, "running_var"):
			u = 0.5 + u
		case strings.HasSuffix(name, ".weight"):
			u = 0.8 + 0.4*u
		default:
			u = 0.2 * (u - 0.5)
		}
		out[i] = float32(u)
	}
	return out
}

// golden is a file of oracles/weights.
type golden struct {
	Made     map[string]string
	Networks map[string]struct {
		Architecture string // "": its name
		Tensors      map[string][]int
		Parameters   int    // of the whole network; 0: not known
		Images       [2]int // their number and side
		Logits       []float32
	}
}

func readGolden(t *testing.T, program string, networks int) (g golden) {
	t.Helper()
	text, err := os.ReadFile("../oracles/weights/testdata/" + program + ".json")
	if err == nil {
		err = json.Unmarshal(text, &g)
	}
	if err != nil || len(g.Networks) != networks {
		t.Fatal(len(g.Networks), err)
	}
	return g
}

// Networks with the weights of torchvision and timm answer as in PyTorch: their names, their
// kernels, their padding, their epsilon, their images.
func TestTorchWeights(t *testing.T) {
	for program, networks := range map[string]int{"torchvision": 5, "timm": 7} {
		golden := readGolden(t, program, networks)
		for name, want := range golden.Networks {
			t.Run(program+" "+name, func(t *testing.T) {
				architecture := cmp.Or(want.Architecture, name)
				if testing.Short() && strings.HasPrefix(architecture, "vgg") {
					t.Skip("takes its time")
				}
				n, side := want.Images[0], want.Images[1]
				var images []float32
				for _, u := range uniform("image", n*side*side*3) {
					images = append(images, float32(math.Round(255*u)))
				}
				values := map[string][]float32{}
				for tensor, s := range want.Tensors {
					values[tensor] = torchWeight(tensor, s)
				}
				path := write(t, want.Tensors, values)
				if program == "timm" { // one file may be known by its name alone
					path = rename(t, path, name+".safetensors")
				}
				file, err := Open(t.Context(), path)
				if err != nil {
					t.Fatal(err)
				}
				got := answersOf(t, file, small(t, architecture, want.Tensors), []int{n, side, side, 3}, images, program)
				agreement.Check(t, agreement.Line{
					Group: agreement.Layer, Subject: "forward", Model: name, Oracle: program + " " + golden.Made[program],
					Compared: "logits with weights of its names", Difference: agreement.Apart(got, want.Logits), Of: "the largest", Bound: 1e-5,
				})
				if want.Parameters == 0 {
					return
				}
				a, err := tfmodel.Lookup(architecture, 1000)
				if err != nil {
					t.Fatal(err)
				}
				if a, err = file.Prepare(a); err != nil {
					t.Fatal(err)
				}
				if total, frozen, err := a.Parameters(); err != nil || total-frozen != want.Parameters {
					t.Errorf("%d parameters, %v; %s's has %d", total-frozen, err, program, want.Parameters)
				}
			})
		}
	}
}

// small returns an architecture with five classes, and with as many units in its first dense
// layer as tensors have, if it is a VGG.
func small(t *testing.T, name string, tensors map[string][]int) tfmodel.Architecture {
	t.Helper()
	a, err := tfmodel.Lookup(name, 5)
	if err != nil {
		t.Fatal(err)
	}
	for _, first := range []string{"classifier.0.weight", "pre_logits.fc1.weight"} {
		if shape := tensors[first]; shape != nil {
			if a, err = a.Replace("fc1", &tfmodel.Dense{Units: shape[0]}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return a
}

func rename(t *testing.T, path, name string) string {
	t.Helper()
	to := filepath.Join(filepath.Dir(path), name)
	if err := os.Rename(path, to); err != nil {
		t.Fatal(err)
	}
	return to
}

// timm has two networks whose tensors have the same names; which is meant is said.
func TestSameNames(t *testing.T) {
	tensors := readGolden(t, "timm", 7).Networks["efficientnet_lite0"].Tensors
	values := map[string][]float32{}
	for tensor, s := range tensors {
		values[tensor] = torchWeight(tensor, s)
	}
	path := write(t, tensors, values)
	for name, want := range map[string]string{
		"model.safetensors":                 "taken for timm's efficientnet_lite0: ",
		"tf_efficientnet_lite0.safetensors": "taken for timm's tf_efficientnet_lite0, ",
	} {
		path = rename(t, path, name)
		file, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		a, err := file.Prepare(small(t, "efficientnet_lite0", nil))
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := file.Load(t.Context(), a, true)
		if err != nil {
			t.Fatal(err)
		}
		if notes := loaded.Notes(); len(notes) != 1 || !strings.HasPrefix(notes[0], want) {
			t.Errorf("%s: %q", name, notes)
		}
	}
}
