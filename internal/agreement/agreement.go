// Package agreement records, in tests, how close oscar's numbers are to those of other programs.
// [Check] compares a difference with its bound. The lines of all tests are docs/correctness.md, so
// that every number there was measured:
//
//	agreement.Check(t, agreement.Line{
//		Group: agreement.CAM, Subject: "gradcam", Model: "tiny", Oracle: "pytorch-grad-cam 1.5.7",
//		Compared: "raw map at conv5", Difference: d, Of: "its largest value", Bound: 1e-4,
//	})
//
// A package with such tests has a TestMain that calls [Main]. It fails if the page lacks one
// of the package's lines, or has one that no test writes. `make correctness` writes the page.
package agreement

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Line is one comparison. Lines that differ only in Difference become one line of the page, with the
// largest difference.
type Line struct {
	Group      Group
	Subject    string // the name in oscar's tables: "gradcam"
	Model      string // "tiny", "AlexNet02", "hand-made"; "" if there is none
	Oracle     string // the program that computed the numbers, with its version
	Compared   string // the compared quantity
	Difference float64
	Of         string // the reference of a relative Difference; "" if it is absolute
	Bound      float64
	Test       string // folder of the package; set by Check
}

// Group is a table of the page.
type Group string

// The groups, in the page's order.
const (
	CAM        Group = "Class activation maps"
	Gradients  Group = "Gradients at the image"
	Relevance  Group = "Relevance and guided backpropagation"
	BlackBox   Group = "Black box"
	Global     Group = "Global explanations"
	Score      Group = "Scores of explanations"
	Signature  Group = "Signatures of exported models"
	Layer      Group = "Layers, initial values, training"
	Metric     Group = "Classification"
	Instances  Group = "Objects and their masks"
	Identities Group = "Identities"
	BFloat16   Group = "bfloat16 and float32"
)

var groups = []Group{CAM, Gradients, Relevance, BlackBox, Global, Score, Signature, Layer, Metric, Instances, Identities, BFloat16}

// TwinOnly is the Oracle of a method or metric that no other program has. It is compared only with
// its slow twin, a test's plain implementation of the equation. One line covers all networks.
const TwinOnly = "its slow twin only"

// Folder is the environment variable with a folder for the lines of a test run, in one file per
// package.
const Folder = "OSCAR_CORRECTNESS"

var written struct {
	sync.Mutex
	lines []Line
}

// Check fails the test unless the difference is finite and within the bound. It records the line.
func Check(t testing.TB, l Line) {
	t.Helper()
	if problem := l.problem(); problem != "" {
		t.Fatalf("a line of docs/correctness.md: %s: %+v", problem, l)
	}
	if !(l.Difference <= l.Bound) {
		t.Errorf("%s, %s: apart from %s by %.2g, more than %.2g", l.title(), l.Compared, l.Oracle, l.Difference, l.Bound)
	}
	t.Logf("%s, %s: apart from %s by %.1e", l.title(), l.Compared, l.Oracle, l.Difference)
	var err error
	if l.Test, err = test(); err != nil {
		t.Fatal(err)
	}
	written.Lock()
	defer written.Unlock()
	written.lines = append(written.lines, l)
	if dir := os.Getenv(Folder); dir != "" {
		if err := l.append(dir); err != nil {
			t.Fatal(err)
		}
	}
}

func (l Line) title() string {
	if l.Model == "" {
		return l.Subject
	}
	return l.Subject + " of " + l.Model
}

func (l Line) problem() string {
	known := false
	for _, g := range groups {
		known = known || g == l.Group
	}
	switch {
	case !known:
		return fmt.Sprintf("no group %q", l.Group)
	case l.Subject == "" || l.Oracle == "" || l.Compared == "":
		return "it lacks a subject, an oracle or what is compared"
	case strings.ContainsAny(l.Subject+l.Model+l.Oracle+l.Compared+l.Of, "|\n"):
		return "it holds a bar or an end of line"
	case !(l.Bound >= 0):
		return "its bound is none"
	case l.Difference < 0:
		return "its difference is negative"
	}
	return ""
}

// append adds the line to the package's file.
func (l Line) append(dir string) error {
	if math.IsNaN(l.Difference) || math.IsInf(l.Difference, 0) {
		return nil // the test has failed, and JSON cannot represent the number
	}
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	name := strings.ReplaceAll(l.Test, "/", "-") + ".jsonl"
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// Root returns the module's folder, which contains go.mod. Tests run in their package's folder.
func Root() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod above the test")
		}
	}
	return "", err
}

// test returns the folder of the package under test, as the page has it.
func test() (string, error) {
	top, err := Root()
	if err != nil {
		return "", err
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	name, err := filepath.Rel(top, dir)
	return filepath.ToSlash(name), err
}

// Apart returns the largest difference of two lists, relative to the largest absolute value of want.
// It is NaN if one has a NaN or they differ in length, and 0 if both are zero.
func Apart[G, W float32 | float64](got []G, want []W) float64 {
	if len(got) != len(want) || len(want) == 0 {
		return math.NaN()
	}
	var apart, largest float64
	for i, w := range want {
		d := math.Abs(float64(got[i]) - float64(w))
		if math.IsNaN(d) {
			return d
		}
		apart, largest = max(apart, d), max(largest, math.Abs(float64(w)))
	}
	if apart == 0 {
		return 0
	}
	return apart / largest
}

// Kinked is the bound for gradients of AlexNet02 at arbitrary points, such as the 20 steps
// of integrated gradients. Some of its million units are so close to a kink of ReLU or max
// pooling that float32 rounds them to the other side, where the gradient is different.
// PyTorch's float32 differs as much from its float64. At points without such a unit use the
// usual bound.
const Kinked = 2e-2
