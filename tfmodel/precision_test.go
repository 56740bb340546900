package tfmodel

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	framework "github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	types "github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
	"google.golang.org/protobuf/proto"

	"oscar/internal/graph"
	"oscar/internal/testkit"
)

// rewritten returns the last graph that TensorFlow rewrote for bfloat16 during work.
func rewritten(t *testing.T, work func()) *framework.GraphDef {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_LOG_PATH", dir)
	work()
	files, err := filepath.Glob(filepath.Join(dir, "graphdef_AutoMixedPrecision_*.pb"))
	if err != nil || len(files) == 0 {
		t.Fatalf("TensorFlow wrote no graph: %v", err)
	}
	text, err := os.ReadFile(files[len(files)-1])
	if err != nil {
		t.Fatal(err)
	}
	g := &framework.GraphDef{}
	if err := proto.Unmarshal(text, g); err != nil {
		t.Fatal(err)
	}
	return g
}

// in returns a trainer with initial weights that computes in a precision.
func in(t *testing.T, a Architecture, p Precision) *Trainer {
	t.Helper()
	trainer, err := NewTrainer(a, Training{Optimizer: Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-7, WeightDecay: 0.01}}, 1,
		Config{Threads: Threads{Intra: 1, Inter: 1}, Precision: p})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { trainer.Close() })
	if err := trainer.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	return trainer
}

// TensorFlow computes convolutions, products, and what lies between them in bfloat16.
// Variables, the loss, Adam and the statistics of batch normalization stay float32.
func TestBFloat16LeavesTheRestInFloat32(t *testing.T) {
	testkit.BFloat16(t)
	a := Tiny(3)
	a.Layers[0].Layer.(*Conv2D).L2 = 1e-4
	multiplied := 0
	step := rewritten(t, func() { learn(t, in(t, a, graph.BFloat16), noise(4, a, 3), 0, 1e-3) })
	for _, n := range step.Node {
		var keys []string
		for key, v := range n.Attr {
			if v.GetType() == types.DataType_DT_BFLOAT16 {
				keys = append(keys, key)
			}
		}
		if slices.Contains([]string{"Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter", "MatMul"}, n.Op) {
			multiplied++
			if len(keys) == 0 {
				t.Errorf("%s (%s) is not in bfloat16", n.Name, n.Op)
			}
		}
		if len(keys) == 0 || n.Op == "Cast" {
			continue
		}
		switch scope, rest, _ := strings.Cut(n.Name, "/"); {
		case scope == "loss" && n.Op != "ArgMax", // of the logits, for the number of right answers
			scope == "optimizer" && !strings.HasPrefix(rest, "gradients/"),
			strings.Contains(n.Op, "Variable"), strings.Contains(n.Op, "Adam"), strings.Contains(n.Op, "L2Loss"):
			t.Errorf("%s (%s) has %v in bfloat16", n.Name, n.Op, keys)
		case strings.HasPrefix(n.Op, "FusedBatchNorm") && slices.Contains(keys, "U"):
			t.Errorf("%s (%s) has its statistics in bfloat16", n.Name, n.Op)
		}
	}
	if multiplied < 8 {
		t.Errorf("the graph has %d products only", multiplied)
	}
}

// A few steps of both precisions stay close; they are not the same.
func TestBFloat16TrainsAsFloat32(t *testing.T) {
	testkit.BFloat16(t)
	a := Tiny(3)
	b := noise(8, a, 3)
	exact, fast, again := in(t, a, graph.Float32), in(t, a, graph.BFloat16), in(t, a, graph.BFloat16)
	var first float64
	for step := range 20 {
		want, _ := learn(t, exact, b, step, 1e-3)
		first = max(first, want)
		got, _ := learn(t, fast, b, step, 1e-3)
		same, _ := learn(t, again, b, step, 1e-3)
		if math.Abs(got-want) > 0.02*first {
			t.Errorf("step %d: loss %g, in float32 %g", step, got, want)
		}
		if got == want {
			t.Errorf("step %d: the loss is that of float32", step)
		}
		if got != same {
			t.Errorf("step %d: loss %g, a second time %g", step, got, same)
		}
	}
	sameBits(t, "bfloat16 twice", weights(t, again), weights(t, fast))
}
