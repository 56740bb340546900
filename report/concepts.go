package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"oscar/global"
	"oscar/report/page"
)

// tree shows the questions, and how far they are to be believed.
func (g *globalChapter) tree() page.Section {
	s := g.Tree
	section := page.Section{Title: "The model as a tree of questions"}
	if s.Tree == nil || s.Tree.Root == nil {
		section.Blocks = []page.Block{page.Text("There is no tree: " + s.Reason + ".")}
		return section
	}
	a := s.Agreement
	matrix := page.Matrix(a.Confusion)
	matrix.Caption = "What the model says (rows) and what the tree says (columns), of the images that it was not grown on"
	if matrix.Dense {
		matrix.Corner = "model \\ tree"
	}
	section.Blocks = []page.Block{
		page.Text(strings.TrimSpace(fmt.Sprintf("A decision tree that imitates the model by named features of image and map, grown on %s. An answer is as good as the tree is like the model. %s",
			page.Count(s.Grown, "image"), s.StrategyNote()))),
		page.Facts{
			{Name: "Agrees", Value: fmt.Sprintf("on %s of %s that it was not grown on (95 %%: %s)", page.Percent(a.Share), page.Count(a.Images, "image"), page.PercentRange(a.Interval[0], a.Interval[1]))},
			{Name: "By chance", Value: page.Percent(a.Majority) + ", by the most frequent class alone"},
			{Name: "Without maps", Value: page.Percent(s.ImageOnly.Share) + ", by features of the image alone"},
			{Name: "Size", Value: fmt.Sprintf("%s, %s deep", counted(s.Leaves, "leaf", "leaves"), page.Count(s.Depth, "question"))},
		},
		branches(s.Tree, s.Tree.Root, ""),
		page.Fold{Title: "The features, and how much each of them tells", Blocks: []page.Block{importances(s.Tree)}},
		page.Fold{Title: "Where tree and model agree", Blocks: []page.Block{matrix}},
	}
	return section
}

// branches writes a node and what lies below it.
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

// importances lists the features that the tree was offered, the most telling first.
func importances(t *global.Tree) page.Table {
	out := page.Table{Caption: "A feature's share in telling the classes apart (Gini); 0: the tree never asks for it", Corner: "feature",
		Columns: []page.Column{{Name: "share"}, {Name: "what it is", Text: true}}}
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

// concepts shows which concept moves which class.
func (g *globalChapter) concepts() page.Section {
	c := g.TCAV
	from := "of the data"
	if c.RandomFrom == "concepts" {
		from = "of the folder random"
	}
	answers := page.Table{
		Caption: "Share of a class's images whose logit a step towards the concept raises", Corner: "concept",
		Legend: page.List{
			fmt.Sprintf("Blue: more than random, more images than along random directions; orange: fewer than random. Both: %s. Grey: neither.", c.Threshold()),
			"p: of a t-test against random directions, for which every score of a concept counts as independent; a large p is to be believed more than a small one.",
		},
	}
	every := page.Table{Caption: "Every concept and class: means and deviations over the experiments", Corner: "concept", Columns: []page.Column{
		{Name: "class", Text: true}, {Name: "score"}, {Name: "random"}, {Name: "p"}, {Name: "told right"}, {Name: "verdict", Text: true}}}
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
					{Text: fmt.Sprintf("%.2g", s.P)}, {Text: page.Percent(s.Accuracy)}, {Text: s.Words()}}
			}
			every.Rows = append(every.Rows, line)
		}
		answers.Rows = append(answers.Rows, row)
	}
	if len(answers.Columns) > len(answers.Rows) {
		answers = answers.Turned("class")
	}
	return page.Section{Title: "Concepts", Blocks: []page.Block{
		page.Text(fmt.Sprintf("Concepts are folders of images. Each is told, at layer %s, from %s %s; then it is asked how many images of a class a step in that direction moves (TCAV).",
			c.Layer, page.Count(c.Random, "random image"), from)),
		answers, page.Fold{Title: "Every concept and class in numbers", Blocks: []page.Block{every}},
	}}
}

// answer is TCAV's for a concept and a class.
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
		{Name: "Seed", Value: fmt.Sprint(g.Settings.Seed)},
		{Name: "Model", Value: "fingerprint " + g.Settings.Model},
	}}
}
