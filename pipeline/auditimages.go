package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"oscar/dataset"
	"oscar/explain"
	"oscar/heatmap"
	"oscar/internal/numeric"
	"oscar/metric"
	"oscar/result"
	"oscar/run"
)

// neighbors is the number of the nearest training image that the distance of an
// image is measured to (Sun et al. 2022, ICML, "Out-of-distribution detection with
// deep nearest neighbors").
const neighbors = 5

// maxTraining is the maximum number of training images whose features are kept.
const maxTraining = 5000

// inspectImages shows the model all images.
func (j *auditing) inspectImages(ctx context.Context) error {
	j.Listener.Stage("predicting and explaining")
	unreadable := slices.Clone(j.part.unreadable)
	infinite, done := 0, 0
	skipped, err := j.batches(ctx, j.part.root, j.part.items, func(b *dataset.Batch) error {
		images := floats(b)
		out, err := j.bundle.Predict(ctx, images)
		if err != nil {
			return err
		}
		targets := make([]int, b.N)
		for i, item := range b.Items {
			if targets[i] = item.Class; item.Class < 0 {
				targets[i] = numeric.ArgMax(out.Probabilities[i])
			}
		}
		maps, err := j.explainers[0].Explain(ctx, images, targets)
		if err != nil {
			return err
		}
		features, err := j.features(ctx, images)
		if err != nil {
			return err
		}
		for i, item := range b.Items {
			line := classification(item, j.result.Classes, out.Logits[i], out.Probabilities[i])
			if line.Predicted == "" {
				infinite++
				continue
			}
			border, err := j.border(maps[i].Map, item)
			if err != nil {
				return err
			}
			outside, area, err := j.outside(maps[i].Map, item.Path)
			if err != nil {
				return err
			}
			j.images = append(j.images, audited{
				Item: item, part: j.parts[item.SHA256], line: line, logits: out.Logits[i], probs: out.Probabilities[i],
				features: features[i], border: border, outside: outside, area: area, distance: math.NaN(),
			})
		}
		done += b.N
		j.Listener.Count(done, len(j.part.items))
		return nil
	})
	if err != nil {
		return err
	}
	unreadable = append(unreadable, skipped...)
	j.note(dataset.LeftOut(unreadable)...)
	if infinite > 0 {
		j.note(fmt.Sprintf("%d images have no finite prediction and are left out", infinite))
	}
	j.result.Images, j.result.Unreadable = len(j.images), len(unreadable)
	if len(j.images) == 0 {
		return fmt.Errorf("none of the %d images of %s could be read and predicted", len(j.part.items), j.part.root)
	}
	return nil
}

// batches reads images in batches. It returns the images that cannot be read.
func (j *auditing) batches(ctx context.Context, root string, items []dataset.Item, use func(*dataset.Batch) error) (skipped []dataset.Problem, err error) {
	in := j.bundle.Metadata.Image
	loader, err := dataset.NewLoader(dataset.LoaderOptions{
		Root: root, Framing: Framing(in), Limits: j.part.limits,
		Workers: j.Machine.Workers, Skip: func(item dataset.Item, err error) { skipped = append(skipped, run.Problem(item, err)) },
	})
	if err != nil {
		return nil, err
	}
	defer loader.Close()
	for b, err := range loader.Batches(ctx, items, nil, compareBatch) {
		if err == nil {
			err = use(b)
		}
		if err != nil {
			return nil, err
		}
	}
	return skipped, nil
}

// features returns [explain.Features] of the explained layer, or nil if the model has none.
func (j *auditing) features(ctx context.Context, images explain.Images) ([][]float32, error) {
	if j.result.Layer == "" {
		return make([][]float32, images.N), nil
	}
	d, err := j.bundle.Differentiate(ctx, images, make([]int, images.N), j.result.Layer, explain.Logit)
	if err != nil {
		return nil, err
	}
	out := make([][]float32, images.N)
	for i, v := range d.Activations {
		out[i] = explain.Features(v)
	}
	return out, nil
}

