package main

import (
	"errors"
	"fmt"
	"slices"

	"oscar/internal/atomicfile"
	"oscar/internal/machine"
)

// Report is bench/results.json.
type Report struct {
	Command    string    `json:"command"`
	Commit     string    `json:"commit"`
	Date       string    `json:"date"`
	Processor  string    `json:"processor"`
	Processors int       `json:"processors"`
	Memory     int64     `json:"memory"`           // bytes
	Load       string    `json:"load"`             // load of the machine before the run, over the last minutes
	Shared     bool      `json:"shared,omitempty"` // other work ran beside it
	Rounds     int       `json:"rounds"`
	Seconds    float64   `json:"seconds,omitempty"` // of a round, about
	Samples    int       `json:"samples,omitempty"` // masks of RISE, samples of LIME
	Numbers    string    `json:"-"`                 // the file to write to
	Results    []Result  `json:"results"`
	Folders    []Folder  `json:"folders"`
	Parts      []Part    `json:"parts,omitempty"`
	Growth     *Growth   `json:"growth,omitempty"`
	Added      []Added   `json:"added,omitempty"`
	Goals      []Outcome `json:"goals"`
}

// Result is a contestant's result for a job.
type Result struct {
	Job        string    `json:"job"`
	Contestant string    `json:"contestant"`
	Values     []float64 `json:"values,omitempty"` // one per round, in the job's unit
	Memory     int64     `json:"memory,omitempty"` // peak memory of the process, in bytes
	Version    string    `json:"version,omitempty"`
	Note       string    `json:"note,omitempty"`
	Problem    string    `json:"problem,omitempty"` // why there are no values
}

// Added is a later run of some of the jobs.
type Added struct {
	Command string   `json:"command"`
	Commit  string   `json:"commit"`
	Date    string   `json:"date"`
	Load    string   `json:"load,omitempty"`
	Shared  bool     `json:"shared,omitempty"`
	Jobs    []string `json:"jobs"` // titles of what was measured
}

// with returns the report with a later run added. A run of another machine is an error.
func (p *Report) with(later *Report) (*Report, error) {
	if p.Processor != later.Processor || p.Processors != later.Processors {
		return nil, fmt.Errorf("-add: the numbers there are of %d processors %s, this machine has %d of %s", p.Processors, p.Processor, later.Processors, later.Processor)
	}
	p.Numbers = later.Numbers
	p.Added = append(p.Added, Added{Command: later.Command, Commit: later.Commit, Date: later.Date, Load: later.Load, Shared: later.Shared})
	return p, nil
}

// resume takes the results of a run that was stopped, if it was the same: of the same command,
// commit and machine.
func (p *Report) resume(file string) {
	var earlier Report
	if err := atomicfile.ReadJSON(file, &earlier); err != nil {
		return
	}
	same := func(r *Report) string {
		return fmt.Sprint(r.Command, r.Commit, r.Processor, r.Processors, r.Rounds, r.Seconds)
	}
	if same(p) == same(&earlier) {
		p.Results, p.Folders, p.Parts, p.Load, p.Date = earlier.Results, earlier.Folders, earlier.Parts, earlier.Load, earlier.Date
	}
}

// keepGrowth takes the table of how cost grows from the numbers that are replaced: it has its
// own command and date.
func (p *Report) keepGrowth(file string) {
	var earlier Report
	if err := atomicfile.ReadJSON(file, &earlier); err == nil && earlier.Processor == p.Processor {
		p.Growth = earlier.Growth
	}
}

// has reports whether a job has results.
func (p *Report) has(j job) bool {
	return slices.ContainsFunc(p.Results, func(r Result) bool { return r.Job == j.Name })
}

// put adds a job's results and replaces earlier ones.
func (p *Report) put(j job, results []Result) {
	p.Results = slices.DeleteFunc(p.Results, func(r Result) bool { return r.Job == j.Name })
	p.Results = append(p.Results, results...)
	p.credit(j.Title)
}

// credit notes that the latest of the added runs measured something.
func (p *Report) credit(title string) {
	n := len(p.Added)
	if n == 0 {
		return
	}
	for i := range p.Added {
		p.Added[i].Jobs = slices.DeleteFunc(p.Added[i].Jobs, func(t string) bool { return t == title })
	}
	p.Added[n-1].Jobs = append(p.Added[n-1].Jobs, title)
}

// settle drops added runs of which everything was measured again.
func (p *Report) settle() {
	p.Added = slices.DeleteFunc(p.Added, func(a Added) bool { return len(a.Jobs) == 0 })
}

// Folder is the memory of a folder run.
type Folder struct {
	Images  int     `json:"images"`
	Memory  int64   `json:"memory"`
	Seconds float64 `json:"seconds"`
}

// Rate returns the images per second.
func (f Folder) Rate() float64 { return float64(f.Images) / f.Seconds }

