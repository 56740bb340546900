package result

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"oscar/internal/named"
	"oscar/metric"
)

// ComparisonFile is the file of a comparison in its folder.
const ComparisonFile = "comparison.json"

// Comparison is comparison.json: two models on the same images. Pairs have the
// first model's value first; differences are second minus first.
type Comparison struct {
	Format     int              `json:"format"` // 1
	Models     [2]ComparedModel `json:"models"`
	Data       string           `json:"data"` // absolute path of the folder of the images
	Part       string           `json:"part"` // part of the first model's split, or "all"
	Classes    []string         `json:"classes"`
	Images     int              `json:"images"` // number of images of known class with finite predictions of both models
	Unreadable int              `json:"unreadable"`
	// Figures compare the models on the Images.
	Figures  []ComparedFigure `json:"figures"`
	PerClass []ComparedClass  `json:"per_class"`
	// McNemar tests whether both models classify equally many images correctly. "This" in its fields is
	// the second model.
	McNemar McNemarTest `json:"mcnemar"`
	// Changed is the share of images with another predicted class, with its 95 %
	// interval (Wilson).
	Changed         Number    `json:"changed"`
	ChangedInterval [2]Number `json:"changed_interval"`
	Drift           Drift     `json:"drift"`
	// ByImage has a line for each image with a prediction of both models.
	ByImage []ComparedImage `json:"by_image"`
	// Shown are the images that changed most, with pictures.
	Shown  []ShownChange `json:"shown"`
	Limits []Limit       `json:"limits,omitempty"`
	Notes  []string      `json:"notes,omitempty"`
}

// ComparedModel is one of the two models.
type ComparedModel struct {
	Path        string         `json:"path"` // as given
	Fingerprint string         `json:"fingerprint"`
	Name        string         `json:"name"` // name of the network
	Parameters  int            `json:"parameters"`
	Layer       string         `json:"layer"` // the explained layer
	Evaluation  *Evaluation    `json:"evaluation"`
	Epochs      []EpochMetrics `json:"epochs,omitempty"` // epochs of the model's run, if there is one
}

// ComparedFigure is a figure of both models. Low and High are the 95 % interval of
// the difference over the images, for classifiers by Student's t; NaN if there is none.
type ComparedFigure struct {
	Name       string    `json:"name"`
	Title      string    `json:"title"`
	Better     string    `json:"better"` // higher or lower
	Values     [2]Number `json:"values"`
	Difference Number    `json:"difference"`
	Low        Number    `json:"low"`
	High       Number    `json:"high"`
}

// ComparedClass is one class of the comparison.
type ComparedClass struct {
	Class  string    `json:"class"`
	Images int       `json:"images"`
	Recall [2]Number `json:"recall"`
	F1     [2]Number `json:"f1"`
	Rank   Number    `json:"rank"` // mean rank correlation of the maps
}

// Drift is the difference between the explanations of the same images and classes.
type Drift struct {
	Method string `json:"method"`
	Asked  string `json:"asked"`  // the requested method, with its layer
	Most   int    `json:"most"`   // maximum number of images to explain; 0: all
	Images int    `json:"images"` // number of images with two comparable maps
	// Rank is the mean rank correlation (Spearman) of the two maps of an image, 1 for the same order of
	// pixels. RankInterval is its 95 % interval by Student's t.
	Rank         Number    `json:"rank"`
	RankInterval [2]Number `json:"rank_interval"`
	// Chance is the mean rank correlation of the first model's map with the second
	// model's map of another image.
	Chance Number `json:"chance"`
	// SSIM is the mean structural similarity of the maps, 1 for equal maps.
	SSIM Number `json:"ssim"`
	// Value is 1 - Rank.
	Value Number `json:"value"`
}

// ComparedImage is one image of the comparison.
type ComparedImage struct {
	Image       string    `json:"image"` // relative to the data
	SHA256      string    `json:"sha256"`
	Truth       string    `json:"truth"` // "": unknown
	Predicted   [2]string `json:"predicted"`
	Probability [2]Number `json:"probability"` // of the predicted class
	Explained   string    `json:"explained"`   // class of the maps; "": not explained
	Rank        Number    `json:"rank"`
	SSIM        Number    `json:"ssim"`
}

