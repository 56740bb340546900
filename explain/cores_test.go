package explain_test

import (
	"math"
	"runtime"
	"testing"

	"oscar/explain"
)

// Maps have the same bits on one processor and on several.
func TestProcessorsDoNotChangeMaps(t *testing.T) {
	images := large()
	model := instant{make([]float32, len(images.Pixels))}
	for i := range model.gradients {
		model.gradients[i] = float32(math.Sin(float64(i)))
	}
	maps := func(processors int) []explain.Attribution {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
		var out []explain.Attribution
		for _, method := range explain.Methods {
			e := method.New(model, explain.Options{Samples: 40})
			out = append(out, must(t, e, images, 0)...)
		}
		return out
	}
	one, several := maps(1), maps(5)
	for k, a := range one {
		for i, v := range a.Map.Values {
			if w := several[k].Map.Values[i]; math.Float32bits(v) != math.Float32bits(w) {
				t.Errorf("%s: value %d is %v on one processor, %v on five", a.Method, i, v, w)
				break
			}
		}
	}
}
