package instance_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oscar/internal/npy"
	"oscar/internal/testkit"
)

// lacking are messages of programs that cannot run the signature explain: the operations of the
// gradient that they lack. If one of them learns an operation, the test fails, and design 18 has
// to say so.
var lacking = map[string][]string{
	"tflite": {
		"'tf.BroadcastGradientArgs' op is neither", "'tf.FusedBatchNormGradV3' op is neither", "'tf.FusedBatchNormV3' op is neither", "'tf.ReluGrad' op is neither",
		"'tf.ResizeNearestNeighborGrad' op is neither",
	},
	"onnx": {
		"BroadcastGradientArgs] is not supported", "FusedBatchNormGradV3] is not supported", "ReluGrad] is not supported", "ResizeNearestNeighborGrad] is not supported",
		"Mod: Mod] is not supported",
	},
}

// TensorFlow in Python computes the maps of the signature explain, one picture alone and a batch of
// four; the others lack the operations that are known. OpenVINO reads serving_default alone.
func TestOthersExplain(t *testing.T) {
	for _, c := range consumers {
		if os.Getenv(c.environment) == "" {
			t.Skip(c.environment + " names no Python packages; `make test` sets it")
		}
	}
	x := exported(t)
	writePixels(t, x.images, filepath.Join(x.tmp, "images.npy"))
	var want []float32
	for _, c := range consumers {
		if c.name == "openvino" {
			continue
		}
		cmd := testkit.Python(t.Context(), os.Getenv(c.environment), "testdata/explainwith.py", c.name, x.model, x.tmp)
		var output bytes.Buffer
		cmd.Stdout, cmd.Stderr = &output, &output
		err := cmd.Run()
		if words := lacking[c.name]; words != nil {
			if err == nil {
				t.Errorf("%s runs the signature now", c.name)
			}
			for _, word := range words {
				if !strings.Contains(output.String(), word) {
					t.Errorf("%s does not say %q:\n%s", c.name, word, &output)
				}
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", c.name, err, &output)
			continue
		}
		_, values, err := npy.Read(filepath.Join(x.tmp, c.name+"-map.npy"))
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = values
		}
		if len(values) != len(want) {
			t.Fatalf("%s: %d values, want %d", c.name, len(values), len(want))
		}
		largest, apart := 0.0, 0.0
		for i, v := range want {
			largest, apart = max(largest, math.Abs(float64(v))), max(apart, math.Abs(float64(v-values[i])))
		}
		t.Logf("%s: %d values up to %.2g, within %.1e", c.name, len(values), largest, apart)
		if largest < 1e-2 || !(apart <= 1e-4) {
			t.Errorf("%s: the largest value is %g, the difference %g", c.name, largest, apart)
		}
	}
}
