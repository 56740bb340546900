package score_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/score"
)

func TestSpearman(t *testing.T) {
	a := row(1, 2, 3, 4)
	judged(t, []score.Value{
		score.Spearman(a, row(10, 20, 30, 1000), false),
		score.Spearman(a, row(4, 3, 2, 1), false),
		score.Spearman(a, row(2, 1, 4, 3), false), // 1 - 6*4/(4*15)
		score.Spearman(a, row(1, 1, 2, 2), false), // ranks 1.5 1.5 3.5 3.5: 4/sqrt(20)
		score.Spearman(a, row(-1, -2, -3, -4), false),
		score.Spearman(a, row(-1, -2, -3, -4), true),
		score.Spearman(a, row(5, 5, 5, 5), false),
		score.Spearman(a, row(5, -5, 5, 5), true),
		score.Spearman(a, row(1, 2), false),
	}, 1, -1, 0.6, 0.894427191, -1, 1, nan, nan, nan)
}

func TestSSIM(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	a, b := explain.NewGrid(12, 15), explain.NewGrid(12, 15)
	inverse := explain.NewGrid(12, 15)
	for i := range a.Values {
		a.Values[i], b.Values[i] = r.Float32(), r.Float32()
		inverse.Values[i] = 1 - a.Values[i]
	}
	judged(t, []score.Value{score.SSIM(a, a), score.SSIM(a, explain.NewGrid(12, 14)), score.SSIM(explain.NewGrid(10, 20), explain.NewGrid(10, 20))}, 1, nan, nan)
	if v := score.SSIM(a, b); !v.OK() || v.Value > 0.3 || v.Value < -0.3 {
		t.Errorf("noise and noise: %v", v)
	}
	if v := score.SSIM(a, inverse); v.Value > -0.8 {
		t.Errorf("a map and its inverse: %v", v)
	}
	// One 11x11 window over two constants: (2xy + c1)/(x² + y² + c1).
	half, one := explain.NewGrid(11, 11), explain.NewGrid(11, 11)
	for i := range one.Values {
		half.Values[i], one.Values[i] = 0.5, 1
	}
	judged(t, []score.Value{score.SSIM(half, one)}, (1+1e-4)/(1.25+1e-4))
}

func TestCascades(t *testing.T) {
	s := sample(t, 2, fixed{mapped(1, -2)}, false)
	flat, same := fixed{mapped(3, 3)}, fixed{mapped(0.5, -0.5)}
	s.Randomized = score.Cascade{
		Layers: []string{"logits", "fc", "conv"},
		Explainer: func(depth int) (explain.Explainer, error) {
			return []explain.Explainer{same, flat, fixed{mapped(-2, 1)}}[depth-1], nil
		},
	}
	calls, last := 0, [2]int{}
	s.Progress = func(done, total int) { calls, last = calls+1, [2]int{done, total} }
	steps, err := score.Cascades(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) != 3 || steps[1].Layer != "fc" || calls != 3 || last != [2]int{6, 6} {
		t.Fatalf("%d steps, %d calls, the last %v", len(steps), calls, last)
	}
	judged(t, steps[0].Spearman, 1, 1)
	judged(t, steps[0].AbsSpearman, nan, nan) // |0.5| and |-0.5| are equal
	judged(t, steps[0].SSIM, 1, 1)
	judged(t, steps[1].Spearman, nan, nan)
	judged(t, steps[2].Spearman, -1, -1)
	judged(t, steps[2].AbsSpearman, -1, -1)

	metric, err := score.Lookup("sanity_rank")
	if err != nil {
		t.Fatal(err)
	}
	values, err := metric.Judge(t.Context(), s, score.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	judged(t, values, 0, 0) // the mean of 1 and -1

	s.Randomized.Explainer = func(int) (explain.Explainer, error) { return flat, nil }
	if values, _ = metric.Judge(t.Context(), s, score.Settings{}); values[1].Status != explain.Constant || values[1].Class != 1 {
		t.Errorf("maps without a ranking at every depth: %+v", values[1])
	}
	s.Randomized.Explainer = func(int) (explain.Explainer, error) { return nil, errors.New("no weights") }
	if _, err = score.Cascades(t.Context(), s); err == nil || !strings.Contains(err.Error(), "sanity, logits randomized: no weights") {
		t.Errorf("error %v", err)
	}
}
