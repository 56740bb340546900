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

// optimizerTwin is an optimizer on one parameter, in float64 and one value after the other.
type optimizerTwin struct {
	theta  []float64
	slots  [2][]float64 // moments, in the order of Optimizer.slots
	decays bool
}

func newOptimizerTwin(values []float32, decays bool) *optimizerTwin {
	return &optimizerTwin{wide(values), [2][]float64{make([]float64, len(values)), make([]float64, len(values))}, decays}
}

// step takes a step of an optimizer, at counts from 1.
func (p *optimizerTwin) step(gradient []float64, at int, rate float64, o Optimizer) {
	if p.decays { // Loshchilov and Hutter's algorithm 2, with the rate in Keras's place
		for i := range p.theta {
			p.theta[i] -= rate * o.weightDecay() * p.theta[i]
		}
	}
	switch o := o.(type) {
	case Adam:
		p.adam(gradient, at, rate, o)
	case SGD:
		p.sgd(gradient, rate, o)
	case RMSprop:
		p.rmsprop(gradient, rate, o)
	}
}

// adam is Kingma and Ba's algorithm 1, in the form that TensorFlow computes: the bias
// corrections within the rate, epsilon outside of the root.
func (p *optimizerTwin) adam(gradient []float64, at int, rate float64, a Adam) {
	rate *= math.Sqrt(1-math.Pow(a.Beta2, float64(at))) / (1 - math.Pow(a.Beta1, float64(at)))
	m, v := p.slots[0], p.slots[1]
	for i, g := range gradient {
		m[i] = a.Beta1*m[i] + (1-a.Beta1)*g
		v[i] = a.Beta2*v[i] + (1-a.Beta2)*g*g
		p.theta[i] -= rate * m[i] / (math.Sqrt(v[i]) + a.Epsilon)
	}
}

// sgd is Sutskever et al. 2013, equations 1 to 4; Nesterov's gradient is moved to where the
// next step stands, as in Bengio et al. 2012, equation 7.
func (p *optimizerTwin) sgd(gradient []float64, rate float64, s SGD) {
	m := p.slots[0]
	for i, g := range gradient {
		m[i] = s.Momentum*m[i] - rate*g
		if s.Nesterov {
			p.theta[i] += s.Momentum*m[i] - rate*g
		} else {
			p.theta[i] += m[i]
		}
	}
}

// rmsprop is Tieleman and Hinton 2012 with epsilon within the root.
func (p *optimizerTwin) rmsprop(gradient []float64, rate float64, r RMSprop) {
	v, m := p.slots[0], p.slots[1]
	for i, g := range gradient {
		v[i] = r.Rho*v[i] + (1-r.Rho)*g*g
		m[i] = r.Momentum*m[i] + rate*g/math.Sqrt(v[i]+r.Epsilon)
		p.theta[i] -= m[i]
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
			d, weight := p[c], 1/float64(b.N)
			if b.Weights != nil {
				weight *= float64(b.Weights[n])
			}
			target := 0.0
			if c == b.Labels[n] {
				target = 1
			}
			if b.Others != nil {
				target *= float64(b.Shares[n])
				if c == b.Others[n] {
					target += 1 - float64(b.Shares[n])
				}
			}
			loss -= target * math.Log(p[c]) * weight
			d -= target
			dBias[c] += d * weight
			for i := range x {
				dKernel[i*classes+c] += d * float64(x[i]) * weight
			}
		}
	}
	for i, w := range kernel {
		loss += l2 * w * w
		dKernel[i] += 2 * l2 * w
	}
	return loss, dKernel, dBias
}

// clipTwin bounds the gradients of all parameters.
func clipTwin(c Clipping, grads ...[]float64) {
	var sum float64
	for _, d := range grads {
		for _, x := range d {
			sum += x * x
		}
	}
	for _, d := range grads {
		for i, x := range d {
			if norm := math.Sqrt(sum); c.GlobalNorm > 0 && norm > c.GlobalNorm {
				d[i] = x * c.GlobalNorm / norm
			}
			if c.Value > 0 {
				d[i] = max(-c.Value, min(c.Value, x))
			}
		}
	}
}

