package main

import (
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/internal/atomicfile"
	"oscar/internal/machine"
	"oscar/internal/npy"
)

// A contestant names jobs that there are; every job has oscar, and somebody to be
// measured beside; goals speak of jobs and contestants that there are.
func TestTables(t *testing.T) {
	have := map[string]bool{}
	for _, j := range jobs {
		if have[j.Name] {
			t.Errorf("two jobs %s", j.Name)
		}
		have[j.Name] = true
		who := of(j)
		if len(who) < 2 || who[0].Name != reference(j).Name {
			t.Errorf("%s is done by %v; want %s first, and others", j.Name, who, reference(j).Name)
		}
	}
	names := map[string]bool{toLimit: true, toQuickest: true}
	for _, c := range contestants {
		if names[c.Name] {
			t.Errorf("two contestants %s", c.Name)
		}
		names[c.Name] = true
		for _, name := range append(slices.Clone(c.Jobs), c.BFloat16...) {
			if !have[name] {
				t.Errorf("%s does %s, which is no job", c.Name, name)
			}
		}
		if c.Does != "" && (!have[c.Does] || c.Script != nil) {
			t.Errorf("%s does %s in another's place", c.Name, c.Does)
		}
		if (c.Packages == "") != (c.Script == nil) {
			t.Errorf("%s has packages %q and the script %v", c.Name, c.Packages, c.Script)
		}
		if c.Script != nil {
			if found, _ := filepath.Glob(c.Script[0]); found == nil {
				t.Errorf("%s has no script %s", c.Name, c.Script[0])
			}
		}
	}
	for _, g := range goals {
		if !have[g.Job] || !names[g.To] || g.AtLeast <= 0 {
			t.Errorf("goal %+v", g)
		}
	}
}

func TestRoundsTakeTheTimeWanted(t *testing.T) {
	j := job{Batch: 32, Amount: 1}
	for _, c := range []struct {
		had     int
		seconds float64
		least   int
		most    int
		want    int
	}{
		{32, 1, 0, 0, 256},     // 8 s at 32 a second
		{32, 100, 0, 0, 32},    // never less than a batch
		{32, 100, 128, 0, 128}, // or than the least
		{32, 1, 0, 160, 160},   // or more than the most
	} {
		j.Least, j.Most = c.least, c.most
		if got := j.pieces(c.had, c.seconds, 8); got != c.want {
			t.Errorf("%+v: %d pieces", c, got)
		}
	}
}

// 200 images in 4 s beside 100 in 4 s is twice as good, as is 2 s an image
// beside 4 s.
func TestRatios(t *testing.T) {
	rate, wait := job{Amount: 1}, job{Amount: 1, Less: true}
	if got := rate.ratio(rate.value(200, 4), rate.value(100, 4)); got != 2 {
		t.Errorf("rates: %g", got)
	}
	if got := wait.ratio(wait.value(1, 2), wait.value(2, 8)); got != 2 {
		t.Errorf("times: %g", got)
	}
	// The machine slows down in the third round, for both: by the medians of
	// 30 and 20 it would be 1.5.
	p := &Report{Results: []Result{{Job: train, Contestant: oscar, Values: []float64{40, 30, 10}}, {Job: train, Contestant: "Keras", Values: []float64{20, 20, 5}}}}
	if got := p.ratio(jobOf(train), "Keras"); got != 2 {
		t.Errorf("median of rounds: %g", got)
	}
	if got := p.ratio(jobOf(train), "PyTorch"); got != 0 {
		t.Errorf("beside nobody: %g", got)
	}
	if got := median([]float64{4, 1, 3, 2}); got != 2.5 {
		t.Errorf("median %g", got)
	}
}

