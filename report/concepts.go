package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"oscar/global"
	"oscar/report/page"
)

// tree shows the surrogate decision tree and its agreement with the model.
func (g *globalChapter) tree() page.Section {
	s := g.Tree
	section := page.Section{Title: "A decision tree that imitates the model"}
	if s.Tree == nil || s.Tree.Root == nil {
		section.Blocks = []page.Block{page.Text("There is no tree: " + s.Reason + ".")}
		return section
	}
	a := s.Agreement
	matrix := page.Matrix(a.Confusion)
	matrix.Caption = "Predictions of the model (rows) and of the tree (columns) on held-out images"
	if matrix.Dense {
		matrix.Corner = "model \\ tree"
	}
	section.Blocks = []page.Block{
		page.Text(strings.TrimSpace(fmt.Sprintf("The tree predicts the model's prediction from named features of the image and its map. It was grown on %s. It explains the model only to the extent of their agreement. %s",
			page.Count(s.Grown, "image"), s.StrategyNote()))),
		page.Facts{
			{Name: "Agrees", Value: fmt.Sprintf("%s of %s held out (95 %%: %s)", page.Percent(a.Share), page.Count(a.Images, "image"), page.PercentRange(a.Interval[0], a.Interval[1]))},
			{Name: "By chance", Value: page.Percent(a.Majority) + ", by always predicting the most frequent class"},
			{Name: "Without maps", Value: page.Percent(s.ImageOnly.Share) + ", by a tree with features of the image alone"},
			{Name: "Size", Value: fmt.Sprintf("%s, %s deep", counted(s.Leaves, "leaf", "leaves"), page.Count(s.Depth, "question"))},
		},
		branches(s.Tree, s.Tree.Root, ""),
		page.Fold{Title: "The features and their importance", Blocks: []page.Block{importances(s.Tree)}},
		page.Fold{Title: "Agreement by class", Blocks: []page.Block{matrix}},
	}
	return section
}

// branches returns a node and its branches as an outline.
func branches(t *global.Tree, n *global.Node, lead string) page.Outline {
	if n.Leaf() {
		return page.Outline{{Lead: lead, Text: t.Classes[n.Class], Note: fmt.Sprintf("%d of %d", n.Counts[n.Class], n.Samples)}}
	}
	yes, no := t.Answers(n)
	return page.Outline{{
		Lead: lead, Text: strings.Replace(t.Question(n), "<=", "≤", 1) + "?", Note: page.Count(n.Samples, "image"),
		Branches: append(branches(t, yes, "yes"), branches(t, no, "no")...),
	}}
}

// importances returns the features, the most important first.
func importances(t *global.Tree) page.Table {
	out := page.Table{Caption: "Gini importance of each feature; 0: the tree does not use it", Corner: "feature",
		Columns: []page.Column{{Name: "share"}, {Name: "description", Text: true}}}
	order := make([]int, len(t.Features))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(t.Importances[b], t.Importances[a]) })
	for _, i := range order {
		cell := page.Cell{Text: page.Number(t.Importances[i]), Span: &page.Span{Middle: t.Importances[i], High: t.Importances[i]}}
		if t.Importances[i] == 0 {
			cell = page.Cell{Text: "0", Tone: page.Faint}
		}
		out.Rows = append(out.Rows, page.Row{Name: t.Features[i].Name, Cells: []page.Cell{cell, {Text: t.Features[i].About}}})
	}
	return out
}