// border returns the [explain.BorderShare] of a map on its image.
func (j *auditing) border(heat explain.Grid, item dataset.Item) (float64, error) {
	framing := Framing(j.bundle.Metadata.Image)
	if framing.Stretches() {
		return explain.BorderShare(heat), nil
	}
	size, err := ImageSize(filepath.Join(j.part.root, filepath.FromSlash(item.Path)), j.part.limits)
	if err != nil {
		return 0, err
	}
	return explain.BorderShare(heatmap.OnImage(heat, framing, size, borderResolution, borderResolution)), nil
}

// borderResolution is the resolution at which the share at the border is measured.
const borderResolution = 64

// judgeLabels finds probable label errors.
func (j *auditing) judgeLabels() error {
	var probabilities [][]float32
	var labels, at []int
	correct := 0
	for i, x := range j.images {
		if x.part == "train" {
			j.result.Trained++
		}
		if x.Class >= 0 {
			if x.line.Correct() {
				correct++
			}
			probabilities, labels, at = append(probabilities, x.probs), append(labels, x.Class), append(at, i)
		}
	}
	found, err := metric.ConfidentLearning(probabilities, labels)
	if err != nil {
		return err
	}
	j.result.Labels = result.Labels{Images: len(labels), Correct: correct, Counts: found.Counts, Issues: []result.LabelIssue{}}
	for _, issue := range found.Issues {
		x := &j.images[at[issue.Index]]
		x.issue = &result.LabelIssue{
			Image: x.Path, Part: x.part, Label: j.name(issue.Given), Confidence: issue.Confidence,
			Suggested: j.name(issue.Suggested), SuggestedConfidence: issue.SuggestedConfidence,
		}
		j.result.Labels.Issues = append(j.result.Labels.Issues, *x.issue)
	}
	if n := j.result.Trained; n > 0 {
		j.note(fmt.Sprintf("the model was trained on %d of the %d images, whose labels it repeats: wrong ones are found more rarely there", n, len(j.images)))
	}
	return nil
}

