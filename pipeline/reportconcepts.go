package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"oscar/global"
	"oscar/report"
)

// tree shows the questions, and how far they are to be believed.
func (p *panorama) tree() report.Section {
	s := p.Tree
	section := report.Section{Title: "The model as a tree of questions"}
	if s.Tree == nil || s.Tree.Root == nil {
		section.Blocks = []report.Block{report.Text("There is no tree: " + s.Reason + ".")}
		return section
	}
	a := s.Agreement
	matrix := report.Matrix(a.Confusion)
	matrix.Caption = "What the model says (rows) and what the tree says (columns), of the images that it was not grown on"
	if matrix.Dense {
		matrix.Corner = "model \\ tree"
	}
	section.Blocks = []report.Block{
		report.Text(strings.TrimSpace(fmt.Sprintf("A decision tree that imitates the model by named features of image and map, grown on %s. An answer is as good as the tree is like the model. %s",
			report.Count(s.Grown, "image"), s.strategies()))),
		report.Facts{
			{Name: "Agrees", Value: fmt.Sprintf("on %s of %s that it was not grown on (95 %%: %s)", report.Percent(a.Share), report.Count(a.Images, "image"), report.PercentRange(a.Interval[0], a.Interval[1]))},
			{Name: "By chance", Value: report.Percent(a.Majority) + ", by the most frequent class alone"},
			{Name: "Without maps", Value: report.Percent(s.ImageOnly.Share) + ", by features of the image alone"},
			{Name: "Size", Value: fmt.Sprintf("%s, %s deep", counted(s.Leaves, "leaf", "leaves"), report.Count(s.Depth, "question"))},
		},
		branches(s.Tree, s.Tree.Root, ""),
		report.Fold{Title: "The features, and how much each of them tells", Blocks: []report.Block{importances(s.Tree)}},
		report.Fold{Title: "Where tree and model agree", Blocks: []report.Block{matrix}},
	}
	return section
}

// branches writes a node and what lies below it.
func branches(t *global.Tree, n *global.Node, lead string) report.Outline {
	if n.Leaf() {
		return report.Outline{{Lead: lead, Text: t.Classes[n.Class], Note: fmt.Sprintf("%d of %d", n.Counts[n.Class], n.Samples)}}
	}
	yes, no := t.Answers(n)
	return report.Outline{{
		Lead: lead, Text: strings.Replace(t.Question(n), "<=", "≤", 1) + "?", Note: report.Count(n.Samples, "image"),
		Branches: append(branches(t, yes, "yes"), branches(t, no, "no")...),
	}}
}

// importances lists the features that the tree was offered, the most telling first.
func importances(t *global.Tree) report.Table {
	out := report.Table{Caption: "A feature's share in telling the classes apart (Gini); 0: the tree never asks for it", Corner: "feature",
		Columns: []report.Column{{Name: "share"}, {Name: "what it is", Text: true}}}
	order := make([]int, len(t.Features))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(t.Importances[b], t.Importances[a]) })
	for _, i := range order {
		cell := report.Cell{Text: report.Number(t.Importances[i]), Span: &report.Span{Middle: t.Importances[i], High: t.Importances[i]}}
		if t.Importances[i] == 0 {
			cell = report.Cell{Text: "0", Tone: report.Faint}
		}
		out.Rows = append(out.Rows, report.Row{Name: t.Features[i].Name, Cells: []report.Cell{cell, {Text: t.Features[i].About}}})
	}
	return out
}