// Changed reports whether the models predict different classes.
func (c ComparedImage) Changed() bool { return c.Predicted[0] != c.Predicted[1] }

// ShownChange is an image with the overlays of both models, which are files of the folder.
type ShownChange struct {
	ComparedImage
	Overlays [2]string `json:"overlays"`
}

// Limit is a requested limit. A value that was not measured exceeds every limit.
type Limit struct {
	Name     string `json:"name"` // accuracy_drop, loss_rise, drift, changed
	Value    Number `json:"value"`
	Most     Number `json:"most"`
	Exceeded bool   `json:"exceeded"`
}

// String returns the value and the limit in words.
func (l Limit) String() string {
	word := "within"
	if l.Exceeded {
		word = "exceeds"
	}
	return fmt.Sprintf("%s %.4g %s the limit %.4g", l.Name, float64(l.Value), word, float64(l.Most))
}

// LimitNames are the values that can be limited.
var LimitNames = []string{"accuracy_drop", "loss_rise", "changed", "drift"}

// SetLimits compares the values with their limits, by name.
func (c *Comparison) SetLimits(most map[string]float64) {
	values := map[string]Number{
		"accuracy_drop": 0 - figureOf(c.Figures, "accuracy").Difference, // not -0
		"loss_rise":     figureOf(c.Figures, "loss").Difference,
		"changed":       c.Changed,
		"drift":         c.Drift.Value,
	}
	c.Limits = limits(LimitNames, values, most)
}

// limitRanges has the range of each value, and so of its limit. A drop or rise below 0 is a gain.
var limitRanges = map[string][2]float64{
	"accuracy_drop": {-1, 1}, "ap_drop": {-1, 1}, "changed": {0, 1}, "drift": {0, 2},
	"loss_rise": {-math.MaxFloat64, math.MaxFloat64},
}

// CheckLimits returns an error for the first limit with an unknown name, or outside the range of its
// value.
func CheckLimits(names []string, most map[string]float64) error {
	for _, name := range slices.Sorted(maps.Keys(most)) {
		if err := named.Check("limit", name, names); err != nil {
			return err
		}
		v, in := most[name], limitRanges[name]
		switch {
		case in[0] <= v && v <= in[1]:
		case in[1] == math.MaxFloat64:
			return fmt.Errorf("the limit of %s is %v, want a finite number", name, v)
		default:
			return fmt.Errorf("the limit of %s is %v, want %v to %v", name, v, in[0], in[1])
		}
	}
	return nil
}

// limits compares values with their limits, by name.
func limits(names []string, values map[string]Number, most map[string]float64) (out []Limit) {
	for _, name := range names {
		if limit, ok := most[name]; ok {
			v := values[name]
			out = append(out, Limit{name, v, Number(limit), !(float64(v) <= limit)})
		}
	}
	return out
}

// Exceeded returns the exceeded limits.
func Exceeded(list []Limit) (out []Limit) {
	for _, l := range list {
		if l.Exceeded {
			out = append(out, l)
		}
	}
	return out
}

func figureOf(figures []ComparedFigure, name string) ComparedFigure {
	for _, f := range figures {
		if f.Name == name {
			return f
		}
	}
	return ComparedFigure{Difference: Unmeasured}
}

