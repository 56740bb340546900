package weights

import (
	"encoding/json"
	"hash/crc32"
	"math"
	"os"
	"strings"
	"testing"

	"oscar/internal/agreement"
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

// Networks with torchvision's weights answer as in PyTorch: its names, its kernels, its
// padding, its epsilon, its images.
func TestTorchvision(t *testing.T) {
	text, err := os.ReadFile("../oracles/weights/testdata/torchvision.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Made     map[string]string
		Networks map[string]struct {
			Tensors    map[string][]int
			Parameters int
			Logits     []float32
		}
	}
	if err := json.Unmarshal(text, &golden); err != nil || len(golden.Networks) != 3 {
		t.Fatal(len(golden.Networks), err)
	}
	shape := []int{2, 64, 64, 3}
	var images []float32
	for _, u := range uniform("image", 2*64*64*3) {
		images = append(images, float32(math.Round(255*u)))
	}
	for name, want := range golden.Networks {
		values := map[string][]float32{}
		for tensor, s := range want.Tensors {
			values[tensor] = torchWeight(tensor, s)
		}
		got := answers(t, write(t, want.Tensors, values), name, shape, images, 5, "torchvision")
		agreement.Check(t, agreement.Line{
			Group: agreement.Layer, Subject: "forward", Model: name, Oracle: "torchvision " + golden.Made["torchvision"],
			Compared: "logits with weights of its names", Difference: agreement.Apart(got, want.Logits), Of: "the largest", Bound: 1e-5,
		})
		if a := named(t, torchScheme(t, name), 1000); true {
			total, frozen, err := a.Parameters()
			if err != nil || total-frozen != want.Parameters {
				t.Errorf("%s: %d parameters, %v; torchvision's has %d", name, total-frozen, err, want.Parameters)
			}
		}
	}
}

func torchScheme(t *testing.T, architecture string) scheme {
	t.Helper()
	for _, s := range schemes {
		if s.program == "torchvision" && s.architecture == architecture {
			return s
		}
	}
	t.Fatalf("no torchvision for %s", architecture)
	return scheme{}
}
