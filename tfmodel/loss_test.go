package tfmodel

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"oscar/internal/graph"
)

// lossOf returns each example's loss and its gradient by the scores.
func lossOf(t *testing.T, l Loss, scores [][]float32, labels []int64) (each, gradients []float32) {
	t.Helper()
	if err := l.Check(); err != nil {
		t.Fatal(err)
	}
	g := graph.New()
	n, classes := len(scores), len(scores[0])
	var all []float32
	for _, s := range scores {
		all = append(all, s...)
	}
	x := g.Const(graph.FromFloat32s(graph.Shape{n, classes}, all))
	hot := g.OneHot(g.Const(graph.FromInt64s(graph.Shape{n}, labels)), classes)
	y := l.each(g, x, l.smooth(g, hot))
	out := runGraph(t, g, nil, []graph.Tensor{y, g.Grad(y, x)[0]})
	return out[0], out[1]
}

func TestHingeByHand(t *testing.T) {
	l := Loss{Kind: CategoricalHinge}
	scores := [][]float32{{2, -1, 0.5}, {2, -1, 0.5}, {2, -1, 0.5}, {2, 1.5, 0}, {-1, -2, -3}, {1.5, -2, -3}}
	each, gradients := lossOf(t, l, scores, []int64{0, 1, 2, 0, 0, 0})
	// 1 + the other classes' highest - the label's. In the fifth row the others
	// are below 0 and count as 0, in the last the label is a margin above that.
	near(t, "losses", each, []float32{0, 4, 2.5, 0.5, 2, 0}, 1e-6)
	near(t, "gradients", gradients, []float32{
		0, 0, 0,
		1, -1, 0,
		1, 0, -1,
		-1, 1, 0,
		-1, 0, 0,
		0, 0, 0,
	}, 1e-6)
}

func TestLabelSmoothingTwin(t *testing.T) {
	scores := [][]float32{{2, -1, 0.5, 0}, {0, 0, 0, 0}, {-3, 1, 4, 2}}
	labels := []int64{0, 3, 1}
	for _, smoothing := range []float64{0, 0.1, 0.5} {
		var want, dWant []float32
		for i, row := range scores {
			var sum float64
			for _, s := range row {
				sum += math.Exp(float64(s))
			}
			var loss float64
			for c, s := range row {
				label := smoothing / 4
				if int(labels[i]) == c {
					label += 1 - smoothing
				}
				p := math.Exp(float64(s)) / sum
				loss -= label * math.Log(p)
				dWant = append(dWant, float32(p-label))
			}
			want = append(want, float32(loss))
		}
		for _, kind := range []string{"", SoftmaxCrossEntropy} {
			each, gradients := lossOf(t, Loss{Kind: kind, LabelSmoothing: smoothing}, scores, labels)
			near(t, fmt.Sprintf("smoothing %g", smoothing), each, want, 1e-6)
			near(t, fmt.Sprintf("gradients, smoothing %g", smoothing), gradients, dWant, 1e-6)
		}
	}
}

// By hand: -(1-p)^gamma log p, and its gradient by the scores, of the label's p.
func TestFocalByHand(t *testing.T) {
	scores := [][]float32{{2, -1, 0.5}, {0, 0, 0}, {-3, 1, 4}, {90, 0, 0}, {90, 0, 0}}
	labels := []int64{0, 2, 1, 0, 1}
	for _, gamma := range []float64{0, 0.5, 2, 5} {
		l := Loss{Kind: FocalCrossEntropy, Gamma: gamma}
		power := gamma
		if gamma == 0 {
			power = defaultGamma
		}
		var want, dWant []float32
		for i, row := range scores {
			var sum float64
			for _, s := range row {
				sum += math.Exp(float64(s))
			}
			right := math.Exp(float64(row[labels[i]])) / sum
			rest := 0.0 // 1 - right, without cancellation
			for c, s := range row {
				if c != int(labels[i]) {
					rest += math.Exp(float64(s)) / sum
				}
			}
			logRight := float64(row[labels[i]]) - math.Log(sum)
			want = append(want, float32(-math.Pow(rest, power)*logRight))
			slope := power*math.Pow(rest, power-1)*right*logRight - math.Pow(rest, power) // by log p
			if i == 3 {
				slope = 0 // beyond 1-1e-7 nothing is learned
			}
			for c, s := range row {
				d := -math.Exp(float64(s)) / sum
				if c == int(labels[i]) {
					d++
				}
				dWant = append(dWant, float32(slope*d))
			}
		}
		each, gradients := lossOf(t, l, scores, labels)
		near(t, fmt.Sprintf("focal, gamma %g", gamma), each, want, 2e-5)
		near(t, fmt.Sprintf("gradients, gamma %g", gamma), gradients, dWant, 2e-5)
	}
}

