package result

import (
	"math"

	"oscar/score"
)

// Files of a study's folder: its result, and its plan.
const (
	File  = "study.json"
	Asked = "study.yaml"
	// PlanFile marks a folder as a study's, because it is written last.
	PlanFile = "plan.json"
)

// Number is a float64 that may be NaN or infinite: in JSON null, "inf", "-inf".
type Number = score.Number

// Study is study.json.
type Study struct {
	Format int    `json:"format"` // 1
	Name   string `json:"name"`
	Why    string `json:"why"`  // the study's question
	Base   string `json:"base"` // name of the first variant, of which the others are edits
	// Classes are in the order of the logits, as are lists per class.
	Classes []string `json:"classes"`
	Seeds   []uint64 `json:"seeds"`
	Data    Data     `json:"data"`
	Explain Explain  `json:"explain"`
	Machine Machine  `json:"machine"`
	// Cut is the cut for a budget; nil: no cut.
	Cut *Cut `json:"cut"`
	// Measures are the columns, in the order of the table.
	Measures []Measure `json:"measures"`
	// Variants are the rows: the base first, then the others in the study's order. A variant that could
	// not be trained is also a row.
	Variants []Variant `json:"variants"`
	Claims   []Claim   `json:"claims"`
	// Walls show the same images in every variant: one per method.
	Walls []Wall `json:"walls"`
	// Rules describe how the numbers were computed, in one or two sentences each.
	Rules []string `json:"rules"`
	// Notes are deviations from the plan.
	Notes   []string `json:"notes"`
	Seconds float64  `json:"seconds"` // of the training of all runs together
}

// Data describes the images.
type Data struct {
	Root      string     `json:"root"` // absolute
	Split     string     `json:"split"`
	SplitHash string     `json:"split_hash"`
	SplitSeed uint64     `json:"split_seed"` // seed of the split for all runs
	Fractions [3]float64 `json:"fractions"`  // of train, validation, test
	// Train, Validation and Test are numbers of images. Train is counted after a cut, without copies
	// from augmentation.
	Train      int `json:"train"`
	Validation int `json:"validation"`
	Test       int `json:"test"`
}

// Explain describes the explained images and the methods.
type Explain struct {
	Methods  []string `json:"methods"`
	PerClass int      `json:"per_class"` // test images per class
	Mosaics  int      `json:"mosaics"`   // mosaics per class, for focus
	Class    string   `json:"class"`     // "true": the image's own class is explained
	Score    string   `json:"score"`     // logit or probability
	Masks    bool     `json:"masks"`     // the objects have masks
}

// Machine is the machine of the study.
type Machine struct {
	Memory     int64             `json:"memory_bytes"` // 0: unknown
	Processor  string            `json:"processor"`
	Processors int               `json:"processors"`
	Threads    int               `json:"threads"` // within one operation
	Versions   map[string]string `json:"versions"`
}

// Cut is what was removed for a budget.
type Cut struct {
	Budget   float64 `json:"budget_seconds"`
	Full     float64 `json:"full_seconds"`     // forecast without the cut
	Expected float64 `json:"expected_seconds"` // forecast with the cut
	// Share is the share of every variant's epochs that is left, 0 to 1.
	Share float64 `json:"share_of_epochs"`
	// TrainPerClass is the maximum number of training images per class; 0: all.
	TrainPerClass int `json:"train_per_class"`
	// Text describes the cuts, one per line, such as "baseline: 8 epochs of 40".
	Text []string `json:"text"`
}

// Measure is a column.
type Measure struct {
	Name  string `json:"name"`  // key of Variant.Figures and Run.Values: "test_accuracy", "focus"
	Title string `json:"title"` // "test accuracy"
	Unit  string `json:"unit"`  // "", "nats", "bytes", "images/s"
	// Better is "higher", "lower" or "" if neither is better.
	Better string `json:"better"`
	// Method is the explanation method that it scores, or "".
	Method string `json:"method"`
	// Ratio reports whether variants are compared by ratio: means are geometric, and differences are
	// ratios.
	Ratio bool `json:"ratio"`
	// Help describes the measure in a sentence.
	Help string `json:"help"`
}

// The statuses of variants and runs.
const (
	Done     = "done"      // all seeds and steps
	Partial  = "partial"   // some seeds of a variant failed
	Failed   = "failed"    // see Reason
	TooLarge = "too large" // the forecast exceeds the machine's memory; nothing was run
	Pending  = "pending"   // not yet run
)

// Variant is a row.
type Variant struct {
	Name  string   `json:"name"`
	Why   string   `json:"why"`
	Edits []string `json:"edits"` // edits of the base in words; nil for the base
	// Against is the variant to compare with; "" for the base.
	Against string `json:"against"`

	Status string `json:"status"`
	Reason string `json:"reason"` // why the variant is not done

	Architecture string `json:"architecture"`
	Input        []int  `json:"input"` // [height, width, channels]
	Parameters   int64  `json:"parameters"`
	Frozen       int64  `json:"frozen"` // parameters that are not trained, included in Parameters
	Layer        string `json:"layer"`  // the explained layer
	Epochs       int    `json:"epochs"` // of each run, after a cut
	Batch        int    `json:"batch"`
	Memory       Memory `json:"memory"`

	// Reported are published figures of the variant, by measure.
	Reported map[string]float64 `json:"reported"`
	// Figures are over the seeds, by measure. Measures without a value are missing.
	Figures  map[string]Figure `json:"figures"`
	PerClass []ClassFigures    `json:"per_class"` // of the test part
	Runs     []Run             `json:"runs"`      // one per seed
	// McNemar is the test against Against; nil if one of both variants has no run.
	McNemar *McNemar `json:"mcnemar"`
}

// Memory is a forecast for training, in bytes.
type Memory struct {
	Weights     int64 `json:"weights"`
	Gradients   int64 `json:"gradients"`
	Optimizer   int64 `json:"optimizer"`   // the optimizer's values for each weight
	Activations int64 `json:"activations"` // of one batch
	Overhead    int64 `json:"overhead"`    // copies, and memory that the allocator cannot use
	Training    int64 `json:"training"`    // the sum
}

// Figure is a measure over the seeds.
type Figure struct {
	Mean Number `json:"mean"`
	// Low and High are the interval; NaN if there is none.
	Low  Number `json:"low"`
	High Number `json:"high"`
	// Interval is the kind of Low and High. "t": 95 % by Student's t over three or more seeds; "range":
	// the lowest and highest of two seeds; "wilson": 95 % by Wilson for one seed's accuracy;
	// "bootstrap": 95 % over images, for one seed; "": none, as of seeds with equal values.
	Interval string `json:"interval"`
	N        int    `json:"n"` // number of seeds
}

// The kinds of interval.
const (
	StudentT  = "t"
	Range     = "range"
	Wilson    = "wilson"
	Bootstrap = "bootstrap"
	None      = ""
)

// ClassFigures are the figures of one class, over the seeds.
type ClassFigures struct {
	Class     string `json:"class"`
	Precision Figure `json:"precision"`
	Recall    Figure `json:"recall"`
	F1        Figure `json:"f1"`
	Support   int    `json:"support"` // test images
}

// Unmeasured is the Number of a missing measurement: NaN.
var Unmeasured = Number(math.NaN())