// judgeDistances finds images that are far from the training images.
func (j *auditing) judgeDistances(ctx context.Context) error {
	j.result.Unlike = result.Unlike{Limit: result.Unmeasured, Expected: result.Unmeasured, Images: []result.UnlikeImage{}}
	j.result.Alike = result.Alike{Limit: result.Unmeasured, Expected: result.Unmeasured, Pairs: []result.AlikePair{}}
	if j.run == nil || len(j.run.Split.Train) <= neighbors {
		return nil
	}
	if j.result.Layer == "" {
		j.note("no layer of this model has a map and a gradient: no distances are measured")
		return nil
	}
	items := j.run.Split.Train
	if n := len(items); n > maxTraining {
		few := make([]dataset.Item, maxTraining)
		for i := range few {
			few[i] = items[i*n/maxTraining]
		}
		items = few
		j.note(fmt.Sprintf("distances are from %d of the %d training images", maxTraining, n))
	}
	j.Listener.Stage("measuring distances from the training images")
	var training [][]float32
	var read []dataset.Item
	if _, err := j.batches(ctx, j.run.Images(), items, func(b *dataset.Batch) error {
		features, err := j.features(ctx, floats(b))
		training = append(training, features...)
		read = append(read, b.Items...)
		j.Listener.Count(len(training), len(items))
		return err
	}); err != nil {
		return err
	}
	if len(training) <= neighbors {
		j.note("the training images cannot be read: no distances are measured")
		return nil
	}
	items = read
	contents := map[string]bool{}
	for _, item := range items {
		contents[item.SHA256] = true
	}
	if len(contents) < 2 {
		j.note("the training images are all the same: no distances are measured")
		return nil
	}
	// distances returns the nearest training image, and the distances to it and to the k-th nearest, k
	// = [neighbors]. The image itself does not count.
	distances := func(f []float32, sha256 string) (nearest int, first, last float64) {
		type to struct {
			image  int
			square float64
		}
		var all []to
		for k, t := range training {
			if items[k].SHA256 == sha256 {
				continue
			}
			sum := 0.0
			for c, v := range f {
				d := float64(v - t[c])
				sum += d * d
			}
			all = append(all, to{k, sum})
		}
		slices.SortFunc(all, func(a, b to) int { return cmp.Compare(a.square, b.square) })
		return all[0].image, math.Sqrt(all[0].square), math.Sqrt(all[min(neighbors, len(all))-1].square)
	}
	var ownFirst, own []float64
	for k, f := range training {
		if err := ctx.Err(); err != nil {
			return err
		}
		_, first, last := distances(f, items[k].SHA256)
		ownFirst, own = append(ownFirst, first), append(own, last)
	}
	slices.Sort(ownFirst)
	slices.Sort(own)
	near, limit := ownFirst[(len(own)-1)/100], own[(len(own)-1)*99/100]
	u, l := &j.result.Unlike, &j.result.Alike
	u.Training, u.Limit, l.Limit = len(training), result.Number(limit), result.Number(near)
	seen := 0
	for i := range j.images {
		x := &j.images[i]
		nearest, first, last := distances(x.features, x.SHA256)
		x.distance = last
		if x.part == "train" {
			continue
		}
		seen++
		if last > limit {
			u.Images = append(u.Images, result.UnlikeImage{Image: x.Path, Label: x.line.Truth, Distance: last})
		}
		if first <= near {
			l.Pairs = append(l.Pairs, result.AlikePair{Image: x.Path, Label: x.line.Truth, Training: items[nearest].Path, Trained: j.name(items[nearest].Class), Distance: first})
		}
	}
	u.Expected, l.Expected = result.Number(float64(seen)/100), result.Number(float64(seen)/100)
	slices.SortStableFunc(u.Images, func(a, b result.UnlikeImage) int { return cmp.Compare(b.Distance, a.Distance) })
	slices.SortStableFunc(l.Pairs, func(a, b result.AlikePair) int { return cmp.Compare(a.Distance, b.Distance) })
	return nil
}

// findDuplicates finds near duplicates with several parts or labels.
func (j *auditing) findDuplicates(ctx context.Context) error {
	j.result.Duplicates = []result.DuplicateGroup{}
	items := j.part.items
	if j.run != nil && j.part.ofSplit {
		all, err := j.run.Split.Part("all")
		if err != nil {
			return err
		}
		items = all
	}
	j.Listener.Stage("looking for near duplicates")
	folder := &dataset.Folder{Root: j.part.root, Classes: j.result.Classes, Items: items}
	groups, err := folder.NearDuplicates(ctx, dataset.DefaultNearDuplicateDistance, dataset.ScanOptions{Limits: j.part.limits, Workers: j.Machine.Workers, Progress: j.Listener.Count})
	if err != nil {
		return err
	}
	for _, group := range groups {
		out := result.DuplicateGroup{}
		for _, near := range group {
			image := result.DuplicateImage{Image: near.Path, Part: j.parts[near.SHA256], Label: j.name(near.Class)}
			if len(out.Images) > 0 {
				first := out.Images[0]
				out.Parts = out.Parts || first.Part != image.Part
				out.Labels = out.Labels || first.Label != image.Label
			}
			out.Images = append(out.Images, image)
		}
		if out.Parts || out.Labels {
			j.result.Duplicates = append(j.result.Duplicates, out)
		}
	}
	return nil
}

// judgeBorders measures the heat in the border strip for each class.
func (j *auditing) judgeBorders() {
	j.result.BorderShare = 1 - 0.75*0.75
	for c, class := range j.result.Classes {
		j.result.Background = append(j.result.Background, border(class, j.ofClass(c, func(x audited) float64 { return x.border })))
	}
}