// By hand: sums are twice the multiplications of
//
//	conv1 55*55*96*363, conv2 27*27*256*2400, conv5 13*13*256*2304,
//	fc1 9216*4096, fc2 4096*4096, fc3 4096*6
//
// three times over, but for conv1, twice; Adam passes seven times over the
// parameters but the 704 that are not trained.
func TestTrainingCost(t *testing.T) {
	sums, bytes := trainingCost()
	want := 2.0 * (2*105_415_200 + 3*(447_897_600+99_680_256+37_748_736+16_777_216+24_576))
	if sums != want {
		t.Errorf("%g operations, want %g", sums, want)
	}
	if want := 7.0 * 4 * (55_799_814 - 704); bytes != want {
		t.Errorf("%g bytes, want %g", bytes, want)
	}
}

func report() *Report {
	p := &Report{
		Command: "make bench", Commit: "abc", Date: "2026-01-02", Processor: "a processor", Processors: 2, Memory: 1 << 33, Load: "0.1, 0.2, 0.3", Rounds: 2,
		Results: []Result{
			{Job: matmul, Contestant: "NumPy", Values: []float64{160, 170}},
			{Job: copying, Contestant: oscar, Values: []float64{16, 18}},
			{Job: train, Contestant: oscar, Values: []float64{30, 34}, Memory: 2 << 30, Version: "TF"},
			{Job: train, Contestant: "Keras", Values: []float64{20, 20}, Memory: 3 << 30, Version: "Keras 3", Note: "fit"},
			{Job: train, Contestant: "PyTorch", Problem: "not installed: a|b"},
			{Job: cold, Contestant: oscar, Values: []float64{1, 1}},
			{Job: cold, Contestant: "Keras", Values: []float64{9, 9}},
			{Job: cold, Contestant: "Captum", Values: []float64{3, 3}},
		},
		Folders: []Folder{{1000, 1 << 30, 10}, {20000, 1 << 30, 200}},
	}
	p.judge()
	return p
}

func TestGoals(t *testing.T) {
	got := map[string]string{}
	for _, o := range report().Goals {
		got[o.Job+" / "+o.To] = figure(o.Measured) + " " + o.Word()
	}
	for key, want := range map[string]string{
		jobOf(train).Title + " / Keras":                        "1.60 met",
		jobOf(train).Title + " / PyTorch":                      "0.00 not measured",
		jobOf(train).Title + " / " + toLimit:                   "0.87 **missed**", // 32 of 36.7
		jobOf(cold).Title + " / " + toQuickest:                 "3.00 **missed**", // of 5
		"Memory of a folder run of 20000 images / one of 1000": "1.00 met",
		jobOf(gradcamJob).Title + " / " + classifying:          "0.00 not measured",
	} {
		if got[key] != want {
			t.Errorf("%s: %q, want %q", key, got[key], want)
		}
	}
}

func TestPage(t *testing.T) {
	page, err := report().Page()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Written by `make bench` on 2026-01-02, at commit abc",
		"a processor, 2 processors, 8.0 GiB of memory",
		"| Keras | 20.0 | 20.0 to 20.0 | 1.60 | 3.0 GiB | Keras 3; fit |",
		"| oscar | 32.0 | 30.0 to 34.0 |  | 2.0 GiB | TF |",
		`| PyTorch |  |  |  |  | not installed: a\|b |`,
		"| 20000 | 1.0 GiB | 100 |",
		"165 GFLOP/s (NumPy)",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "## "+jobOf(lime).Title) {
		t.Error("the page has a table of what was not measured")
	}
	if t.Failed() {
		t.Log(page)
	}
}

// A run that was stopped goes on with its results; another command or commit begins anew.
func TestResume(t *testing.T) {
	file := filepath.Join(t.TempDir(), "partial.json")
	new := func(commit string) *Report {
		p := &Report{Command: "make bench", Commit: commit, Processor: "a processor", Processors: 2, Rounds: 2}
		p.resume(file)
		return p
	}
	if p := new("abc"); p.has(jobOf(train)) {
		t.Error("results without a file")
	}
	if err := atomicfile.WriteJSON(file, report()); err != nil {
		t.Fatal(err)
	}
	if p := new("abc"); !p.has(jobOf(train)) || p.has(jobOf(lime)) || p.Load != "0.1, 0.2, 0.3" {
		t.Errorf("resumed: %+v", p)
	}
	if p := new("def"); p.has(jobOf(train)) {
		t.Error("results of another commit")
	}
}