// Outcome is a goal and its measurement. Measured is 0 if there is none.
type Outcome struct {
	Job      string  `json:"job"`
	To       string  `json:"to"`
	AtLeast  float64 `json:"at_least,omitempty"`
	AtMost   float64 `json:"at_most,omitempty"`
	Measured float64 `json:"measured,omitempty"`
}

// Met reports whether the goal was reached.
func (o Outcome) Met() bool {
	if o.AtMost > 0 {
		return o.Measured > 0 && o.Measured <= o.AtMost
	}
	return o.Measured >= o.AtLeast
}

// Median returns the median of the rounds; 0 if there are none.
func (r Result) Median() float64 { return median(r.Values) }

// Spread returns the lowest and the highest of the rounds.
func (r Result) Spread() string {
	if len(r.Values) == 0 {
		return ""
	}
	return figure(slices.Min(r.Values)) + " to " + figure(slices.Max(r.Values))
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(values))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// find returns a contestant's result for a job; without values if there is none.
func (p *Report) find(job, contestant string) Result {
	for _, r := range p.Results {
		if r.Job == job && r.Contestant == contestant {
			return r
		}
	}
	return Result{}
}

// ratio returns how many times better oscar is at a job: the median of the ratios of
// rounds with the same number; 0: unknown.
func (p *Report) ratio(j job, contestant string) float64 {
	ours, theirs := p.find(j.Name, own(j)).Values, p.find(j.Name, contestant).Values
	if len(ours) != len(theirs) {
		return 0
	}
	var ratios []float64
	for i := range ours {
		ratios = append(ratios, j.ratio(ours[i], theirs[i]))
	}
	return median(ratios)
}

// best returns the result with the highest median of a job.
func (p *Report) best(job string) (best Result) {
	for _, r := range p.Results {
		if r.Job == job && r.Median() > best.Median() {
			best = r
		}
	}
	return best
}

// problems returns an error that names the contestants without values.
func (p *Report) problems() error {
	var out []error
	for _, r := range p.Results {
		if r.Problem != "" {
			out = append(out, fmt.Errorf("%s, %s: %s", r.Job, r.Contestant, r.Problem))
		}
	}
	return errors.Join(out...)
}

// judge compares the goals with the measurements.
func (p *Report) judge() {
	p.Goals = nil
	for _, g := range goals {
		j := jobOf(g.Job)
		o := Outcome{Job: j.Title, To: g.To, AtLeast: g.AtLeast}
		switch g.To {
		case toLimit:
			if limit := p.limit(); limit > 0 {
				o.Measured = p.find(j.Name, oscar).Median() / limit
			}
		case toQuickest:
			for _, c := range of(j) {
				if r := p.ratio(j, c.Name); c.Script != nil && r > 0 && (o.Measured == 0 || r < o.Measured) {
					o.Measured = r
				}
			}
		default:
			o.Measured = p.ratio(j, g.To)
		}
		p.Goals = append(p.Goals, o)
	}
	if n := len(p.Folders); n > 1 {
		few, many := p.Folders[0], p.Folders[n-1]
		p.Goals = append(p.Goals, Outcome{
			Job: fmt.Sprintf("Memory of a folder run of %d images", many.Images), To: fmt.Sprintf("one of %d", few.Images),
			AtMost: flatGoal, Measured: float64(many.Memory) / float64(few.Memory),
		})
	}
}

// limit returns the images per second that the machine could train on: the operations of a
// batch at the rate of the best matrix product, and Adam's passes over memory at
// that of the best copy.
func (p *Report) limit() float64 {
	product, copied := p.best(matmul).Median(), p.best(copying).Median()
	if product == 0 || copied == 0 {
		return 0
	}
	sums, bytes := trainingCost()
	return batch / (batch*sums/(product*1e9) + bytes/(copied*1e9))
}

// trainingCost returns the cost of training: floating-point operations per image, and
// bytes that Adam reads and writes per step (weights, gradients and two moments;
// all but the gradients are written again). The backward pass of a layer costs twice as
// much as the forward pass, except for the first layer, whose input needs no gradient.
func trainingCost() (sums, bytes float64) {
	a := alexnet()
	shapes, err := a.Shapes()
	if err != nil {
		panic(err) // AlexNet02 is well formed
	}
	times := 2.0
	for i, layer := range a.Layers {
		out := shapes[i+1]
		for _, p := range layer.Layer.Params(shapes[i]) {
			n := 1
			for _, d := range p.Shape {
				n *= d
			}
			if p.Trainable {
				bytes += 7 * 4 * float64(n)
			}
			if p.Role != "kernel" {
				continue
			}
			places := out.Elements() / out[len(out)-1]
			sums += 2 * times * float64(n*places)
			times = 3
		}
	}
	return sums, bytes
}

func jobOf(name string) job {
	for _, j := range jobs {
		if j.Name == name {
			return j
		}
	}
	return job{Name: name, Title: name, Work: name}
}

// figure formats three significant digits.
func figure(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func memory(bytes int64) string { return machine.GiB(bytes) }
