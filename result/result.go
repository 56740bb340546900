package result

import (
	"math"

	"oscar/score"
)

// Within a study's folder: its result, and what was asked.
const (
	File  = "study.json"
	Asked = "study.yaml"
	// PlanFile is written last when the folder is made.
	PlanFile = "plan.json"
)

// Number is a float64 that may be NaN or infinite: in JSON null, "inf", "-inf".
type Number = score.Number

// Study is study.json.
type Study struct {
	Format int    `json:"format"` // 1
	Name   string `json:"name"`
	Why    string `json:"why"`  // what the study asks
	Base   string `json:"base"` // the name of the first variant, which the others are edits of
	// Classes are in the order of the logits; per-class lists have their order.
	Classes []string `json:"classes"`
	Seeds   []uint64 `json:"seeds"`
	Data    Data     `json:"data"`
	Explain Explain  `json:"explain"`
	Machine Machine  `json:"machine"`
	// Cut is what a budget took away; nil: nothing.
	Cut *Cut `json:"cut"`
	// Measures are the columns, in the order they should be shown in.
	Measures []Measure `json:"measures"`
	// Variants are the rows: the base first, then in the order of the study.
	// One that could not be trained is a row too.
	Variants []Variant `json:"variants"`
	Claims   []Claim   `json:"claims"`
	// Walls show the same images in every variant: one a method.
	Walls []Wall `json:"walls"`
	// Rules say in words how the numbers were made: a sentence or two each.
	Rules []string `json:"rules"`
	// Notes are lines for people about what went otherwise than asked.
	Notes   []string `json:"notes"`
	Seconds float64  `json:"seconds"` // of training, all runs together
}

// Data says on which images.
type Data struct {
	Root      string     `json:"root"` // absolute
	Split     string     `json:"split"`
	SplitHash string     `json:"split_hash"`
	SplitSeed uint64     `json:"split_seed"` // one split for all runs
	Fractions [3]float64 `json:"fractions"`  // of train, validation, test
	// Train, Validation and Test count images. Train is after a cut, without the
	// copies that augmentation adds.
	Train      int `json:"train"`
	Validation int `json:"validation"`
	Test       int `json:"test"`
}

// Explain says what was explained, and how.
type Explain struct {
	Methods  []string `json:"methods"`
	PerClass int      `json:"per_class"` // test images of each class
	Mosaics  int      `json:"mosaics"`   // of each class, for focus
	Class    string   `json:"class"`     // "true": the image's own class is explained
	Score    string   `json:"score"`     // logit or probability
	Masks    bool     `json:"masks"`     // it is known where the objects are
}

// Machine is what the study was run with.
type Machine struct {
	Memory     int64             `json:"memory_bytes"` // 0: unknown
	Processor  string            `json:"processor"`
	Processors int               `json:"processors"`
	Threads    int               `json:"threads"` // within one operation
	Versions   map[string]string `json:"versions"`
}

// Cut is what a budget took away.
type Cut struct {
	Budget   float64 `json:"budget_seconds"`
	Full     float64 `json:"full_seconds"`     // forecast without the cut
	Expected float64 `json:"expected_seconds"` // forecast with it
	// Share is what is left of every variant's epochs, 0 to 1.
	Share float64 `json:"share_of_epochs"`
	// TrainPerClass is the most training images of a class; 0: all.
	TrainPerClass int `json:"train_per_class"`
	// Text says what was cut, a line each: "baseline: 8 epochs of 40".
	Text []string `json:"text"`
}

// Measure is a column.
type Measure struct {
	Name  string `json:"name"`  // key of Variant.Figures and Run.Values: "test_accuracy", "focus"
	Title string `json:"title"` // "test accuracy"
	Unit  string `json:"unit"`  // "", "nats", "bytes", "images/s"
	// Better is "higher", "lower" or "" where neither is.
	Better string `json:"better"`
	// Method is the method of explanation that it judges; "" if it judges none.
	Method string `json:"method"`
	// Ratio says that variants are compared by how many times as much they have:
	// means are geometric, differences are ratios.
	Ratio bool `json:"ratio"`
	// Help says in a sentence what it is.
	Help string `json:"help"`
}

// The states of variants and runs.
const (
	Done     = "done"      // every seed, every step
	Partial  = "partial"   // of a variant: some seeds failed
	Failed   = "failed"    // see Reason
	TooLarge = "too large" // the forecast does not fit the machine's memory; nothing was run
	Pending  = "pending"   // not yet run
)

// Variant is a row.
type Variant struct {
	Name  string   `json:"name"`
	Why   string   `json:"why"`
	Edits []string `json:"edits"` // of the base, in words; none for the base
	// Against is the variant that it is compared with; "" for the base.
	Against string `json:"against"`

	Status string `json:"status"`
	Reason string `json:"reason"` // if it is not done

	Architecture string `json:"architecture"`
	Input        []int  `json:"input"` // [height, width, channels]
	Parameters   int64  `json:"parameters"`
	Frozen       int64  `json:"frozen"` // of them not trained
	Layer        string `json:"layer"`  // that its explanations look at
	Epochs       int    `json:"epochs"` // of each run, after a cut
	Batch        int    `json:"batch"`
	Memory       Memory `json:"memory"`

	// Reported are figures that others published for the variant, by measure.
	Reported map[string]float64 `json:"reported"`
	// Figures are over the seeds, by measure; what could not be measured is
	// missing.
	Figures  map[string]Figure `json:"figures"`
	PerClass []ClassFigures    `json:"per_class"` // of the test part
	Runs     []Run             `json:"runs"`      // one a seed
	// McNemar is the test against Against; nil if one of the two has no run.
	McNemar *McNemar `json:"mcnemar"`
}

// Memory is a forecast of training, in bytes.
type Memory struct {
	Weights     int64 `json:"weights"`
	Gradients   int64 `json:"gradients"`
	Optimizer   int64 `json:"optimizer"`   // what it keeps for each weight
	Activations int64 `json:"activations"` // of a batch
	Overhead    int64 `json:"overhead"`    // copies, and what the allocator cannot use
	Training    int64 `json:"training"`    // all of these
}

// Figure is a measure over the seeds.
type Figure struct {
	Mean Number `json:"mean"`
	// Low and High are the interval; NaN if there is none.
	Low  Number `json:"low"`
	High Number `json:"high"`
	// Interval says what Low and High are: "t": 95 % Student's t over three seeds
	// or more; "range": the least and the most of two; "wilson": 95 % Wilson of
	// one seed's accuracy; "bootstrap": 95 % over images, of one seed; "": none.
	Interval string `json:"interval"`
	N        int    `json:"n"` // seeds
}

// The kinds of interval.
const (
	StudentT  = "t"
	Range     = "range"
	Wilson    = "wilson"
	Bootstrap = "bootstrap"
	None      = ""
)

// ClassFigures are of one class, over the seeds.
type ClassFigures struct {
	Class     string `json:"class"`
	Precision Figure `json:"precision"`
	Recall    Figure `json:"recall"`
	F1        Figure `json:"f1"`
	Support   int    `json:"support"` // test images
}

// Unmeasured is the Number of nothing: NaN.
var Unmeasured = Number(math.NaN())
