package study

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/internal/keyed"
	"oscar/tfmodel"
)

const head = "{name: mine, base: {architecture: tiny}, variants: [{name: baseline}, "

// trainingKeys are those that an error of training lists.
var trainingKeys = strings.Join(keyed.Keys(reflect.TypeFor[experiment.Training]()), ", ")

// What a study file may have wrong is one line: where, what, what would be
// right.
func TestReadRefuses(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"# nothing", "the file is empty; want keys such as name: mine"},
		{"words", "the file is words, want some of the keys name, why, base, epochs, precision, seeds, split, explain, variants, claims"},
		{"{nam: x}", `the file has an unknown key "nam" (name?); have name, why, base, epochs, precision, seeds, split, explain, variants, claims`},
		{head + "{name: a, wihtout: [relu]}]}", `variants.2 has an unknown key "wihtout" (without?); have name, why, architecture, input, without, replace, insert, training, data, fine_tune, layer, against, reported`},
		{head + "{name: a, insert: {befor: fc1}}]}", `variants.2.insert.1 has an unknown key "befor" (before?); have before, after, layers`},
		{head + "{name: a, insert: {before: fc1, layers: [{name: d, kind: dropout, rat: 0.5}]}}]}", `variant a: insert: layer d (dropout) has an unknown key "rat" (rate?); have name, kind, rate`},
		{head + "{name: a, training: {epoch: 3}}]}", `variant a: training has an unknown key "epoch" (epochs?); have ` + trainingKeys},
		{head + "{name: a, without: relu}]}", "variants.2.without is a string, want a list"},
		{head + "{name: a, input: {height: 4000, width: 4000}}]}", "variants.2.input is an object, want a list as [height, width, 3]"},
		{head + "{name: a, replace: {conv1: {kind: conv2d, kernel: [3, 3], filters: 8}}}]}", "variant a: replace: layer conv1 (conv2d): kernel is a list, want a whole number"},
		{head + "{name: a, replace: {conv1: [conv2d]}}]}", "variants.2.replace.conv1 is a list, want keys with values"},
		{"{name: mine, variants: {name: a}}", "variants is not a list; its entries begin with -"},
		{"{name: mine, seeds: [one], variants: [{name: a}]}", "seeds.1 is a string, want a whole number from 0"},
		{"{name: mine, explain: {image: 3}}", `explain has an unknown key "image" (images?); have methods, images, mosaics, layer, score`},

		{"{variants: [{name: a}]}", "name is missing: what the study is called"},
		{"{name: mine}", "variants is empty; want the base, as {name: baseline}, and edits of it"},
		{"{name: mine, seeds: [], variants: [{name: a}]}", "seeds is empty, want at least one, as [1, 2]"},
		{"{name: mine, seeds: [4, 4], variants: [{name: a}]}", "seed 4 is named twice"},
		{"{name: mine, split: two, variants: [{name: a}]}", `no split "two"; have one, seed`},
		{"{name: mine, base: {fine_tune: {from: model}}, variants: [{name: a}]}", "variant a: fine_tune.from brings a network of its own, which a study cannot edit; want fine_tune.weights, or compare fine-tuned runs by oscar compare"},
		{"{name: mine, epochs: -1, variants: [{name: a}]}", "epochs is -1, want 1 or more, or 0 for those of the base"},
		{"{name: mine, explain: {methods: []}, variants: [{name: a}]}", "explain.methods is empty, want at least one, as [gradcam]"},
		{"{name: mine, explain: {images: 0}, variants: [{name: a}]}", "explain.images is 0, want at least 1"},
		{"{name: mine, explain: {mosaics: -1}, variants: [{name: a}]}", "explain.mosaics is -1, want 0 or more"},
		{"{name: mine, explain: {score: loss}, variants: [{name: a}]}", `explain: no score "loss"; have logit, probability`},
		{"{name: mine, variants: [{name: a, without: [relu]}]}", "variant a is the first, the base that others are compared with, and has edits (without relu); add one without edits before it"},
		{head + "{why: none}]}", "variant 2 has no name"},
		{head + "{name: a/b}]}", `variant 2 is called "a/b", which names folders; want letters, digits, and . _ - after the first`},
		{head + "{name: baseline}]}", "two variants are called baseline"},
		{head + "{name: a, against: a}]}", "variant a is compared with itself"},
		{head + "{name: a, against: basline}]}", `variant a: against: no variant "basline" (baseline?); have baseline, a`},
		{head + "{name: a, reported: {test_acuracy: 0.5}}]}", `variant a: reported: no measure "test_acuracy" (test_accuracy?); have ` + measureNames("gradcam")},
		{head + "{name: a, without: [conv9]}]}", `variant a: no layer "conv9" (conv1?) in tiny; have conv1, relu1, bn1, conv5, relu5, pool5, flatten, dropout1, fc1, relu_fc1, fc3`},
		{head + "{name: a, replace: {fc3: {kind: dens}}}]}", `variant a: replace: layer fc3: no layer kind "dens" (dense?); have ` + strings.Join(tfmodel.Kinds(), ", ")},
		{head + "{name: a, replace: {fc3: {name: fc4, kind: dense}}}]}", "variant a: replace: fc3: the layer is called fc4; it keeps the name of the one that it replaces"},
		{head + "{name: a, insert: {layers: [{name: d, kind: dropout}]}}]}", "variant a: insert: want before or after: the layer that it goes next to"},
		{head + "{name: a, insert: {before: fc1, layers: []}}]}", "variant a: insert: layers is empty"},
		{head + "{name: a, insert: {before: fc1, layers: [{kind: dropout}]}}]}", `variant a: insert: layer without a name: {"kind":"dropout"}`},
		{head + "{name: a, architecture: vgg}]}", `variant a: no architecture "vgg"; have ` + strings.Join(tfmodel.Architectures(), ", ")},
		{head + "{name: a, layer: fc1}]}", `variant a: tiny: no layer with a map "fc1"; have conv1, relu1, bn1, conv5, relu5, pool5`},
		{head + "{name: a, data: {fractions: [0.5, 0.2, 0.3]}}]}", "variant a: data.fractions cannot differ: all variants are compared on the same images"},
		{"{name: mine, base: {seed: 3}, variants: [{name: a}]}", "base.seed: a study has seeds for that"},
		{"{name: mine, base: {explain: conv5}, variants: [{name: a}]}", "base.explain: a study has explain.layer for that"},
		{"{name: mine, base: {data: {root: x}}, variants: [{name: a}]}", "base.data.root: the folder of images is named where the study is run"},
		{"{name: mine, base: {data: {fractions: [0.8, 0.2, 0]}}, variants: [{name: a}]}", "base.data.fractions leaves no test part, which variants are compared on"},
		{"{name: mine, epochs: 3, base: {training: {epochs: 3}}, variants: [{name: a}]}", "epochs is given twice, in the study and in base.training; want one"},

		{head + "{name: a}], claims: [{text: x, variant: c, measure: focus, direction: lower}]}", `claim 1: no variant "c" (a?); have baseline, a`},
		{head + "{name: a}], claims: [{text: x, variant: a, measure: fokus, direction: lower}]}", `claim 1: no measure "fokus" (focus?); have ` + measureNames("gradcam")},
		{head + "{name: a}], claims: [{variant: a, measure: focus, direction: lower}]}", "claim 1: text is missing: the sentence that is tested"},
		{head + "{name: a}], claims: [{text: x, variant: a, measure: focus, direction: down}]}", `claim 1: direction is "down", want higher or lower`},
		{head + "{name: a}], claims: [{text: x, variant: a, measure: focus, direction: lower, margin: -1}]}", "claim 1: margin is -1, want 0 or more"},
		{head + "{name: a}], claims: [{text: x, variant: baseline, measure: focus, direction: lower}]}", "claim 1: variant baseline is compared with itself; name another with against"},
	} {
		if _, err := parse([]byte(test.text)); err == nil || err.Error() != test.want {
			t.Errorf("%s\nerror %v\nwant  %s", test.text, err, test.want)
		}
	}
}

