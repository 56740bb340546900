package pipeline

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"oscar/internal/text"
	"oscar/report/page"
)

// costs is the time and the memory that the run took.
func (r *Run) costs(epochs []EpochMetrics, seconds float64) (page.Section, error) {
	e := r.Experiment
	forecast, err := e.Architecture.Memory(e.Training.Batch)
	if err != nil {
		return page.Section{}, err
	}
	var peak int64
	for _, m := range epochs {
		peak = max(peak, m.PeakMemory)
	}
	facts := page.Facts{{Name: "Training", Value: page.Seconds(seconds)}}
	if n := len(epochs); n > 0 {
		facts = append(facts, page.Fact{Name: "An epoch", Value: page.Seconds(seconds/float64(n)) + ", " + speed(epochs)})
	}
	facts = append(facts,
		page.Fact{Name: "Memory forecast", Value: fmt.Sprintf("%s for a step of %s", page.Bytes(forecast.Training), page.Count(forecast.Batch, "image"))},
		page.Fact{Name: "Of which", Value: fmt.Sprintf("weights %s, gradients %s, optimiser %s, activations %s",
			page.Bytes(forecast.Weights), page.Bytes(forecast.Gradients), page.Bytes(forecast.Optimizer), page.Bytes(forecast.Activations))},
		page.Fact{Name: "To predict", Value: page.Bytes(forecast.Inference)})
	if peak > 0 {
		facts = append(facts, page.Fact{Name: "Memory measured", Value: page.Bytes(peak) + " at the most, by the whole process"})
	}
	return page.Section{Title: "Time and memory", Blocks: []page.Block{facts}}, nil
}

// network lists the layers.
func (r *Run) network(total, frozen int) (page.Section, error) {
	a := r.Experiment.Architecture
	rows, err := a.Summary()
	if err != nil {
		return page.Section{}, err
	}
	t := page.Table{Caption: "The layers, from the image to the logits", Corner: "layer",
		Columns: []page.Column{{Name: "kind", Text: true}, {Name: "output"}, {Name: "parameters"}}}
	for _, row := range rows {
		t.Rows = append(t.Rows, page.Row{Name: row.Name, Cells: []page.Cell{{Text: row.Kind}, {Text: by(row.Output)}, {Text: page.Thousands(row.Parameters)}}})
	}
	return page.Section{Title: "The network", Blocks: []page.Block{
		page.Facts{
			{Name: "Architecture", Value: a.Name},
			{Name: "Input", Value: by(a.Input)},
			{Name: "Layers", Value: fmt.Sprint(len(rows))},
			{Name: "Parameters", Value: fmt.Sprintf("%s, %s not trained", page.Thousands(total), page.Thousands(frozen))},
			{Name: "Looked at", Value: r.Experiment.Explain + ", unless told otherwise"},
		},
		page.Fold{Title: "Every layer", Blocks: []page.Block{t}},
	}}, nil
}

// by writes a shape, as "13 × 13 × 256".
func by(shape []int) string {
	words := make([]string, len(shape))
	for i, n := range shape {
		words[i] = page.Thousands(n)
	}
	return strings.Join(words, " × ")
}

// setup is what was run and with what, and how to do it again.
func (r *Run) setup() ([]page.Block, error) {
	e, env, s := r.Experiment, r.Environment, r.Split
	recipe, err := e.recipe()
	if err != nil {
		return nil, err
	}
	return []page.Block{
		page.Facts{
			{Name: "Data", Value: fmt.Sprintf("%s: %s in %d classes", r.dataName(), page.Count(len(s.Train)+len(s.Validation)+len(s.Test), "image"), len(s.Classes))},
			{Name: "Split", Value: fmt.Sprintf("%s to train on, %s to choose the epoch by, %s to test",
				page.Thousands(len(s.Train)), page.Thousands(len(s.Validation)), page.Thousands(len(s.Test)))},
			{Name: "Training", Value: fmt.Sprintf("%d epochs in batches of %d, learning rate %s (%s)", e.Training.Epochs, e.Training.Batch, page.Short(e.Training.LearningRate), e.Training.Schedule.Kind)},
			{Name: "Seed", Value: fmt.Sprint(e.Seed)},
			{Name: "Begun", Value: env.Started.UTC().Format("2 January 2006, 15:04") + " UTC"},
			{Name: "Machine", Value: fmt.Sprintf("%s, %s; TensorFlow with %d + %d threads", env.Processor, page.Count(env.Processors, "processor"), env.Threads.Intra, env.Threads.Inter)},
			{Name: "Versions", Value: fmt.Sprintf("oscar %s, TensorFlow %s, graft %s, Go %s", env.Oscar, env.TensorFlow, env.Graft, strings.TrimPrefix(env.Go, "go"))},
			{Name: "Split's hash", Value: fmt.Sprintf("%.16s", s.Hash)},
		},
		page.Text("To do it again, with the experiment below as experiment.yaml and the images in a folder DATA:"),
		page.Code("oscar train DATA --out RUN --experiment experiment.yaml"),
		page.Fold{Title: "experiment.yaml", Blocks: []page.Block{page.Code(recipe)}},
	}, nil
}

// recipe is the experiment as YAML for oscar train --experiment, a line a layer,
// without the folder of the data.
func (e Experiment) recipe() (string, error) {
	e.Data.Root = ""
	text, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	var tree yaml.Node
	if err := yaml.Unmarshal(text, &tree); err != nil { // JSON is YAML; so the keys keep their order
		return "", err
	}
	plain(&tree, 0)
	var b strings.Builder
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(&tree); err != nil {
		return "", err
	}
	return b.String(), encoder.Close()
}

// plain writes a tree of JSON as people write YAML: in lines at the top, in
// braces further down, and without empty texts.
func plain(n *yaml.Node, depth int) {
	n.Style = 0
	if n.Kind == yaml.ScalarNode || n.Kind == yaml.DocumentNode {
		n.Style &^= yaml.DoubleQuotedStyle
	}
	if n.Kind == yaml.MappingNode {
		var kept []*yaml.Node
		for i := 0; i < len(n.Content); i += 2 {
			if v := n.Content[i+1]; v.Kind == yaml.ScalarNode && v.Value == "" {
				continue
			}
			kept = append(kept, n.Content[i], n.Content[i+1])
		}
		n.Content = kept
	}
	scalars := true
	for _, c := range n.Content {
		scalars = scalars && c.Kind == yaml.ScalarNode
	}
	if n.Kind == yaml.SequenceNode && scalars || n.Kind == yaml.MappingNode && depth >= 3 {
		n.Style = yaml.FlowStyle
	}
	for _, c := range n.Content {
		next := depth
		if n.Kind != yaml.DocumentNode {
			next++
		}
		plain(c, next)
	}
}

// reportNotes are what one should know of the run.
func (r *Run) reportNotes(epochs []EpochMetrics) []string {
	notes := append(Grouped(r.Split.Notes), LeftOut(r.Split.Unreadable)...)
	for _, e := range epochs {
		if e.Unreadable > 0 {
			notes = append(notes, fmt.Sprintf("epoch %d left out %s that had changed or gone since the split was made", e.Epoch, text.Count(e.Unreadable, "image")))
		}
	}
	return notes
}