// Each optimizer of the table takes its twin's steps, with and without decay, penalty,
// clipping, batches in parts, and averages.
func TestOptimizerTwins(t *testing.T) {
	const classes = 4
	tested := map[string]bool{}
	nesterov := SGD{Momentum: 0.8, Nesterov: true, WeightDecay: 0.5}
	for _, test := range []struct {
		name     string
		training Training
		l2, rate float64
	}{
		{"defaults", Training{Optimizer: DefaultAdam()}, 0, 0.01},
		{"defaults, penalty", Training{Optimizer: DefaultAdam()}, 0.1, 0.01},
		{"betas", Training{Optimizer: Adam{Beta1: 0.5, Beta2: 0.9, Epsilon: 0.1}}, 0.1, 0.1},
		{"decay", Training{Optimizer: Adam{Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-5, WeightDecay: 4}}, 0, 0.05},
		{"decay, penalty", Training{Optimizer: Adam{Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-5, WeightDecay: 0.5}}, 0.1, 0.1},
		{"plain", Training{Optimizer: SGD{}}, 0, 0.05},
		{"momentum", Training{Optimizer: SGD{Momentum: 0.9}}, 0.1, 0.01},
		{"nesterov", Training{Optimizer: nesterov}, 0.1, 0.05},
		{"defaults", Training{Optimizer: RMSprop{Rho: 0.9, Epsilon: 1e-7}}, 0, 0.01},
		{"all", Training{Optimizer: RMSprop{Rho: 0.8, Momentum: 0.9, Epsilon: 1e-3, WeightDecay: 0.5}}, 0.1, 0.01},
		{"global_clipnorm", Training{Optimizer: nesterov, Clipping: Clipping{GlobalNorm: 0.7}}, 0.1, 0.05},
		{"clipvalue", Training{Optimizer: nesterov, Clipping: Clipping{Value: 0.1}}, 0, 0.05},
		{"accumulate, mixed labels", Training{Optimizer: nesterov, Accumulate: 3}, 0.1, 0.05},
		{"accumulate, clipped", Training{Optimizer: DefaultAdam(), Accumulate: 2, Clipping: Clipping{GlobalNorm: 0.7}}, 0.1, 0.01},
		{"average", Training{Optimizer: nesterov, AverageDecay: 0.3}, 0, 0.05},
	} {
		o := test.training.Optimizer
		tested[o.Kind()] = true
		t.Run(o.Kind()+", "+test.name, func(t *testing.T) {
			a := linear(classes, test.l2)
			trainer, err := NewTrainer(a, test.training, 1, graph.Config{})
			if err != nil {
				t.Fatal(err)
			}
			defer trainer.Close()
			if err := trainer.Init(t.Context()); err != nil {
				t.Fatal(err)
			}
			start := weights(t, trainer)
			kernel, bias := newOptimizerTwin(start["fc/kernel"], true), newOptimizerTwin(start["fc/bias"], false)
			average := wide(start["fc/kernel"])
			r := rand.New(rand.NewPCG(1, 2))
			for number := range 10 {
				b := Batch{N: 5}
				for range b.N * a.Input.Elements() {
					b.Images = append(b.Images, uint8(r.IntN(4)))
				}
				for i := range b.N {
					b.Labels = append(b.Labels, r.IntN(classes))
					b.Weights = append(b.Weights, 0.5+float32(i)/4)
					if test.training.Accumulate == 3 {
						b.Others, b.Shares = append(b.Others, r.IntN(classes)), append(b.Shares, float32(r.IntN(9))/8)
					}
				}
				rate := test.rate / float64(1+number) // a schedule is the caller's
				want, dKernel, dBias := softmaxTwin(b, kernel.theta, bias.theta, test.l2)
				clipTwin(test.training.Clipping, dKernel, dBias)
				kernel.step(dKernel, number+1, rate, o)
				bias.step(dBias, number+1, rate, o)

				got, _ := learn(t, trainer, b, number, rate)
				agreement.Check(t, agreement.Line{
					Group: agreement.Layer, Subject: "loss", Oracle: "a slow twin in float64", Compared: "cross-entropy before each of 10 steps, with and without penalty",
					Difference: math.Abs(got-want) / want, Of: "its value", Bound: 1e-5,
				})
				now := weights(t, trainer)
				for name, of := range map[string]*optimizerTwin{"fc/kernel": kernel, "fc/bias": bias} {
					agreement.Check(t, agreement.Line{
						Group: agreement.Layer, Subject: o.Kind(), Oracle: "a slow twin in float64", Compared: "weights after each of 10 steps, with and without decay",
						Difference: agreement.Apart(now[name], of.theta), Of: "the largest weight", Bound: 1e-5,
					})
				}
				if decay := test.training.AverageDecay; decay > 0 {
					decay = min(decay, float64(1+number)/float64(10+number))
					for i, w := range kernel.theta {
						average[i] = decay*average[i] + (1-decay)*w
					}
					averaged := averagesOf(t, trainer)
					agreement.Check(t, agreement.Line{
						Group: agreement.Layer, Subject: "moving average", Oracle: "a slow twin in float64", Compared: "averages after each of 10 steps",
						Difference: agreement.Apart(averaged["fc/kernel"], average), Of: "the largest weight", Bound: 1e-5,
					})
					sameBits(t, "the weights, after the averages were looked at", weights(t, trainer), now)
				}
			}
		})
	}
	for _, kind := range Optimizers() {
		if !tested[kind] {
			t.Errorf("optimizer %s has no line in this test", kind)
		}
	}
}