// What is measured is the loss itself; what is learned from has smooth labels
// and penalties as well.
func TestWhatIsLearnedAndWhatIsMeasured(t *testing.T) {
	const l2 = 0.3
	a := linear(3, l2)
	b := noise(5, a, 3)
	for _, l := range []Loss{{LabelSmoothing: 0.2}, {Kind: CategoricalHinge}} {
		trainer, err := NewTrainer(a, Training{Loss: l}, 1, graph.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer trainer.Close()
		if err := trainer.Init(t.Context()); err != nil {
			t.Fatal(err)
		}
		w := weights(t, trainer)
		var scores [][]float32
		var labels []int64
		for i := range b.N {
			row := make([]float32, 3)
			for k, v := range b.Images[i*12 : (i+1)*12] {
				for c := range row {
					row[c] += float32(v) * w["fc/kernel"][k*3+c]
				}
			}
			scores, labels = append(scores, row), append(labels, int64(b.Labels[i]))
		}
		_, each, err := trainer.Evaluate(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		plain, _ := lossOf(t, Loss{Kind: l.Kind}, scores, labels)
		near(t, l.Kind+": measured", each, plain, 1e-4)
		learned, _ := lossOf(t, l, scores, labels)
		want := mean(wide(learned))
		for _, v := range w["fc/kernel"] {
			want += l2 * float64(v) * float64(v)
		}
		if got, _ := learn(t, trainer, b, 0, 1e-3); math.Abs(got-want) > 1e-4*want {
			t.Errorf("%+v: learns from %g, want %g", l, got, want)
		}
	}
}

func TestLossRefused(t *testing.T) {
	for l, words := range map[Loss][]string{
		{Kind: "hinge"}:                               {`no loss "hinge"`, "have softmax_cross_entropy, categorical_focal_crossentropy, categorical_hinge"},
		{Gamma: 2}:                                    {"gamma is 2", "which only the loss categorical_focal_crossentropy has"},
		{Kind: FocalCrossEntropy, Gamma: -1}:          {"gamma is -1", "above 0 to 10"},
		{LabelSmoothing: 1}:                           {"label smoothing is 1", "0 to below 1"},
		{LabelSmoothing: -0.1}:                        {"label smoothing is -0.1"},
		{Kind: CategoricalHinge, LabelSmoothing: 0.1}: {"label smoothing is 0.1", "categorical_hinge"},
	} {
		wantError(t, fmt.Sprintf("%+v", l), l.Check(), words...)
		_, err := NewTrainer(Tiny(3), Training{Loss: l}, 1, graph.Config{})
		wantError(t, fmt.Sprintf("%+v", l), err, words...)
	}
	if text, err := json.Marshal(Loss{}); err != nil || string(text) != "{}" {
		t.Errorf("the default is written as %s, %v", text, err)
	}
}

// A support vector machine as the study's: linear scores, hinge, L2.
func TestHingeLearns(t *testing.T) {
	a, err := Tiny(3).Replace("fc3", &Dense{Units: 3, L2: 0.01})
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := NewTrainer(a, Training{Loss: Loss{Kind: CategoricalHinge}}, 1, graph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	if err := trainer.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 150 {
		learn(t, trainer, toy(24, a, 3, uint64(i)), i, 1e-3)
	}
	unseen := toy(60, a, 3, 1_000_000)
	probabilities, losses, err := trainer.Evaluate(t.Context(), unseen)
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	for i, p := range probabilities {
		if best := max(p[0], p[1], p[2]); p[unseen.Labels[i]] == best {
			right++
		} else if losses[i] < 1 {
			t.Errorf("image %d: wrong at a loss of %g", i, losses[i])
		}
	}
	if right < 55 {
		t.Errorf("%d of %d right", right, unseen.N)
	}
}
