package pipeline

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
	"golang.org/x/text/unicode/norm"

	"oscar/dataset"
	"oscar/explain"
	"oscar/heatmap"
	"oscar/result"
	"oscar/run"
	"oscar/score"
)

// compared is an image prepared for both models.
type compared struct {
	dataset.Item
	size   image.Point // of the image
	pixels [2][]float32
	class  [2]int // index of the explained class in each model
}

// read decodes images concurrently. Unreadable images become problems.
func (j *comparing) read(ctx context.Context, items []dataset.Item) (out []compared, problems []dataset.Problem, err error) {
	all, errs := make([]compared, len(items)), make([]error, len(items))
	var group errgroup.Group
	group.SetLimit(cmp.Or(j.Machine.Workers, runtime.GOMAXPROCS(0)))
	for i, item := range items {
		group.Go(func() error {
			all[i].Item = item
			var photo *image.RGBA
			if photo, errs[i] = j.decode(ctx, item); errs[i] != nil {
				return ctx.Err()
			}
			all[i].size = photo.Rect.Size()
			for k, s := range j.sides {
				in, err := Input(&s.bundle.Metadata, photo)
				if err != nil {
					return err
				}
				all[i].pixels[k] = in.Pixels
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	for i, c := range all {
		if errs[i] == nil {
			out = append(out, c)
			continue
		}
		if j.part.strict {
			return nil, nil, errs[i]
		}
		problems = append(problems, run.Problem(c.Item, errs[i]))
	}
	return out, problems, nil
}

// decode reads an image of the part and checks its content against the split.
func (j *comparing) decode(ctx context.Context, item dataset.Item) (*image.RGBA, error) {
	data, err := dataset.ReadFile(filepath.Join(j.part.root, filepath.FromSlash(item.Path)), j.part.limits)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(data); item.SHA256 != "" && hex.EncodeToString(sum[:]) != item.SHA256 {
		return nil, fmt.Errorf("%s: %w", item.Path, dataset.ErrChanged)
	}
	photo, _, err := dataset.DecodeContext(ctx, data, j.part.limits)
	return photo, err
}

// images returns the pixels of images as input of one of the models.
func (j *comparing) images(list []compared, side int) explain.Images {
	in := j.sides[side].bundle.Metadata.Image
	out := explain.Images{N: len(list), Height: in.Height, Width: in.Width, Channels: 3}
	for _, c := range list {
		out.Pixels = append(out.Pixels, c.pixels[side]...)
	}
	return out
}

// batch predicts and explains a batch with each model.
func (j *comparing) batch(ctx context.Context, list []compared) error {
	var said [2][]result.Classification
	for k, s := range j.sides {
		out, err := s.bundle.Predict(ctx, j.images(list, k))
		if err != nil {
			return err
		}
		for i, c := range list {
			item := c.Item
			if item.Class >= 0 {
				item.Class = s.classes[item.Class]
			}
			said[k] = append(said[k], classification(item, s.bundle.Metadata.Classes, out.Logits[i], out.Probabilities[i]))
		}
	}
	var explained []compared
	var lines []int // indices in ByImage of the explained images
	for i, c := range list {
		a, b := said[0][i], said[1][i]
		if a.Predicted == "" || b.Predicted == "" {
			for k := range said {
				j.result.Models[k].Evaluation.NotFinite++
			}
			continue
		}
		for k := range said {
			if err := count(j.result.Models[k].Evaluation, j.named(said[k][i])); err != nil {
				return err
			}
		}
		line := result.ComparedImage{
			Image: c.Path, SHA256: c.SHA256, Truth: a.Truth, Predicted: [2]string{a.Predicted, j.named(b).Predicted},
			Probability: [2]result.Number{result.Number(a.Confidence()), result.Number(b.Confidence())},
			Rank:        result.Unmeasured, SSIM: result.Unmeasured,
		}
		if j.explains == nil || j.explains[c.Path] {
			class := c.Class
			if class < 0 {
				class = slices.Index(j.result.Classes, a.Predicted)
			}
			line.Explained = j.result.Classes[class]
			c.class = [2]int{j.sides[0].classes[class], j.sides[1].classes[class]}
			explained, lines = append(explained, c), append(lines, len(j.result.ByImage))
		}
		j.result.ByImage = append(j.result.ByImage, line)
	}
	maps, err := j.explain(ctx, explained)
	if err != nil {
		return err
	}
	for i, line := range lines {
		j.compareMaps(&j.result.ByImage[line], explained[i].size, maps[0][i].Map, maps[1][i].Map)
	}
	return nil
}

// named returns a classification with the first model's spelling of the classes.
func (j *comparing) named(c result.Classification) result.Classification {
	for _, name := range []*string{&c.Truth, &c.Predicted} {
		for _, own := range j.result.Classes {
			if norm.NFC.String(own) == norm.NFC.String(*name) {
				*name = own
			}
		}
	}
	return c
}

// explain returns each model's map of each image.
func (j *comparing) explain(ctx context.Context, list []compared) (out [2][]explain.Attribution, err error) {
	if len(list) == 0 {
		return out, nil
	}
	for k, s := range j.sides {
		classes := make([]int, len(list))
		for i, c := range list {
			classes[i] = c.class[k]
		}
		if out[k], err = s.explainer.Explain(ctx, j.images(list, k), classes); err != nil {
			return out, err
		}
	}
	return out, nil
}

// compareMaps compares two maps of an image of that size, at the input size of the first
// model.
func (j *comparing) compareMaps(line *result.ComparedImage, size image.Point, a, b explain.Grid) {
	first, second := Framing(j.sides[0].bundle.Metadata.Image), Framing(j.sides[1].bundle.Metadata.Image)
	a = heatmap.OnImage(a, first, size, first.Height, first.Width)
	b = heatmap.OnImage(b, second, size, first.Height, first.Width)
	if v := score.Spearman(a, b, false); v.OK() {
		line.Rank = v.Value
	}
	if v := score.SSIM(heatmap.Positive(a), heatmap.Positive(b)); v.OK() {
		line.SSIM = v.Value
	}
	if j.last.Height > 0 {
		if v := score.Spearman(j.last, b, false); v.OK() {
			j.chance = append(j.chance, float64(v.Value))
		}
	}
	j.last = a
}

// draw writes the overlays of the images whose maps differ most.
func (j *comparing) draw(ctx context.Context) error {
	j.Listener.Stage("drawing the changes")
	items := map[string]dataset.Item{}
	for _, item := range j.part.items {
		items[item.Path] = item
	}
	if err := os.MkdirAll(filepath.Join(j.Out, changesDir), 0o777); err != nil {
		return err
	}
	for n, line := range j.result.MostChanged(shownChanges) {
		item := items[line.Image]
		photo, err := j.decode(ctx, item)
		if err != nil {
			return err
		}
		c := compared{Item: item}
		class := slices.Index(j.result.Classes, line.Explained)
		for k, s := range j.sides {
			in, err := Input(&s.bundle.Metadata, photo)
			if err != nil {
				return err
			}
			c.pixels[k], c.class[k] = in.Pixels, s.classes[class]
		}
		maps, err := j.explain(ctx, []compared{c})
		if err != nil {
			return err
		}
		shown := result.ShownChange{ComparedImage: line}
		photo = dataset.Fit(photo, overlaySide)
		for k, s := range j.sides {
			options := heatmap.Options{Heat: maps[k][0].Map, Framing: Framing(s.bundle.Metadata.Image), Title: fmt.Sprintf("%s %.2f", line.Predicted[k], float64(line.Probability[k])), Note: "for " + line.Explained,
				Faint: maps[k][0].Status == explain.Faint}
			if s.method.Signed {
				if options.Map, err = heatmap.LookupColorMap(DefaultSettings().SignedColorMap); err != nil {
					return err
				}
			}
			shown.Overlays[k] = fmt.Sprintf("%s/%02d-%d.jpg", changesDir, n+1, k+1)
			if err := heatmap.WriteJPEG(filepath.Join(j.Out, shown.Overlays[k]), heatmap.Overlay(photo, options)); err != nil {
				return err
			}
		}
		j.result.Shown = append(j.result.Shown, shown)
	}
	return nil
}
