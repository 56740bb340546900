package keyed

import (
	"math"
	"reflect"
	"testing"

	"oscar/internal/testkit"
)

type inner struct {
	Rate float64 `json:"rate"`
}

type Embedded struct {
	Seed uint64 `json:"seed"`
}

type outer struct {
	Embedded
	Name  string         `json:"name"`
	Inner *inner         `json:"inner"`
	List  []inner        `json:"list"`
	Pair  [2]float64     `json:"pair"`
	Any   map[string]any `json:"any"`
	Size  []int          `json:"size" form:"[height, width]"`
}

func TestRead(t *testing.T) {
	for text, want := range map[string]string{
		"name: a":                            "",
		"seed: 3":                            "",
		"inner: null":                        "",
		"any: {x: {y: [1]}}":                 "",
		"nme: a":                             `the file has an unknown key "nme" (name?); have seed, name, inner, list, pair, any, size`,
		"inner: {rte: 1}":                    `inner has an unknown key "rte" (rate?); have rate`,
		"list: [{rte: 1}]":                   `list.1 has an unknown key "rte" (rate?); have rate`,
		"list: {rate: 1}":                    "list is not a list; its entries begin with -",
		"pair: [1]":                          "pair is [1], want 2 values",
		"inner: {rate: .nan}":                "inner.rate is NaN, want a finite number",
		"list: [{rate: 1}, {rate: -.inf}]":   "list.2.rate is -Inf, want a finite number",
		"any: {x: {y: [1, .inf]}}":           "any.x.y.2 is +Inf, want a finite number",
		"seed: -1":                           "seed is -1, want a whole number from 0",
		"name: [a]":                          "name is a list, want text",
		"name: {a: b}":                       "name is an object, want text",
		"list: [{rate: 1}, {rate: a}]":       "list.2.rate is a string, want a number",
		"size: 3":                            "size is a number, want a list as [height, width]",
		"size: [3, a]":                       "size.2 is a string, want a whole number",
		"any: 3":                             "any is a number, want keys with values",
		"name: a\nname: b\nseed: 1\nseed: 2": `line 2: mapping key "name" already defined at line 1; line 4: mapping key "seed" already defined at line 3`,
		"":                                   "the file is empty; want keys such as name: a",
	} {
		var v outer
		tree, err := Parse([]byte(text), "name: a")
		if err == nil {
			err = Read(tree, &v)
		}
		if want != "" {
			testkit.WantError(t, err, want)
		} else if err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	if err := Check(math.NaN(), reflect.TypeFor[outer]()); err == nil {
		t.Error("NaN alone is accepted")
	}
}

// CheckKeys finds the unknown keys that Check finds, and accepts values of any type.
func TestCheckKeys(t *testing.T) {
	for text, want := range map[string]string{
		"name: 3":          "",
		"inner: {rate: a}": "",
		"inner: 3":         "",
		"nme: a":           `the file has an unknown key "nme" (name?); have seed, name, inner, list, pair, any, size`,
		"any: {x: 1}":      "",
	} {
		tree, err := Parse([]byte(text), "name: a")
		if err == nil {
			err = CheckKeys(tree, reflect.TypeFor[outer]())
		}
		if want != "" {
			testkit.WantError(t, err, want)
		} else if err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestMerge(t *testing.T) {
	under := map[string]any{"a": 1, "b": map[string]any{"c": 2, "d": []any{3, 4}}}
	over := map[string]any{"b": map[string]any{"d": []any{5}}, "e": 6}
	want := map[string]any{"a": 1, "b": map[string]any{"c": 2, "d": []any{5}}, "e": 6}
	if got := Merge(under, over); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
