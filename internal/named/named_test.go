package named

import "testing"

func TestUnknown(t *testing.T) {
	for name, want := range map[string]string{
		"cosin":   `no schedule "cosin" (cosine?); have constant, cosine`,
		"COSINE":  `no schedule "COSINE" (cosine?); have constant, cosine`,
		"cos":     `no schedule "cos" (cosine?); have constant, cosine`,
		"CONST":   `no schedule "CONST" (constant?); have constant, cosine`,
		"consine": `no schedule "consine" (cosine?); have constant, cosine`,
		"cosien":  `no schedule "cosien" (cosine?); have constant, cosine`,
		"ocsine":  `no schedule "ocsine" (cosine?); have constant, cosine`,
		"co":      `no schedule "co"; have constant, cosine`,
		"step":    `no schedule "step"; have constant, cosine`,
		"":        `no schedule ""; have constant, cosine`,
	} {
		if got := Unknown("schedule", name, []string{"constant", "cosine"}).Error(); got != want {
			t.Errorf("got:  %s\nwant: %s", got, want)
		}
	}
	if got := Suggest("vgg", []string{"vgg11", "vgg16", "tiny"}); got != "" {
		t.Errorf("of two that begin so: %s", got)
	}
	if got := Unknown("class", "can", []string{}).Error(); got != `no class "can"; have ` {
		t.Errorf("of none: %s", got)
	}
}

func TestFind(t *testing.T) {
	type thing struct{ name string }
	all := []thing{{"a"}, {"b"}}
	nameOf := func(v thing) string { return v.name }
	if got, err := Find("thing", "b", all, nameOf); err != nil || got.name != "b" {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := Find("thing", "many", all, nameOf); err == nil || got.name != "" {
		t.Errorf("%v, %v", got, err)
	}
	if Check("thing", "a", []string{"a"}) != nil || Check("thing", "many", []string{"a"}) == nil {
		t.Error("Check does not check")
	}
}

// distance is a metric: it is 0 of a word and itself, symmetric, and obeys the
// triangle inequality. The figures are by hand.
func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "abc", 0}, {"kitten", "sitting", 3}, {"", "abc", 3}, {"Epochs", "epoch", 1}} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("%q, %q: %d, want %d", test.a, test.b, got, test.want)
		}
		if distance(test.b, test.a) != test.want {
			t.Errorf("%q, %q: not symmetric", test.a, test.b)
		}
	}
}