func measureNames(methods ...string) string {
	var names []string
	for _, m := range measures(methods) {
		names = append(names, m.Name)
	}
	return strings.Join(names, ", ")
}

func TestExample(t *testing.T) {
	s, err := parse([]byte(example))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Split(measureNames("gradcam"), ", ") {
		if !strings.Contains(example, name) {
			t.Errorf("the example does not name the measure %s", name)
		}
	}
	v, err := s.variant("svm")
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.experiment(v, 5)
	if err != nil {
		t.Fatal(err)
	}
	last := e.Architecture.Layers[len(e.Architecture.Layers)-1]
	if want := (&tfmodel.Dense{Units: 5, L2: 0.01}); !reflect.DeepEqual(last.Layer, want) || e.Training.Loss.Kind != tfmodel.CategoricalHinge || e.Training.Epochs != 30 {
		t.Errorf("head %+v, loss %v, %d epochs", last.Layer, e.Training.Loss, e.Training.Epochs)
	}
}

// A study that is written and read again is the same.
func TestBuiltinsAreFiles(t *testing.T) {
	for _, name := range Builtins() {
		s, err := Builtin(name)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "study.yaml")
		if err := Init(name, path); err != nil {
			t.Fatal(err)
		}
		again, err := ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if text := differs(s, again, nil); text != "" || !reflect.DeepEqual(tree(s), tree(again)) {
			t.Errorf("%s: %s", name, text)
		}
		wantError(t, Init(name, path), path+" is there already; name a new file")
	}
	_, err := Builtin("decks")
	wantError(t, err, `no study "decks" (deck?); have deck, hgs`)
}