// concepts shows which concept moves which class.
func (p *panorama) concepts() report.Section {
	c := p.TCAV
	from := "of the data"
	if c.RandomFrom == "concepts" {
		from = "of the folder random"
	}
	answers := report.Table{
		Caption: "Share of a class's images whose logit a step towards the concept raises", Corner: "concept",
		Legend: report.List{
			fmt.Sprintf("Blue: more than random, more images than along random directions; orange: fewer than random. Both: %s. Grey: neither.", c.Threshold()),
			"p: of a t-test against random directions, for which every score of a concept counts as independent; a large p is to be believed more than a small one.",
		},
	}
	every := report.Table{Caption: "Every concept and class: means and deviations over the experiments", Corner: "concept", Columns: []report.Column{
		{Name: "class", Text: true}, {Name: "score"}, {Name: "random"}, {Name: "p"}, {Name: "told right"}, {Name: "verdict", Text: true}}}
	for _, concept := range c.Concepts {
		row := report.Row{Name: concept.Concept, Note: report.Count(concept.Images, "image")}
		for i, s := range concept.Classes {
			if len(answers.Columns) == i {
				answers.Columns = append(answers.Columns, report.Column{Name: s.Class})
			}
			row.Cells = append(row.Cells, answer(s.Sensitivity))
			line := report.Row{Name: concept.Concept, Cells: []report.Cell{{Text: s.Class}, {Text: "–", Tone: report.Faint}, {Text: "–", Tone: report.Faint}, {Text: "–", Tone: report.Faint}, {Text: "–", Tone: report.Faint}, {Text: s.Reason}}}
			if s.Verdict != global.TooFewImages {
				line.Cells = []report.Cell{{Text: s.Class}, {Text: fmt.Sprintf("%.2f ± %.2f", s.Score, s.Deviation)}, {Text: fmt.Sprintf("%.2f ± %.2f", s.RandomScore, s.RandomDeviation)},
					{Text: fmt.Sprintf("%.2g", s.P)}, {Text: report.Percent(s.Accuracy)}, {Text: s.Words()}}
			}
			every.Rows = append(every.Rows, line)
		}
		answers.Rows = append(answers.Rows, row)
	}
	if len(answers.Columns) > len(answers.Rows) {
		answers = answers.Turned("class")
	}
	return report.Section{Title: "Concepts", Blocks: []report.Block{
		report.Text(fmt.Sprintf("Concepts are folders of images. Each is told, at layer %s, from %s %s; then it is asked how many images of a class a step in that direction moves (TCAV).",
			c.Layer, report.Count(c.Random, "random image"), from)),
		answers, report.Fold{Title: "Every concept and class in numbers", Blocks: []report.Block{every}},
	}}
}

// answer is TCAV's for a concept and a class.
func answer(s global.Sensitivity) report.Cell {
	switch s.Verdict {
	case global.TooFewImages:
		return report.Cell{Text: "–", Note: "too few", Tone: report.Faint}
	case global.Significant:
		cell := report.Cell{Text: fmt.Sprintf("%.2f", s.Score), Note: fmt.Sprintf("p %.2g", s.P), Tone: report.Good, Level: 3, Means: s.Words()}
		if s.Score < s.RandomScore {
			cell.Tone = report.Bad
		}
		return cell
	}
	return report.Cell{Text: fmt.Sprintf("%.2f", s.Score), Note: fmt.Sprintf("p %.2g", s.P), Tone: report.Faint}
}

// setup is how it was explained, and how to do it again.
func (p *panorama) setup() []report.Block {
	s, d, g, e := p.Global.Settings, DefaultSettings(), p.Global.Global, DefaultGlobalSettings()
	command := "oscar explain-global MODEL DATA --out DIR"
	if p.TCAV != nil {
		command += " --concepts CONCEPTS"
	}
	for _, f := range []struct{ flag, value, plain string }{
		{"what", strings.Join(g.What, ","), ""}, {"split", p.Part, "all"}, {"class", s.Class, TargetAll}, {"method", s.Method, ""}, {"layer", s.Layer, ""},
		{"rules", s.Rules, d.Rules}, {"side", fmt.Sprint(g.Side), fmt.Sprint(e.Side)}, {"neighbours", fmt.Sprint(g.Neighbours), fmt.Sprint(e.Neighbours)},
		{"depth", fmt.Sprint(g.Depth), fmt.Sprint(e.Depth)}, {"min-leaf", fmt.Sprint(g.MinLeaf), fmt.Sprint(e.MinLeaf)},
		{"experiments", fmt.Sprint(g.Experiments), fmt.Sprint(e.Experiments)}, {"seed", fmt.Sprint(s.Seed), fmt.Sprint(d.Seed)},
	} {
		if f.value != f.plain {
			command += " --" + f.flag + " " + f.value
		}
	}
	if g.Pooled {
		command += " --pooled"
	}
	both := p.draws.methods()
	methods := slices.Compact(slices.DeleteFunc(both[:], func(m string) bool { return m == "" }))
	return []report.Block{
		report.Facts{
			{Name: "Images", Value: fmt.Sprintf("%s, of the part %s", report.Thousands(p.Images), p.Part)},
			{Name: "Methods", Value: cmp.Or(strings.Join(methods, ", "), "none")},
			{Name: "Layer", Value: s.Layer},
			{Name: "Seed", Value: fmt.Sprint(s.Seed)},
			{Name: "Model", Value: "fingerprint " + s.Model},
		},
		report.Text("To do it again:"), report.Code(command),
	}
}
