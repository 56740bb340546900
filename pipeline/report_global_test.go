package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/global"
	"oscar/internal/atomicfile"
	"oscar/report"
	"oscar/report/page"
	"oscar/report/reporttest"
	"oscar/result"
)

func TestReportOfGlobalExplanations(t *testing.T) {
	o := globalOptions(t)
	o.Concepts = concepts(t)
	result := explainGlobal(t, o)
	p := reported(t, o.Out)
	p.Want("h1", "What the model goes by")
	p.Want("h2", "Where the model looks for each class", "Strategies", "A decision tree that imitates the model", "Concepts", "What was run")
	pictures := p.All("img")
	for i, a := range result.Averages {
		if a.N == 0 {
			continue
		}
		p.Want("img", fmt.Sprintf("Mean of the %d photographs of class %s that are classified correctly", a.N, a.Class),
			fmt.Sprintf("Mean of their maps of gradcam for class %s", a.Class), "Standard deviation of the maps of class "+a.Class)
		p.Want("tr", fmt.Sprintf("%s %d %d %d %s %s", a.Class, a.Images, a.Recognized, a.N, page.Number(float64(a.Dispersion)), page.Number(float64(a.Center))))
		for k, c := range result.SpRAy[i].Clusters {
			p.Want("img", fmt.Sprintf("Mean map of strategy %d of class %s", k+1, a.Class))
			for n := range c.Examples {
				p.Want("img", fmt.Sprintf("Map on a photograph of class %s, number %d by nearness to strategy %d", a.Class, n+1, k+1))
			}
		}
	}
	if len(pictures) == 0 {
		t.Error("there is no picture")
	}
	// Every leaf of the tree, and every question.
	small := p.All("small")
	var walk func(n *global.Node)
	walk = func(n *global.Node) {
		if n.Leaf() {
			p.Want("b", result.Tree.Tree.Classes[n.Class])
			if !slices.Contains(small, fmt.Sprintf("%d of %d", n.Counts[n.Class], n.Samples)) {
				t.Errorf("no leaf has %d of %d", n.Counts[n.Class], n.Samples)
			}
			return
		}
		if question := strings.Replace(result.Tree.Tree.Question(n), "<=", "≤", 1) + "?"; !slices.ContainsFunc(p.All("li"), func(line string) bool { return strings.Contains(line, question) }) {
			t.Errorf("the tree does not ask %q", question)
		}
		walk(n.Left)
		walk(n.Right)
	}
	walk(result.Tree.Tree.Root)
	if len(p.Text) > page.Budget || strings.Contains(string(p.Text), o.Data) || strings.Contains(string(p.Text), "<script") {
		t.Errorf("the report takes %d bytes, tells of %s, or runs a script", len(p.Text), o.Data)
	}
	if again := reported(t, o.Out); string(again.Text) != string(p.Text) {
		t.Error("the same folder gives another report")
	}
	reporttest.Look(t, p.Path)
}

// What was found decides the colors: concepts that matter, and those that do not.
func TestReportOfConcepts(t *testing.T) {
	of := func(class string, score, p result.Number, v global.Verdict) global.ClassSensitivity {
		return global.ClassSensitivity{Class: class, Sensitivity: global.Sensitivity{Images: 30, Score: score, RandomScore: 0.5, P: p, Accuracy: 0.9, HeldOut: 20, Verdict: v, Reason: "for a reason"}}
	}
	dir := t.TempDir()
	g := Global{Format: 1, Part: "test", Settings: DefaultSettings(), Global: global.DefaultSettings(), Classes: []string{"box", "can"}, Images: 60, Unreadable: 2,
		SpRAy: []global.ClassSpRAy{{Class: "box", Strategies: global.Strategies{N: 30, K: 2, Found: global.ByGap}, Structure: "weak",
			Clusters: []global.ClassCluster{{Size: 20, Images: []string{"box/1.png"}, Examples: []string{""}}, {Size: 10}}}},
		Tree: &global.Surrogate{Reason: "2 images, want at least 20"},
		TCAV: &global.Concepts{Layer: "conv5", Random: 40, RandomFrom: "concepts", Comparisons: 6, Concepts: []global.Concept{
			{Concept: "red", Images: 20, Classes: []global.ClassSensitivity{of("box", 1, 0.0001, global.Significant), of("can", 0.1, 0.002, global.Significant)}},
			{Concept: "grain", Images: 20, Classes: []global.ClassSensitivity{of("box", 0.9, 0.2, global.NotSignificant), of("can", 0.6, 0.5, global.NoConcept)}},
			{Concept: "rare", Images: 3, Classes: []global.ClassSensitivity{of("box", 0, 1, global.TooFewImages), of("can", 0, 1, global.TooFewImages)}},
		}},
	}
	if err := atomicfile.WriteJSON(filepath.Join(dir, globalFile), g); err != nil {
		t.Fatal(err)
	}
	p := reported(t, dir)
	p.Want("dd", "2 of 6 pairs of a concept and a class", "1 of 1")
	p.Want("p", "There is no tree: 2 images, want at least 20.", "the picture is missing", "the map is missing")
	p.Want("h3", "box, strategy 1 of 2", "box, strategy 2 of 2")
	p.Want("td", "1.00 (more than random) p 0.0001", "0.10 (fewer than random) p 0.002", "0.90 p 0.2", "– too few", "accuracy no better than chance", "for a reason", "20, 10")
	p.Want("li", "2 images could not be read", "Blue: more images than along random directions; orange: fewer. Both: p at most 0.0083 (0.05 over 6 comparisons). Gray: not significant.")
	reporttest.Look(t, p.Path)

	g.SpRAy, g.Tree, g.TCAV = nil, nil, nil
	if err := atomicfile.WriteJSON(filepath.Join(dir, globalFile), g); err != nil {
		t.Fatal(err)
	}
	_, err := report.Write(t.Context(), report.Options{Dirs: []string{dir}})
	wantError(t, err, filepath.Join(dir, globalFile)+" has nothing to report")
}

// Global explanations below a run come with its report.
func TestReportOfGlobalBelowARun(t *testing.T) {
	run := finishedRun(t)
	o := globalOptions(t)
	o.Out, o.Global.What = filepath.Join(run.Dir, "global"), []string{global.MethodAverages}
	explainGlobal(t, o)
	p := reported(t, run.Dir)
	p.Want("h2", "Learning curves", "Where the model looks for each class")
	p.Want("h3", "The global explanations: global")
	if err := os.RemoveAll(filepath.Join(run.Dir, "global", "averages")); err != nil {
		t.Fatal(err)
	}
	reported(t, run.Dir).Want("p", "the picture is missing")
}