// The recipes are those of the two reports.
func TestDeck(t *testing.T) {
	s := builtin(t, "deck")
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	for name, parameters := range map[string]int{
		"baseline": 55_799_814,
		"dropout":  55_799_814,
		"no-relu":  55_799_814,
		// gamma, beta, moving mean and variance of 96 and of 256 channels
		"no-normalisation": 55_799_814 - 4*(96+256),
		// conv3 on 256 channels, conv4 and conv5 on 384
		"alexnet": 55_799_814 + (9*256*384 + 384) + (9*384*384 + 384) + 9*(384-256)*256,
		// without conv2, conv5 and bn2 on 256; bn2 on 96; fc1 on 6x6x96
		"two-convolutions-less": 55_799_814 - (25*96*256 + 256) - (9*256*256 + 256) - 4*(256-96) - 36*(256-96)*4096,
		// fc1 on 55x55x256
		"no-max-pooling":     55_799_814 + (55*55-36)*256*4096,
		"no-max-pooling-gap": 55_799_814 - 35*256*4096,
	} {
		e := experimentOf(t, s, name)
		if total, _, err := e.Architecture.Parameters(); err != nil || total != parameters {
			t.Errorf("%s has %d parameters, %v; want %d", name, total, err, parameters)
		}
		if want := (dataset.Span{Low: 10, High: 180}); len(e.Training.Augmentation.Copies) != 1 || e.Training.Augmentation.Copies[0].Rotation != want {
			t.Errorf("%s: augmentation %+v", name, e.Training.Augmentation)
		}
		if e.Training.Epochs != 40 || e.Training.Batch != 32 || e.Training.LearningRate != 5e-6 || e.Data.Fractions[0] != 0.75 {
			t.Errorf("%s: training %+v", name, e.Training)
		}
		if want := map[bool]string{true: "pool2", false: "conv5"}[name == "two-convolutions-less"]; e.Explain != want {
			t.Errorf("%s is explained at %s, want %s", name, e.Explain, want)
		}
	}
	// 3.2 billion weights take 12 GiB, and more than four times that in training.
	e := experimentOf(t, s, "no-max-pooling")
	m, err := forecast(e)
	if err != nil || m.Training < 48<<30 {
		t.Errorf("forecast %+v, %v", m, err)
	}
	if reason := tooLarge(e.Architecture, m, 24<<30); !strings.HasSuffix(reason, "fc1 has 3171 million weights") {
		t.Errorf("reason %q", reason)
	}
	if reason := tooLarge(e.Architecture, m, 0); reason != "" {
		t.Errorf("memory is unknown: %q", reason)
	}
}

