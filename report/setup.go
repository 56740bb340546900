package report

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"oscar/dataset"
	"oscar/internal/text"
	"oscar/report/page"
	"oscar/result"
)

// costsSection shows the time and memory of the training.
func costsSection(t *result.Training, seconds float64) page.Section {
	facts := page.Facts{{Name: "Training", Value: page.Seconds(seconds)}}
	if n := len(t.Epochs); n > 0 {
		facts = append(facts, page.Fact{Name: "Each epoch", Value: page.Seconds(seconds/float64(n)) + ", " + speed(t.Epochs)})
	}
	if n := t.Network; n != nil && n.Memory.Training > 0 {
		m := n.Memory
		facts = append(facts,
			page.Fact{Name: "Memory, estimated", Value: fmt.Sprintf("%s for a step of %s", page.Bytes(m.Training), page.Count(m.Batch, "image"))},
			page.Fact{Name: "Parts of it", Value: fmt.Sprintf("weights %s, gradients %s, optimizer %s, activations %s",
				page.Bytes(m.Weights), page.Bytes(m.Gradients), page.Bytes(m.Optimizer), page.Bytes(m.Activations))},
			page.Fact{Name: "For prediction", Value: page.Bytes(m.Inference)})
	}
	var peak int64
	for _, m := range t.Epochs {
		peak = max(peak, m.PeakMemory)
	}
	if peak > 0 {
		facts = append(facts, page.Fact{Name: "Memory, measured", Value: page.Bytes(peak) + " at the peak, by the whole process"})
	}
	return page.Section{Title: "Time and memory", Blocks: []page.Block{facts}}
}

// networkSection lists the layers.
func networkSection(n *result.Network) page.Section {
	t := page.Table{Caption: "The layers, from the image to the logits", Corner: "layer",
		Columns: []page.Column{{Name: "kind", Text: true}, {Name: "output"}, {Name: "parameters"}}}
	for _, l := range n.Layers {
		t.Rows = append(t.Rows, page.Row{Name: l.Name, Cells: []page.Cell{{Text: l.Kind}, {Text: by(l.Output)}, {Text: page.Thousands(l.Parameters)}}})
	}
	return page.Section{Title: "The network", Blocks: []page.Block{
		page.Facts{
			{Name: "Architecture", Value: n.Name},
			{Name: "Input", Value: by(n.Input)},
			{Name: "Layers", Value: fmt.Sprint(len(n.Layers))},
			{Name: "Parameters", Value: fmt.Sprintf("%s, %s not trained", page.Thousands(n.Parameters), page.Thousands(n.Frozen))},
			{Name: "Explained layer", Value: n.Explain + ", by default"},
		},
		page.Fold{Title: "All layers", Blocks: []page.Block{t}},
	}}
}

// by returns a shape as text: "13 × 13 × 256".
func by(shape []int) string {
	words := make([]string, len(shape))
	for i, n := range shape {
		words[i] = page.Thousands(n)
	}
	return strings.Join(words, " × ")
}

// trainSetup shows the settings, and how to repeat the training.
func trainSetup(t *result.Training) ([]page.Block, error) {
	x, env, s := t.Experiment, t.Environment, t.Split
	recipe, err := recipeOf(t.Text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Dir, err)
	}
	blocks := []page.Block{
		page.Facts{
			{Name: "Data", Value: fmt.Sprintf("%s: %s in %d classes", dataName(t), page.Count(len(s.Train)+len(s.Validation)+len(s.Test), "image"), len(s.Classes))},
			{Name: "Split", Value: fmt.Sprintf("%s for training, %s for validation, %s for the test",
				page.Thousands(len(s.Train)), page.Thousands(len(s.Validation)), page.Thousands(len(s.Test)))},
			{Name: "Training", Value: fmt.Sprintf("%d epochs in batches of %d, %s with learning rate %s (%s)", x.Training.Epochs, x.Training.Batch*max(1, x.Training.Accumulate), cmp.Or(x.Training.Optimizer.Kind, "adam"), page.Short(x.Training.LearningRate), x.Training.Schedule.Kind)},
			{Name: "Seed", Value: fmt.Sprint(x.Seed)},
			{Name: "Started", Value: env.Started.UTC().Format("2 January 2006, 15:04") + " UTC"},
			{Name: "Machine", Value: fmt.Sprintf("%s, %s; TensorFlow with %d + %d threads, in %s", env.Processor, page.Count(env.Processors, "processor"), env.Threads.Intra, env.Threads.Inter, env.Precision)},
			{Name: "Versions", Value: fmt.Sprintf("oscar %s, TensorFlow %s, graft %s, Go %s", env.Oscar, env.TensorFlow, env.Graft, strings.TrimPrefix(env.Go, "go"))},
			{Name: "Hash of the split", Value: fmt.Sprintf("%.16s", s.Hash)},
		},
	}
	from := ""
	if x.FineTune != nil {
		from = " --from MODEL"
		if x.FineTune.Weights != "" {
			from = " --weights FILE"
		}
		blocks[0] = append(page.Facts{{Name: "Starts from", Value: filepath.Base(cmp.Or(x.FineTune.From, x.FineTune.Weights))}}, blocks[0].(page.Facts)...)
	}
	command, err := again(t.Dir)
	if err != nil {
		return nil, err
	}
	return append(append(blocks, command...),
		page.Text("To repeat it with another version of oscar, whose defaults may differ, save the experiment below as experiment.yaml:"),
		page.Code("oscar train DATA --out RUN --experiment experiment.yaml"+from),
		page.Fold{Title: "experiment.yaml", Blocks: []page.Block{page.Code(recipe)}},
	), nil
}

// dropKey removes a key from a mapping.
func dropKey(m *yaml.Node, key string) {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			m.Content = slices.Delete(m.Content, i, i+2)
			return
		}
	}
}

// recipeOf returns experiment.json as YAML for oscar train --experiment, with one line per layer and
// without the folder of the data.
func recipeOf(text []byte) (string, error) {
	var tree yaml.Node
	if err := yaml.Unmarshal(text, &tree); err != nil { // JSON is YAML; yaml.Node keeps the order of keys
		return "", err
	}
	for _, root := range tree.Content {
		if data := valueOf(root, "data"); data != nil {
			if root := valueOf(data, "root"); root != nil {
				root.Value = ""
			}
		}
		if tune := valueOf(root, "fine_tune"); tune != nil { // the layers come from the model
			if from := valueOf(tune, "from"); from != nil {
				from.Value = filepath.Base(from.Value)
			}
			if a := valueOf(root, "architecture"); a != nil {
				dropKey(a, "name")
				dropKey(a, "layers")
			}
		}
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

// valueOf returns the value of a key in a mapping, or nil.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// plain sets the style of a JSON tree to that of handwritten YAML: blocks at the top level, braces
// below, no empty strings.
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

// trainNotes returns the notes on the data.
func trainNotes(t *result.Training) []string {
	notes := append(dataset.Grouped(t.Split.Notes), dataset.LeftOut(t.Split.Unreadable)...)
	for _, e := range t.Epochs {
		if e.Unreadable > 0 {
			notes = append(notes, fmt.Sprintf("epoch %d left out %s that had changed or disappeared since the split was made", e.Epoch, text.Count(e.Unreadable, "image")))
		}
	}
	return notes
}
