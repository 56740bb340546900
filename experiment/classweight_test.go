package experiment

import (
	"math"
	"testing"

	"oscar/internal/testkit"
)

// Of scikit-learn 1.9.1's compute_class_weight("balanced", classes=["a", "b", "c"],
// y=["a"] * 3 + ["b"] * 5 + ["c"] * 2).
func TestBalancedAsScikitLearn(t *testing.T) {
	got, err := ClassWeight{Balanced: true}.Weights([]string{"a", "b", "c"}, []int{3, 5, 2})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{1.1111111111111112, 0.6666666666666666, 1.6666666666666667} {
		if math.Abs(got[i]-want) > 1e-15 {
			t.Errorf("weights %v", got)
		}
	}
}

func TestClassWeights(t *testing.T) {
	classes := []string{"a", "b"}
	e := tiny()
	if err := e.Set("training.class_weight={b: 2.5}"); err != nil {
		t.Fatal(err)
	}
	if got, err := e.Training.ClassWeight.Weights(classes, []int{1, 1}); err != nil || got[0] != 1 || got[1] != 2.5 {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := (ClassWeight{}).Weights(classes, []int{1, 1}); err != nil || got != nil {
		t.Errorf("without weights: %v, %v", got, err)
	}
	_, err := ClassWeight{ByName: map[string]float64{"c": 2}}.Weights(classes, []int{1, 1})
	testkit.WantError(t, err, `class_weight: no class "c" (a?); have a, b`)
	for setting, want := range map[string]string{
		"training.class_weight=balance":   `training.class_weight: got "balance", want balanced, or a weight for some classes, as {glass: 2}`,
		"training.class_weight={a: 0}":    "class_weight of a is 0, want above 0",
		"training.class_weight={a: -1}":   "class_weight of a is -1, want above 0",
		"training.class_weight=[1, 2]":    `training.class_weight: got [1,2], want balanced, or a weight for some classes, as {glass: 2}`,
		"training.sampling=weighted":      `no sampling "weighted"; have balanced`,
		"training.loss={gamma: 2}":        "gamma is 2, which only the loss categorical_focal_crossentropy has",
		"training.class_weight={a: many}": `got {"a":"many"}, want balanced, or a weight for some classes, as {glass: 2}`,
	} {
		e := tiny()
		err := e.Set(setting)
		if err == nil {
			err = e.Check()
		}
		testkit.WantError(t, err, want)
	}
}