// averagesOf reads the averages of a trainer's weights.
func averagesOf(t *testing.T, trainer *Trainer) (out map[string][]float32) {
	t.Helper()
	err := trainer.WithAverages(t.Context(), func() error {
		out = weights(t, trainer)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
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
		trainer, err := NewTrainer(a, Training{Optimizer: settings}, 1, graph.Config{})
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

func TestOptimizerRefused(t *testing.T) {
	for what, words := range map[Optimizer][]string{
		Adam{Beta1: 1, Beta2: 0.9, Epsilon: 1e-7}:                             {"betas are 1 and 0.9"},
		Adam{Beta1: 0.9, Beta2: -0.1, Epsilon: 1e-7}:                          {"betas are 0.9 and -0.1"},
		Adam{Beta1: 0.9, Beta2: 0.9}:                                          {"epsilon is 0"},
		Adam{Beta1: 0.9, Beta2: 0.9, Epsilon: 1e-7, WeightDecay: -1}:          {"weight decay is -1", "at least 0"},
		Adam{Beta1: 0.9, Beta2: 0.9, Epsilon: 1e-7, WeightDecay: math.Inf(1)}: {"weight decay is +Inf"},
		SGD{Momentum: 1}:                    {"momentum is 1", "0 to below 1"},
		SGD{Nesterov: true}:                 {"nesterov needs a momentum above 0"},
		SGD{WeightDecay: math.NaN()}:        {"weight decay is NaN"},
		RMSprop{Rho: 1, Epsilon: 1e-7}:      {"rho is 1"},
		RMSprop{Rho: 0.9}:                   {"epsilon is 0"},
		RMSprop{Epsilon: 1e-7, Momentum: 2}: {"momentum is 2"},
	} {
		_, err := NewTrainer(Tiny(3), Training{Optimizer: what}, 1, graph.Config{})
		wantError(t, fmt.Sprintf("%+v", what), err, words...)
	}
	for words, what := range map[string]Training{
		"global_clipnorm is -1":                     {Clipping: Clipping{GlobalNorm: -1}},
		"clipvalue is +Inf":                         {Clipping: Clipping{Value: math.Inf(1)}},
		"global_clipnorm and clipvalue are both":    {Clipping: Clipping{GlobalNorm: 1, Value: 1}},
		"accumulate is -1, want at least 1":         {Accumulate: -1},
		"ema_decay is 1, want above 0 to below 1":   {AverageDecay: 1},
		"ema_decay is NaN, want above 0 to below 1": {AverageDecay: math.NaN()},
	} {
		_, err := NewTrainer(Tiny(3), what, 1, graph.Config{})
		wantError(t, words, err, words)
	}
	_, err := NewOptimizer("rmspro", nil)
	wantError(t, "rmspro", err, "no optimizer", "rmsprop?", "sgd")
	_, err = NewOptimizer("sgd", []byte(`{"rho": 1}`))
	wantError(t, "rho", err, "optimizer sgd", `unknown key "rho"`)
}
