package study

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"oscar/explain"
	"oscar/internal/machine"
	"oscar/internal/named"
	"oscar/internal/numeric"
	"oscar/pipeline"
	"oscar/result"
)

// Study is a base experiment and named edits of it, which are trained and compared. It is data: see
// [ReadFile] and [Builtin].
type Study struct {
	// Name is the title.
	Name string `json:"name" yaml:"name"`
	// Why is the study's question.
	Why string `json:"why,omitempty" yaml:"why,omitempty"`
	// Base has the keys of an experiment that differ from the defaults, except
	// the seed, the folder of images and the layer to explain.
	Base map[string]any `json:"base,omitempty" yaml:"base,omitempty"`
	// Epochs, if not 0, is base.training.epochs.
	Epochs int `json:"epochs,omitempty" yaml:"epochs,omitempty"`
	// Precision is the precision of training, scoring and explaining. For training, training.precision
	// of the base or of a variant takes precedence.
	Precision machine.Precision `json:"precision,omitzero" yaml:"precision,omitempty"`
	// Seeds are the seeds of each variant's runs.
	Seeds []uint64 `json:"seeds" yaml:"seeds,flow"`
	// Split is "one" for one split with the first seed, or "seed" for a split per seed.
	Split string `json:"split" yaml:"split"`
	// Explain configures the explanations.
	Explain Explain `json:"explain" yaml:"explain"`
	// Variants are the variants to compare. The first is the base and has no edits.
	Variants []Variant `json:"variants" yaml:"variants"`
	// Claims are the claims to test.
	Claims []Claim `json:"claims,omitempty" yaml:"claims,omitempty"`
}

// The kinds of splits.
const (
	OneSplit  = "one"
	SeedSplit = "seed"
)

// Explain configures the explanations by which the variants are compared.
type Explain struct {
	// Methods are names of pipeline.Methods. Claims refer to the first.
	Methods []string `json:"methods" yaml:"methods,flow"`
	// Images is the number of explained test images of each class.
	Images int `json:"images" yaml:"images"`
	// Mosaics is the number of mosaics of each class for Focus; 0: none.
	Mosaics int `json:"mosaics" yaml:"mosaics"`
	// Layer is the explained layer of every variant that has it. The other variants, and all if it is
	// "", explain their last convolution or block.
	Layer string `json:"layer,omitempty" yaml:"layer,omitempty"`
	// Score is the explained score, logit or probability. "": that of each method's paper, which is the
	// probability for RISE and LIME, else the logit.
	Score string `json:"score,omitempty" yaml:"score,omitempty"`
}

// Claim is a sentence to test: a measure of one variant is higher or lower than another variant's.
type Claim struct {
	Text    string `json:"text" yaml:"text"`
	Source  string `json:"source,omitempty" yaml:"source,omitempty"` // who makes the claim
	Variant string `json:"variant" yaml:"variant"`
	// Against is the variant to compare with; "": the one that the variant itself is compared with.
	Against   string `json:"against,omitempty" yaml:"against,omitempty"`
	Measure   string `json:"measure" yaml:"measure"`
	Direction string `json:"direction" yaml:"direction"` // higher or lower
	// Margin is the smallest difference that counts, in the measure's unit. For a ratio measure it is
	// relative: 0.1 is a tenth.
	Margin float64 `json:"margin,omitempty" yaml:"margin,omitempty"`
}

// defaultStudy returns a study of two seeds on one split. It has Grad-CAM of eight test images and
// ten mosaics per class.
func defaultStudy() Study {
	return Study{
		Seeds: []uint64{1, 2}, Split: OneSplit,
		Explain: Explain{Methods: []string{"gradcam"}, Images: 8, Mosaics: 10},
	}
}

// names matches valid names of variants, which are part of file names.
var names = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// Check returns an error for the first part of a study that is wrong for any images.
func (s Study) Check() error {
	switch {
	case s.Name == "":
		return errors.New("name is missing: what the study is called")
	case len(s.Seeds) == 0:
		return errors.New("seeds is empty, want at least one, as [1, 2]")
	case s.Epochs < 0:
		return fmt.Errorf("epochs is %d, want 1 or more, or 0 for those of the base", s.Epochs)
	case s.Split != OneSplit && s.Split != SeedSplit:
		return named.Unknown("split", s.Split, []string{OneSplit, SeedSplit})
	case len(s.Variants) == 0:
		return errors.New("variants is empty; want the base, as {name: baseline}, and edits of it")
	}
	if err := numeric.CheckAllLargest(s); err != nil {
		return err
	}
	for i, seed := range s.Seeds {
		if slices.Contains(s.Seeds[:i], seed) {
			return fmt.Errorf("seed %d is named twice", seed)
		}
	}
	if err := s.Explain.check(); err != nil {
		return err
	}
	if words := s.Variants[0].words(); len(words) > 0 {
		return fmt.Errorf("variant %s is the first, the base that others are compared with, and has edits (%s); add one without edits before it", s.Variants[0].Name, words[0])
	}
	for i := range s.Variants {
		if err := s.checkVariant(i); err != nil {
			return err
		}
	}
	for i, c := range s.Claims {
		if err := s.checkClaim(c); err != nil {
			return fmt.Errorf("claim %d: %w", i+1, err)
		}
	}
	return nil
}

