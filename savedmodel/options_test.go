package savedmodel

import "testing"

// An adopted model is replaced only by one with the same options, which nothing else knows.
func TestOtherOptionOfAnAdoptedModel(t *testing.T) {
	model := func() *Metadata {
		return &Metadata{
			Classes: []string{"cup", "fork"}, Explain: "c3", Image: Image{Height: 64, Width: 64},
			Origin: &Origin{SHA256: "1", Scale: "0..1", Signature: "serving_default", Output: "out"},
		}
	}
	if what := (content{Metadata: model()}).otherOption(content{Metadata: model()}); what != "" {
		t.Errorf("the same model has %s", what)
	}
	for want, change := range map[string]func(m *Metadata){
		"the classes cup, fork, not 0, 1":                   func(m *Metadata) { m.Classes = []string{"0", "1"} },
		"the input scale 0..1, not caffe":                   func(m *Metadata) { m.Origin.Scale = "caffe" },
		"the size 64 x 64, not 64 x 32":                     func(m *Metadata) { m.Image.Width = 32 },
		"the channels as usual, not BGR":                    func(m *Metadata) { m.Origin.Channels = "BGR" },
		"the aspect and padding stretch 0, not letterbox 9": func(m *Metadata) { m.Image.Aspect, m.Image.Padding = "letterbox", 9 },
		"labels per image: one, not several":                func(m *Metadata) { m.MultiLabel = &MultiLabel{} },
		"the layer c3, not c1":                              func(m *Metadata) { m.Explain = "c1" },
		"the output out of the signature serving_default, not other_head of the signature serving_default": func(m *Metadata) { m.Origin.Output = "other_head" },
		"the output out of the signature serving_default, not age of the signature serve": func(m *Metadata) {
			m.Origin.Output, m.Origin.Signature, m.Classes, m.Explain, m.MultiLabel = "age", "serve", []string{"0", "1"}, "c1", &MultiLabel{}
		},
	} {
		other := model()
		change(other)
		if what := (content{Metadata: model()}).otherOption(content{Metadata: other}); what != want {
			t.Errorf("%q, want %q", what, want)
		}
	}
}