// concepts shows which concept influences which class.
func (g *globalChapter) concepts() page.Section {
	c := g.TCAV
	from := "of the data"
	if c.RandomFrom == "concepts" {
		from = "of the folder random"
	}
	answers := page.Table{
		Caption: "TCAV score: the share of a class's images whose logit rises with a step towards the concept", Corner: "concept",
		Legend: page.List{
			fmt.Sprintf("Blue: more images than along random directions; orange: fewer. Both: %s. Gray: not significant.", c.Threshold()),
			"p: of a t-test against random directions. It assumes that the scores of a concept are independent, which is not quite true: a small p is too optimistic.",
		},
	}
	every := page.Table{Caption: "All concepts and classes: means and standard deviations over the experiments", Corner: "concept", Columns: []page.Column{
		{Name: "class", Text: true}, {Name: "score"}, {Name: "random"}, {Name: "p"}, {Name: "accuracy"}, {Name: "verdict", Text: true}}}
	for _, concept := range c.Concepts {
		row := page.Row{Name: concept.Concept, Note: page.Count(concept.Images, "image")}
		for i, s := range concept.Classes {
			if len(answers.Columns) == i {
				answers.Columns = append(answers.Columns, page.Column{Name: s.Class})
			}
			row.Cells = append(row.Cells, answer(s.Sensitivity))
			line := page.Row{Name: concept.Concept, Cells: []page.Cell{{Text: s.Class}, {Text: "–", Tone: page.Faint}, {Text: "–", Tone: page.Faint}, {Text: "–", Tone: page.Faint}, {Text: "–", Tone: page.Faint}, {Text: s.Reason}}}
			if s.Verdict != global.TooFewImages {
				line.Cells = []page.Cell{{Text: s.Class}, {Text: fmt.Sprintf("%.2f ± %.2f", s.Score, s.Deviation)}, {Text: fmt.Sprintf("%.2f ± %.2f", s.RandomScore, s.RandomDeviation)},
					{Text: fmt.Sprintf("%.2g", s.P)}, {Text: page.Percent(float64(s.Accuracy))}, {Text: s.Words()}}
			}
			every.Rows = append(every.Rows, line)
		}
		answers.Rows = append(answers.Rows, row)
	}
	if len(answers.Columns) > len(answers.Rows) {
		answers = answers.Turned("class")
	}
	return page.Section{Title: "Concepts", Blocks: []page.Block{
		page.Text(fmt.Sprintf("A concept is a folder of images. A linear classifier separates them from %[2]s %[3]s, by the activations of layer %[1]s. The score (TCAV) is the share of a class's images whose logit rises in the direction of the concept.",
			c.Layer, page.Count(c.Random, "random image"), from)),
		answers, page.Fold{Title: "All concepts and classes in numbers", Blocks: []page.Block{every}},
	}}
}

// answer returns the cell of a concept and a class, with its verdict.
func answer(s global.Sensitivity) page.Cell {
	switch s.Verdict {
	case global.TooFewImages:
		return page.Cell{Text: "–", Note: "too few", Tone: page.Faint}
	case global.Significant:
		cell := page.Cell{Text: fmt.Sprintf("%.2f", s.Score), Note: fmt.Sprintf("p %.2g", s.P), Tone: page.Good, Level: 3, Means: s.Words()}
		if s.Score < s.RandomScore {
			cell.Tone = page.Bad
		}
		return cell
	}
	return page.Cell{Text: fmt.Sprintf("%.2f", s.Score), Note: fmt.Sprintf("p %.2g", s.P), Tone: page.Faint}
}

// setup lists the settings.
func (g *globalChapter) setup() []page.Block {
	methods := slices.Compact(slices.DeleteFunc([]string{g.AverageMethod, g.MapMethod}, func(m string) bool { return m == "" }))
	return []page.Block{page.Facts{
		{Name: "Images", Value: fmt.Sprintf("%s, of the %s", page.Thousands(g.Images), partName(g.Part))},
		{Name: "Methods", Value: cmp.Or(strings.Join(methods, ", "), "none")},
		{Name: "Layer", Value: g.Settings.Layer},
		{Name: "Precision", Value: g.Settings.Precision.String()},
		{Name: "Seed", Value: fmt.Sprint(g.Settings.Seed)},
		{Name: "Model", Value: "fingerprint " + g.Settings.Model},
	}}
}