func (x Explain) check() error {
	switch {
	case len(x.Methods) == 0:
		return errors.New("explain.methods is empty, want at least one, as [gradcam]")
	case x.Images < 1:
		return fmt.Errorf("explain.images is %d, want at least 1", x.Images)
	case x.Mosaics < 0:
		return fmt.Errorf("explain.mosaics is %d, want 0 or more", x.Mosaics)
	}
	if err := pipeline.CheckSettings(x.settings("")); err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	return nil
}

// settings returns the pipeline's settings. They explain the image's own class, which is the same in
// every variant.
func (x Explain) settings(layer string) pipeline.Settings {
	s := pipeline.DefaultSettings()
	s.Method, s.Layer, s.Class, s.Score = strings.Join(x.Methods, ","), layer, pipeline.TargetTrue, explain.Score(x.Score)
	return s
}

func (v Variant) checkName() error {
	switch {
	case v.Name == "":
		return errors.New("has no name")
	case !names.MatchString(v.Name):
		return fmt.Errorf("is called %q, which names folders; want letters, digits, and . _ - after the first", v.Name)
	}
	return nil
}

func (s Study) checkVariant(i int) error {
	v := s.Variants[i]
	if err := v.checkName(); err != nil {
		return fmt.Errorf("variant %d %w", i+1, err)
	}
	switch {
	case slices.ContainsFunc(s.Variants[:i], func(o Variant) bool { return o.Name == v.Name }):
		return fmt.Errorf("two variants are called %s", v.Name)
	case v.Against == v.Name:
		return fmt.Errorf("variant %s is compared with itself", v.Name)
	}
	if v.Against != "" {
		if _, err := s.variant(v.Against); err != nil {
			return fmt.Errorf("variant %s: against: %w", v.Name, err)
		}
	}
	for name := range v.Reported {
		if _, err := s.measure(name); err != nil {
			return fmt.Errorf("variant %s: reported: %w", v.Name, err)
		}
	}
	_, err := s.experiment(v, 2)
	return err
}

func (s Study) checkClaim(c Claim) error {
	v, err := s.variant(c.Variant)
	if err != nil {
		return err
	}
	if _, err := s.measure(c.Measure); err != nil {
		return err
	}
	against := s.against(v)
	if c.Against != "" {
		against = c.Against
		if _, err := s.variant(c.Against); err != nil {
			return err
		}
	}
	switch {
	case against == "" || against == c.Variant:
		return fmt.Errorf("variant %s is compared with itself; name another with against", c.Variant)
	case c.Text == "":
		return errors.New("text is missing: the sentence that is tested")
	case c.Direction != higher && c.Direction != lower:
		return fmt.Errorf("direction is %q, want %s or %s", c.Direction, higher, lower)
	case !(c.Margin >= 0):
		return fmt.Errorf("margin is %g, want 0 or more", c.Margin)
	}
	return nil
}

// The directions of a claim.
const (
	higher = "higher"
	lower  = "lower"
)

// variant returns the variant of a name.
func (s Study) variant(name string) (Variant, error) {
	known := make([]string, len(s.Variants))
	for i, v := range s.Variants {
		if v.Name == name {
			return v, nil
		}
		known[i] = v.Name
	}
	return Variant{}, named.Unknown("variant", name, known)
}

// against returns the variant that v is compared with: v.Against, else the base. It returns "" for
// the base itself.
func (s Study) against(v Variant) string {
	if v.Against == "" && v.Name != s.Variants[0].Name {
		return s.Variants[0].Name
	}
	return v.Against
}

// measure returns the measure of a name.
func (s Study) measure(name string) (result.Measure, error) {
	var known []string
	for _, m := range measures(s.Explain.Methods) {
		if m.Name == name {
			return m.Measure, nil
		}
		known = append(known, m.Name)
	}
	return result.Measure{}, named.Unknown("measure", name, known)
}
