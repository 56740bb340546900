package graph

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	config "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"golang.org/x/sys/cpu"
	"google.golang.org/protobuf/proto"

	"oscar/internal/machine"
	"oscar/internal/testkit"
)

// rewriting returns what a configuration asks of TensorFlow's graph optimizer.
func rewriting(t *testing.T, c Config) *config.RewriterConfig {
	t.Helper()
	options, err := c.options()
	if err != nil {
		t.Fatal(err)
	}
	p := &config.ConfigProto{}
	if err := proto.Unmarshal(options.Config, p); err != nil {
		t.Fatal(err)
	}
	return p.GetGraphOptions().GetRewriteOptions()
}

func TestFloat32AsksForNothing(t *testing.T) {
	if got := rewriting(t, Config{}); got != nil {
		t.Errorf("the zero value asks for %v", got)
	}
	if got := rewriting(t, Config{Optimizer: KeepTensors}).GetAutoMixedPrecisionOnednnBfloat16(); got != config.RewriterConfig_DEFAULT {
		t.Errorf("float32 asks for %v", got)
	}
}

func TestBFloat16ReachesTensorFlow(t *testing.T) {
	testkit.BFloat16(t)
	got := rewriting(t, Config{Precision: BFloat16, Optimizer: KeepTensors})
	if got.AutoMixedPrecisionOnednnBfloat16 != config.RewriterConfig_ON || got.Remapping != config.RewriterConfig_OFF {
		t.Errorf("an adopted model in bfloat16 asks for %v", got)
	}
}

func TestBFloat16IsRefused(t *testing.T) {
	for name, c := range map[string]Config{
		"a session cannot have precision auto":     {Precision: machine.Auto},
		"a session cannot have precision bfloat16": {Precision: BFloat16, Optimizer: OptimizeNothing},
	} {
		if c.Precision == BFloat16 && !machine.HasBFloat16() {
			continue
		}
		_, err := New().NewSession(c)
		wantError(t, err, name)
	}
	was := cpu.X86
	defer func() { cpu.X86 = was }()
	cpu.X86.HasAVX512BF16, cpu.X86.HasAMXBF16 = false, false
	_, err := New().NewSession(Config{Precision: BFloat16})
	wantError(t, err, "AVX512_BF16")
	_, _, err = Load(t.TempDir(), "serve", Config{Precision: BFloat16})
	wantError(t, err, "AVX512_BF16")
}

// rounded returns the nearest number of 8 bits of mantissa, ties to even.
func rounded(x float32) float32 {
	b := math.Float32bits(x)
	return math.Float32frombits((b + 0x7fff + b>>16&1) &^ 0xffff)
}

// A product of two matrices is that of their rounded numbers, summed in float32 and rounded:
// computed here number by number.
func TestBFloat16Product(t *testing.T) {
	testkit.BFloat16(t)
	const n, k, m = 24, 48, 40
	r := rand.New(rand.NewPCG(1, 2))
	a, b := make([]float32, n*k), make([]float32, k*m)
	for _, v := range [][]float32{a, b} {
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
	}
	g := New()
	x, y := g.Placeholder("x", Float, Shape{n, k}), g.Placeholder("y", Float, Shape{k, m})
	product := g.Square(g.MatMul(x, y))
	mustHold(t, g)
	feeds := []Feed{{x, FromFloat32s(Shape{n, k}, a)}, {y, FromFloat32s(Shape{k, m}, b)}}
	run := func(p Precision) []float32 {
		s, err := g.NewSession(Config{Precision: p})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		out, err := s.Run(context.Background(), feeds, []Tensor{product})
		if err != nil {
			t.Fatal(err)
		}
		return out[0].Float32s()
	}
	exact, got := run(Float32), run(BFloat16)
	differ := 0
	for i := range n {
		for j := range m {
			var sum float64
			for l := range k {
				sum += float64(rounded(a[i*k+l])) * float64(rounded(b[l*m+j]))
			}
			v := float64(got[i*m+j])
			// Half a unit in the last place of 8 bits is 2^-9 of a number; of its square, twice that.
			if math.Abs(v-sum*sum) > sum*sum*0x1p-7+1e-5 {
				t.Fatalf("element %d,%d is %g, want %g", i, j, v, sum*sum)
			}
			if got[i*m+j] != exact[i*m+j] {
				differ++
			}
		}
	}
	if differ < n*m/2 {
		t.Errorf("%d of %d elements differ from float32: it was not computed in bfloat16", differ, n*m)
	}
}