func TestHGS(t *testing.T) {
	s := builtin(t, "hgs")
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		epochs, phases int
		rate, l2       float64
		loss, schedule string
		parameters     int
	}{
		"softmax":           {40, 0, 5e-6, 0, "", "constant", 55_799_814},
		"softmax-dropout":   {80, 0, 1e-5, 0, "", "inverse_time", 55_799_814},
		"softmax-augmented": {60, 1, 5e-6, 0, "", "constant", 55_799_814},
		"svm":               {40, 0, 5e-6, 0.01, "categorical_hinge", "constant", 55_799_814},
		"svm-dropout":       {80, 0, 1e-5, 0.01, "categorical_hinge", "inverse_time", 55_799_814},
		"svm-augmented":     {60, 1, 5e-6, 0.01, "categorical_hinge", "constant", 55_799_814},
		"vgg11":             {40, 0, 1e-3, 0, "", "constant", 128_790_918},
		"resnet50":          {40, 0, 5e-6, 0, "", "constant", 23_698_310},
	} {
		e := experimentOf(t, s, name)
		last, _ := e.Architecture.Layers[len(e.Architecture.Layers)-1].Layer.(*tfmodel.Dense)
		total, _, err := e.Architecture.Parameters()
		if err != nil || total != want.parameters || last == nil || last.L2 != want.l2 || last.Units != 6 {
			t.Errorf("%s: %d parameters, %v, head %+v", name, total, err, last)
		}
		tr := e.Training
		if tr.Epochs != want.epochs || tr.LearningRate != want.rate || tr.Loss.Kind != want.loss || tr.Schedule.Kind != want.schedule || len(tr.Augmentation.Phases) != want.phases {
			t.Errorf("%s: training %+v", name, tr)
		}
	}
	decaying := experimentOf(t, s, "softmax-dropout")
	if got := decaying.Training.Schedule.Decay; got != 2.5e-7 {
		t.Errorf("decay %g", got)
	}
	phase := experimentOf(t, s, "svm-augmented").Training.Augmentation.Phases[0]
	want := dataset.Variation{
		Rotation: dataset.Span{Low: -45, High: 45}, WidthShift: dataset.Span{Low: -0.1, High: 0.1}, HeightShift: dataset.Span{Low: -0.1, High: 0.1},
		Zoom: dataset.Factor{Low: 0.9, High: 1.1}, HorizontalFlip: true, VerticalFlip: true,
	}
	if phase.Epochs != 20 || phase.Variation != want {
		t.Errorf("phase %+v", phase)
	}
	names := map[string]string{}
	for _, l := range decaying.Architecture.Layers {
		names[l.Name] = l.Layer.Kind()
	}
	if names["dropout1"] != "dropout" || names["dropout2"] != "dropout" {
		t.Errorf("layers %v", names)
	}
}

func experimentOf(t *testing.T, s Study, name string) experiment.Experiment {
	t.Helper()
	v, err := s.variant(name)
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.experiment(v, 6)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestWords(t *testing.T) {
	s := builtin(t, "hgs")
	v, err := s.variant("svm-dropout")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"fc3 is dense, l2 0.01", "before fc1 dropout1 (dropout, rate 0.5)", "before fc2 dropout2 (dropout, rate 0.5)", "training.epochs 80", "training.learning_rate 0.00001",
		"training.loss.kind categorical_hinge", "training.schedule.decay 2.5e-7", "training.schedule.kind inverse_time",
	}
	if got := v.words(); !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
}

func TestAddition(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.yaml")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("name: a\nwithout: [relu]\ninsert: {after: fc1, layers: [{name: d, kind: dropout}]}\nclaims: [{text: x, measure: focus, direction: lower}]\n")
	a, err := ReadAddition(path)
	if err != nil || a.Name != "a" || len(a.Insert) != 1 || a.Claims[0].Variant != "a" {
		t.Errorf("%+v, %v", a, err)
	}
	s, err := parse([]byte(head + "{name: b}], claims: [{text: x, variant: b, measure: focus, direction: lower}]}"))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"{name: a, claims: [{text: x, measure: focus, direction: lower}, {text: x, measure: test_acc, direction: lower}]}": `variant a: claim 2: no measure "test_acc" (test_accuracy?); have ` + measureNames("gradcam"),
		"{name: a/b}":               `the variant is called "a/b", which names folders; want letters, digits, and . _ - after the first`,
		"{why: x}":                  "the variant has no name",
		"{name: a, without: [fc9]}": `variant a: no layer "fc9" (fc1?) in tiny; have conv1, relu1, bn1, conv5, relu5, pool5, flatten, dropout1, fc1, relu_fc1, fc3`,
	} {
		write(text)
		if a, err = ReadAddition(path); err != nil {
			t.Fatal(err)
		}
		j := &job{plan: plan{Study: s}}
		wantError(t, j.addVariant(a), path+": "+want)
	}
	write("name: a\nclaim: []\n")
	_, err = ReadAddition(path)
	wantError(t, err, path+`: the file has an unknown key "claim" (claims?); have name, why, architecture, input, without, replace, insert, training, data, fine_tune, layer, against, reported, claims`)
}
