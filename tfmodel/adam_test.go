package tfmodel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"oscar/internal/agreement"
	"oscar/internal/graph"
)

// linear is one dense layer over few pixels: its gradients fit on a line.
func linear(classes int, l2 float64) Architecture {
	return Architecture{Name: "linear", Input: Shape{2, 2, 3}, Layers: []Named{
		{"flatten", &Flatten{}},
		{"fc", &Dense{Units: classes, L2: l2}},
	}}
}

// adamTwin is Kingma and Ba's algorithm 1 on one parameter, in the form that
// TensorFlow computes: the bias corrections within the rate, epsilon outside of
// the root.
type adamTwin struct {
	theta, m, v []float64
	decays      bool
}

func newAdamTwin(values []float32, decays bool) *adamTwin {
	return &adamTwin{wide(values), make([]float64, len(values)), make([]float64, len(values)), decays}
}

func (p *adamTwin) step(gradient []float64, at int, rate float64, a Adam) {
	if p.decays { // Loshchilov and Hutter's algorithm 2, with the rate in Keras's place
		for i := range p.theta {
			p.theta[i] -= rate * a.WeightDecay * p.theta[i]
		}
	}
	rate *= math.Sqrt(1-math.Pow(a.Beta2, float64(at))) / (1 - math.Pow(a.Beta1, float64(at)))
	for i, g := range gradient {
		p.m[i] = a.Beta1*p.m[i] + (1-a.Beta1)*g
		p.v[i] = a.Beta2*p.v[i] + (1-a.Beta2)*g*g
		p.theta[i] -= rate * p.m[i] / (math.Sqrt(p.v[i]) + a.Epsilon)
	}
}

// softmaxTwin is mean cross-entropy plus l2 sum(kernel^2) of a linear layer,
// with its gradients.
func softmaxTwin(b Batch, kernel, bias []float64, l2 float64) (loss float64, dKernel, dBias []float64) {
	inputs, classes := len(b.Images)/b.N, len(bias)
	dKernel, dBias = make([]float64, len(kernel)), make([]float64, len(bias))
	for n := range b.N {
		x := b.Images[n*inputs : (n+1)*inputs]
		p := make([]float64, classes)
		var sum float64
		for c := range classes {
			logit := bias[c]
			for i := range x {
				logit += float64(x[i]) * kernel[i*classes+c]
			}
			p[c] = math.Exp(logit)
			sum += p[c]
		}
		for c := range classes {
			p[c] /= sum
			d := p[c]
			if c == b.Labels[n] {
				loss -= math.Log(p[c]) / float64(b.N)
				d -= 1
			}
			dBias[c] += d / float64(b.N)
			for i := range x {
				dKernel[i*classes+c] += d * float64(x[i]) / float64(b.N)
			}
		}
	}
	for i, w := range kernel {
		loss += l2 * w * w
		dKernel[i] += 2 * l2 * w
	}
	return loss, dKernel, dBias
}

func TestAdamTwin(t *testing.T) {
	const classes = 4
	for _, test := range []struct {
		adam Adam
		l2   float64
		rate float64
	}{
		{DefaultAdam(), 0, 0.01},
		{DefaultAdam(), 0.1, 0.01},
		{Adam{Beta1: 0.5, Beta2: 0.9, Epsilon: 0.1}, 0.1, 0.1},
		{Adam{Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-5, WeightDecay: 4}, 0, 0.05},
		{Adam{Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-5, WeightDecay: 0.5}, 0.1, 0.1},
	} {
		t.Run(fmt.Sprintf("%+v", test), func(t *testing.T) {
			a := linear(classes, test.l2)
			trainer, err := NewTrainer(a, test.adam, Loss{}, 1, graph.Config{})
			if err != nil {
				t.Fatal(err)
			}
			defer trainer.Close()
			if err := trainer.Init(t.Context()); err != nil {
				t.Fatal(err)
			}
			start := weights(t, trainer)
			kernel, bias := newAdamTwin(start["fc/kernel"], true), newAdamTwin(start["fc/bias"], false)
			r := rand.New(rand.NewPCG(1, 2))
			for number := range 10 {
				b := Batch{N: 5}
				for range b.N * a.Input.Elements() {
					b.Images = append(b.Images, uint8(r.IntN(4)))
				}
				for range b.N {
					b.Labels = append(b.Labels, r.IntN(classes))
				}
				rate := test.rate / float64(1+number) // a schedule is the caller's
				want, dKernel, dBias := softmaxTwin(b, kernel.theta, bias.theta, test.l2)
				kernel.step(dKernel, number+1, rate, test.adam)
				bias.step(dBias, number+1, rate, test.adam)

				got, _ := learn(t, trainer, b, number, rate)
				agreement.Check(t, agreement.Line{
					Group: agreement.Layer, Subject: "loss", Oracle: "a slow twin in float64", Compared: "cross-entropy before each of 10 steps, with and without penalty",
					Difference: math.Abs(got-want) / want, Of: "its value", Bound: 1e-5,
				})
				now := weights(t, trainer)
				for name, of := range map[string]*adamTwin{"fc/kernel": kernel, "fc/bias": bias} {
					agreement.Check(t, agreement.Line{
						Group: agreement.Layer, Subject: "adam", Oracle: "a slow twin in float64", Compared: "weights after each of 10 steps, with and without decay",
						Difference: agreement.Apart(now[name], of.theta), Of: "the largest weight", Bound: 1e-5,
					})
				}
			}
		})
	}
}

func narrow(v []float64) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x)
	}
	return out
}

// Only kernels decay. Two trainers differ in that alone: after one step, which
// Adam's part of is the same in both, by rate * decay of what a kernel began as.
func TestOnlyKernelsDecay(t *testing.T) {
	const rate, decay = 1e-3, 5.0
	a := branched(3)
	b := toy(8, a, 3, 1)
	after := func(decay float64) (before, after map[string][]float32) {
		settings := DefaultAdam()
		settings.WeightDecay = decay
		trainer, err := NewTrainer(a, settings, Loss{}, 1, graph.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer trainer.Close()
		if err := trainer.Init(t.Context()); err != nil {
			t.Fatal(err)
		}
		before = weights(t, trainer)
		learn(t, trainer, b, 0, rate)
		return before, weights(t, trainer)
	}
	before, plain := after(0)
	_, decayed := after(decay)
	laid(t, a).forEachParam(func(name string, p Param) {
		want := slices.Clone(plain[name])
		if p.Role == "kernel" {
			for i, w := range before[name] {
				want[i] -= rate * decay * w
			}
		}
		near(t, name, decayed[name], want, 1e-5)
	})
}

func TestAdamRefused(t *testing.T) {
	for what, words := range map[Adam][]string{
		{Beta1: 1, Beta2: 0.9, Epsilon: 1e-7}:                             {"betas are 1 and 0.9"},
		{Beta1: 0.9, Beta2: -0.1, Epsilon: 1e-7}:                          {"betas are 0.9 and -0.1"},
		{Beta1: 0.9, Beta2: 0.9}:                                          {"epsilon is 0"},
		{Beta1: 0.9, Beta2: 0.9, Epsilon: 1e-7, WeightDecay: -1}:          {"weight decay is -1", "at least 0"},
		{Beta1: 0.9, Beta2: 0.9, Epsilon: 1e-7, WeightDecay: math.Inf(1)}: {"weight decay is +Inf"},
	} {
		_, err := NewTrainer(Tiny(3), what, Loss{}, 1, graph.Config{})
		wantError(t, fmt.Sprintf("%+v", what), err, words...)
	}
}