// A job that is measured again takes the place of what was there, and says so.
func TestAdd(t *testing.T) {
	later := &Report{Command: "make bench -add", Commit: "def", Date: "2026-01-03", Processor: "a processor", Processors: 2, Numbers: "n"}
	p, err := report().with(later)
	if err != nil {
		t.Fatal(err)
	}
	p.put(jobOf(train), []Result{{Job: train, Contestant: oscar, Values: []float64{50, 50}}})
	p.settle()
	p.judge()
	page, err := p.Page()
	if err != nil {
		t.Fatal(err)
	}
	if n := p.find(train, oscar).Median(); n != 50 || p.find(train, "Keras").Values != nil {
		t.Errorf("median %g; Keras %v", n, p.find(train, "Keras"))
	}
	for _, want := range []string{"at commit abc", "by `make bench -add` on 2026-01-03, at commit def:\n" + jobOf(train).Title + "."} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	again, err := p.with(&Report{Commit: "ghi", Processor: "a processor", Processors: 2})
	if err != nil {
		t.Fatal(err)
	}
	again.put(jobOf(train), nil)
	again.settle()
	if len(again.Added) != 1 || again.Added[0].Commit != "ghi" {
		t.Errorf("after a third run: %+v", again.Added)
	}
	later.Processors = 4
	if _, err := report().with(later); err == nil || !strings.Contains(err.Error(), "2 processors a processor, this machine has 4") {
		t.Errorf("another machine: %v", err)
	}
}

func TestDisagreement(t *testing.T) {
	ours, theirs := t.TempDir(), t.TempDir()
	write := func(dir, name string, values ...float32) {
		t.Helper()
		if err := npy.Write(filepath.Join(dir, name+".npy"), []int{len(values)}, values); err != nil {
			t.Fatal(err)
		}
	}
	p := machine.Float32
	check := func(want string) {
		t.Helper()
		got := ""
		if err := disagreement(ours, theirs, p); err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("%q, want %q", got, want)
		}
	}
	write(ours, "logits", -10, 2)
	check("")
	write(theirs, "logits", -10.005, 2.005)
	check("")
	write(theirs, "logits", -10, 2.02)
	check("logits.npy differs by 0.002")
	p = machine.BFloat16
	check("") // 0.02/sqrt(2) of 10
	write(theirs, "logits", -10, 2.3)
	check("logits.npy differs by 0.021")
	p = machine.Float32
	write(theirs, "logits", -10, float32(math.NaN()))
	check("differs by NaN")
	write(theirs, "logits", -10)
	check("logits.npy has 1 values, oscar's 2")
	write(theirs, "logits", -10, 2)
	write(theirs, "heat", 1)
	check("proves heat.npy, which oscar does not")
}

// A worker in shell: chatter before it is ready, two rounds, an end.
func TestProtocol(t *testing.T) {
	w, err := start(contestant{Name: "sh"}, exec.Command("sh", "-c",
		`echo chatter; echo '{"ready":true,"version":"1"}'; while read n; do echo "{\"done\":$n}"; done; exit 0`))
	if err != nil {
		t.Fatal(err)
	}
	if w.Version != "1" {
		t.Errorf("version %q", w.Version)
	}
	for _, n := range []int{32, 64} {
		if seconds, err := w.round(n); err != nil || seconds <= 0 {
			t.Errorf("%g s, %v", seconds, err)
		}
	}
	if err := w.stop(); err != nil || w.peak == 0 {
		t.Errorf("%v, peak %d", err, w.peak)
	}

	_, err = start(contestant{Name: "sh"}, exec.Command("sh", "-c", `echo "Traceback" >&2; echo "ImportError: no such thing" >&2; exit 1`))
	if err == nil || lastLine(err) != "ImportError: no such thing" {
		t.Errorf("%v", err)
	}
}

