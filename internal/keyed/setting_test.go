package keyed

import (
	"reflect"
	"testing"
)

// A key without the one that contains it, or near one, gets its path as a suggestion.
func TestSetting(t *testing.T) {
	type inner struct {
		Batch int `json:"batch"`
		Adam  struct {
			Decay float64 `json:"weight_decay"`
		} `json:"adam"`
	}
	type outer struct {
		Seed     int    `json:"seed"`
		Training *inner `json:"training"`
	}
	for path, want := range map[string]string{
		"batch": " (training.batch?)", "batchs": " (training.batch?)", "weight_decay": " (training.adam.weight_decay?)", "adam.weight_decay": " (training.adam.weight_decay?)",
		"trainig": " (training?)", "trainig.batch": " (training.batch?)", "other": "",
	} {
		_, err := Setting(path, 3, reflect.TypeFor[outer]())
		if whole := `no key "` + path + `"` + want + "; have seed, training"; err == nil || err.Error() != whole {
			t.Errorf("%v, want %s", err, whole)
		}
	}
	if tree, err := Setting("training.batch", 3, reflect.TypeFor[outer]()); err != nil || !reflect.DeepEqual(tree, map[string]any{"training": map[string]any{"batch": 3}}) {
		t.Errorf("%v, %v", tree, err)
	}
}