// Conclude computes the figures from the images and the evaluations of both models.
func (c *Comparison) Conclude() {
	a, b := c.Models[0].Evaluation, c.Models[1].Evaluation
	c.Images = a.Images
	of := map[string]Classification{}
	for _, x := range b.Classifications {
		of[x.Image] = x
	}
	var correct, loss []float64
	c.McNemar = McNemarTest{}
	for _, x := range a.Classifications {
		y := of[x.Image]
		if x.Truth == "" || x.Predicted == "" || y.Predicted == "" {
			continue
		}
		d := 0.0
		switch {
		case x.Correct() && !y.Correct():
			c.McNemar.OnlyAgainst++
			d = -1
		case y.Correct() && !x.Correct():
			c.McNemar.OnlyThis++
			d = 1
		}
		correct, loss = append(correct, d), append(loss, float64(y.Loss-x.Loss))
	}
	c.McNemar.Images, c.McNemar.P = c.Images, metric.McNemar(c.McNemar.OnlyThis, c.McNemar.OnlyAgainst)
	paired := func(name, title, better string, values [2]Number, differences []float64) ComparedFigure {
		f := ComparedFigure{Name: name, Title: title, Better: better, Values: values, Difference: values[1] - values[0], Low: Unmeasured, High: Unmeasured}
		if differences != nil {
			_, low, high := metric.Student95(differences)
			f.Low, f.High = Number(low), Number(high)
		}
		return f
	}
	c.Figures = []ComparedFigure{
		paired("accuracy", "accuracy", "higher", [2]Number{a.Accuracy, b.Accuracy}, correct),
		paired("loss", "loss, nats", "lower", [2]Number{a.Loss, b.Loss}, loss),
		paired("macro_f1", "macro F1", "higher", [2]Number{a.MacroF1, b.MacroF1}, nil),
	}
	changed := 0
	for _, x := range c.ByImage {
		if x.Changed() {
			changed++
		}
	}
	c.Changed, c.ChangedInterval = Unmeasured, [2]Number{Unmeasured, Unmeasured}
	if n := len(c.ByImage); n > 0 {
		low, high := metric.Wilson95(changed, n)
		c.Changed, c.ChangedInterval = Number(float64(changed)/float64(n)), [2]Number{Number(low), Number(high)}
	}
	c.concludeDrift()
}

// concludeDrift computes the means over the maps, of all images and of each class.
func (c *Comparison) concludeDrift() {
	var ranks, ssims []float64
	byClass := map[string][]float64{}
	for _, x := range c.ByImage {
		if v := float64(x.Rank); !math.IsNaN(v) {
			ranks = append(ranks, v)
			byClass[x.Truth] = append(byClass[x.Truth], v)
		}
		if v := float64(x.SSIM); !math.IsNaN(v) {
			ssims = append(ssims, v)
		}
	}
	mean, low, high := metric.Student95(ranks)
	c.Drift.Images = len(ranks)
	c.Drift.Rank, c.Drift.RankInterval = Number(mean), [2]Number{Number(low), Number(high)}
	c.Drift.Value = 1 - c.Drift.Rank
	mean, _, _ = metric.Student95(ssims)
	c.Drift.SSIM = Number(mean)
	c.PerClass = nil
	for i, class := range c.Classes {
		x := ComparedClass{Class: class, Images: c.Models[0].Evaluation.PerClass[i].Support}
		for k, m := range c.Models {
			s := m.Evaluation.PerClass[i]
			x.Recall[k], x.F1[k] = Number(s.Recall), Number(s.F1)
			if s.Support == 0 {
				x.Recall[k], x.F1[k] = Unmeasured, Unmeasured
			}
		}
		mean, _, _ := metric.Student95(byClass[class])
		x.Rank = Number(mean)
		c.PerClass = append(c.PerClass, x)
	}
}

// MostChanged returns at most n images: first those with a changed prediction, then those whose maps
// differ most.
func (c *Comparison) MostChanged(n int) []ComparedImage {
	rank := func(x ComparedImage) float64 {
		if math.IsNaN(float64(x.Rank)) {
			return 1
		}
		return float64(x.Rank)
	}
	order := func(x ComparedImage) int {
		if x.Changed() {
			return 0
		}
		return 1
	}
	list := slices.DeleteFunc(slices.Clone(c.ByImage), func(x ComparedImage) bool { return x.Explained == "" })
	slices.SortStableFunc(list, func(x, y ComparedImage) int {
		return cmp.Or(cmp.Compare(order(x), order(y)), cmp.Compare(rank(x), rank(y)), cmp.Compare(x.Image, y.Image))
	})
	return list[:min(n, len(list))]
}

// ReadComparison reads the comparison of a folder.
func ReadComparison(dir string) (*Comparison, error) {
	c := &Comparison{}
	if err := readJSON(dir, ComparisonFile, c, &c.Format); err != nil {
		return nil, err
	}
	for i, m := range c.Models {
		if m.Evaluation == nil || m.Evaluation.Confusion == nil {
			return nil, fmt.Errorf("%s/%s: model %d has no evaluation", dir, ComparisonFile, i+1)
		}
	}
	return c, nil
}