func TestChoose(t *testing.T) {
	all, err := choose("")
	if err != nil || machine.HasBFloat16() && len(all) != len(jobs) {
		t.Errorf("%d jobs, %v", len(all), err)
	}
	some, err := choose("lime,memory,train")
	if err != nil || !slices.EqualFunc(some, []string{"lime", train}, func(j job, name string) bool { return j.Name == name }) {
		t.Errorf("%v, %v", some, err)
	}
	if _, err := choose("nothing"); err == nil || !strings.Contains(err.Error(), "have matmul, copy, train") {
		t.Errorf("%v", err)
	}
	if !errors.Is((&Report{}).problems(), nil) {
		t.Error("a report without results has problems")
	}
}

// make bench-compare names what benchstat's table, testdata/benchstat.csv, says is slower:
// Decode by a fifth. What may be chance, or is faster, is none.
func TestRegressions(t *testing.T) {
	for _, test := range []struct{ percent, want string }{
		{"5", "oscar: oscar/dataset.Decode-2: 20.0 % slower (sec/op)\n"},
		{"25", ""},
	} {
		cmd := exec.Command("../scripts/bench-regressions", test.percent)
		table, err := os.Open(filepath.Join("testdata", "benchstat.csv"))
		if err != nil {
			t.Fatal(err)
		}
		defer table.Close()
		cmd.Stdin, cmd.Env = table, append(os.Environ(), "GITHUB_ACTIONS=")
		out, err := cmd.CombinedOutput()
		if string(out) != test.want || (err != nil) != (test.want != "") {
			t.Errorf("of more than %s %%: %q, %v; want %q", test.percent, out, err, test.want)
		}
	}
}

// The table of parts has a budget for each; that of how cost grows divides by the line before,
// of the same verb.
func TestPartsAndGrowth(t *testing.T) {
	p := report()
	p.Parts = []Part{{"decode", "dataset.Decode", 2, 2.5}, {"resize", "dataset.Resize", 1.2, 1}}
	p.Growth = &Growth{Command: "make bench -jobs growth", Commit: "def", Costs: []Cost{
		{"train", "1000 images", 1000, "image", 4, 5, 1 << 30},
		{"train", "2000 images", 2000, "image", 9, 15, 1 << 30},
		{"explain", "1000 images", 1000, "image", 1, 1, 1 << 30},
	}}
	page, err := p.Page()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| decode | 2.00 | 2.5 | within | dataset.Decode |", "| resize | 1.20 | 1.0 | **over** | dataset.Resize |", "at commit def",
		"| train | 1000 images | 4.00 | 5.00 | image | 1.0 GiB |  |", "| train | 2000 images | 9.00 | 7.50 | image | 1.0 GiB | 1.50 |",
		"| explain | 1000 images | 1.00 | 1.00 | image | 1.0 GiB |  |",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
}

// Each job has its material; the table of how cost grows makes its own.
func TestMaterial(t *testing.T) {
	for names, want := range map[string][]string{
		train: {classifierMaterial}, detect + "," + detectFolder: {detectorMaterial}, train + "," + detect: {classifierMaterial, detectorMaterial},
		partsJob: {classifierMaterial}, growth: nil, "": {classifierMaterial, detectorMaterial},
	} {
		chosen, err := choose(names)
		if err != nil {
			t.Fatal(err)
		}
		if got := materialOf(chosen, strings.Split(names, ",")); !slices.Equal(got, want) {
			t.Errorf("%q needs %v, want %v", names, got, want)
		}
	}
}
