package score_test

import (
	"math"
	"testing"

	"oscar/explain"
	"oscar/score"
)

// Objects of one image are not independent: ten copies of each image's value have the interval of
// the images alone, and the mean is over the objects.
func TestClusteredResamplesImages(t *testing.T) {
	ok := func(v float64) score.Value { return score.Value{Value: score.Number(v), Status: explain.OK} }
	metric, err := score.Lookup("deletion")
	if err != nil {
		t.Fatal(err)
	}
	table := func(copies int) (score.Table, []int) {
		var method, control []score.Value
		var cluster []int
		for image, v := range []float64{0.1, 0.4, 0.2, 0.3, 0.6, 0.5, 0.35} {
			for range copies {
				method, control, cluster = append(method, ok(v)), append(control, ok(v+0.1)), append(cluster, image)
			}
		}
		return score.Table{Metrics: []score.Metric{metric}, Images: 7, Seed: 3, Rows: []score.Row{
			{Method: "cam", Cells: []score.Cell{{Values: method}}}, {Method: "box", Control: true, Cells: []score.Cell{{Values: control}}},
		}}, cluster
	}
	one, cluster := table(1)
	if one, err = score.Clustered(one, cluster); err != nil {
		t.Fatal(err)
	}
	ten, cluster := table(10)
	if ten, err = score.Clustered(ten, cluster); err != nil {
		t.Fatal(err)
	}
	a, b := one.Rows[0].Cells[0], ten.Rows[0].Cells[0]
	if a.N != 7 || b.N != 70 || math.Abs(float64(a.Mean-0.35)) > 1e-12 || math.Abs(float64(a.Low-b.Low)) > 1e-9 || math.Abs(float64(a.High-b.High)) > 1e-9 {
		t.Errorf("%+v, with copies %+v", a.Interval, b.Interval)
	}
	plain := score.Summarize(one.Rows[0].Cells[0].Values, false, 3)
	if a.Interval != plain.Interval {
		t.Errorf("with an object an image %+v, want %+v", a.Interval, plain.Interval)
	}
	versus := b.Versus[0]
	if versus.N != 7 || math.Abs(float64(versus.Mean+0.1)) > 1e-12 || !b.Beats(score.Lower) || len(ten.Rows[1].Cells[0].Versus) != 0 {
		t.Errorf("%+v", versus)
	}

	uneven := score.Table{Metrics: []score.Metric{metric}, Seed: 3, Rows: []score.Row{{Method: "cam", Cells: []score.Cell{{Values: []score.Value{ok(1), ok(1), ok(0), {Status: explain.Empty}}}}}}}
	if uneven, err = score.Clustered(uneven, []int{1, 1, 2, 2}); err != nil {
		t.Fatal(err)
	}
	if c := uneven.Rows[0].Cells[0]; math.Abs(float64(c.Mean)-2./3) > 1e-12 || c.Unjudged != 1 || c.Low != 0 || c.High != 1 {
		t.Errorf("%+v", c.Summary)
	}
	if _, err := score.Clustered(uneven, []int{1}); err == nil {
		t.Error("three values for one object are taken")
	}
}
