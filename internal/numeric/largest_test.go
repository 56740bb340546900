package numeric

import "testing"

func TestCheckAllLargestLooksBelow(t *testing.T) {
	type layer struct {
		Filters int    `json:"filters"`
		Seed    uint64 `json:"seed"`
	}
	type training struct {
		Batch  int     `json:"batch"`
		Layers []any   `json:"layers"`
		Input  []int   `json:"input"`
		Rate   float64 `json:"rate"`
	}
	type whole struct {
		Training *training `json:"training"`
	}
	good := whole{&training{Batch: 1 << 16, Layers: []any{&layer{1 << 20, 1 << 63}}, Input: []int{1 << 14}, Rate: 1e300}}
	if err := CheckAllLargest(good); err != nil {
		t.Error(err)
	}
	for want, v := range map[string]training{
		"training.batch is 65537, want at most 65536":                          {Batch: 1<<16 + 1},
		"training.layers.filters is 4611686018427387904, want at most 1048576": {Layers: []any{layer{}, &layer{Filters: 1 << 62}}},
		"training.input is 16385, want at most 16384":                          {Input: []int{1, 1<<14 + 1}},
	} {
		if err := CheckAllLargest(&whole{&v}); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
