package instance

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"

	"oscar/dataset"
	"oscar/heatmap"
	"oscar/instance/coco"
	"oscar/internal/checksum"
	"oscar/result"
)

// shownAlone is the largest number of objects with pictures for each detector, of the objects that
// only this detector finds. shownSide is the longer side of a picture in pixels.
const shownAlone, shownSide = 8, 560

// byScene counts objects and detections of a scene.
type byScene struct {
	objects, changed float64
	right, noObject  [2]float64
}

// answers matches each scene's objects with the detections of both models.
func (j *comparing) answers() error {
	c, truth := j.result, j.set.Truth
	name := map[int64]string{}
	for _, k := range truth.Categories {
		name[k.ID] = k.Name
	}
	objects := map[int64][]coco.Annotation{}
	for _, a := range truth.Annotations {
		objects[a.ImageID] = append(objects[a.ImageID], a)
	}
	var found [2]map[int64][]coco.Result
	for i := range found {
		found[i] = map[int64][]coco.Result{}
		for _, r := range j.found[i] {
			if r.Score >= minOutcomeScore {
				found[i][r.ImageID] = append(found[i][r.ImageID], r)
			}
		}
	}
	counts := make([]byScene, len(truth.Images))
	for s, m := range truth.Images {
		of, detections := map[int64]*result.ComparedObject{}, map[int64]*[2]*coco.Result{}
		for _, a := range objects[m.ID] {
			if !a.Crowd {
				of[a.ID] = &result.ComparedObject{Image: m.FileName, ID: a.ID, Truth: name[a.CategoryID], Area: a.Area}
				detections[a.ID] = &[2]*coco.Result{}
			}
		}
		for i := range found {
			list, err := matches(m, objects[m.ID], found[i][m.ID])
			if err != nil {
				return err
			}
			for _, p := range list {
				if p.object == nil {
					counts[s].noObject[i]++
					c.Models[i].NoObject++
					continue
				}
				answer := &of[p.object.ID].Answers[i]
				if answer.Answer, answer.IoU = result.Missed, p.iou; p.found != nil {
					answer.Answer, answer.Class, answer.Score = result.WrongClass, name[p.found.CategoryID], p.found.Score
					detections[p.object.ID][i] = p.found
				}
				if p.found != nil && p.found.CategoryID == p.object.CategoryID {
					answer.Answer = result.AnswerNames[0]
					counts[s].right[i]++
				}
			}
		}
		for _, a := range objects[m.ID] {
			if a.Crowd {
				continue
			}
			one := *of[a.ID]
			c.ByObject, j.shown = append(c.ByObject, one), append(j.shown, *detections[a.ID])
			c.Answers[slices.Index(result.AnswerNames, one.Answers[0].Answer)][slices.Index(result.AnswerNames, one.Answers[1].Answer)]++
			counts[s].objects++
			if one.Changed() {
				counts[s].changed++
			}
		}
	}
	j.shares(counts)
	return nil
}

// shares adds the figures about answers, with intervals over scenes.
func (j *comparing) shares(counts []byScene) {
	c := j.result
	// For both models the share of objects found and the detections without an object per image; then
	// the share of objects with changed answers.
	values := func(drawn []int) (found, wrong [2]float64, changed float64) {
		objects := 0.0
		for _, s := range drawn {
			objects += counts[s].objects
			changed += counts[s].changed
			for i := range found {
				found[i] += counts[s].right[i]
				wrong[i] += counts[s].noObject[i]
			}
		}
		for i := range found {
			found[i] /= objects // NaN without objects
			wrong[i] /= float64(len(drawn))
		}
		return found, wrong, changed / objects
	}
	whole := make([]int, len(counts))
	for i := range whole {
		whole[i] = i
	}
	found, wrong, changed := values(whole)
	bounds := coco.Bootstrap(len(counts), bootstrapDraws, 1, func(drawn []int) []float64 {
		found, wrong, changed := values(drawn)
		return []float64{found[1] - found[0], wrong[1] - wrong[0], changed}
	})
	for i, f := range []struct {
		name, title, better string
		values              [2]float64
	}{
		{"found", "objects found with their class", "higher", found}, {"no_object", "false detections, per image", "lower", wrong},
	} {
		c.Figures = append(c.Figures, result.ComparedFigure{
			Name: f.name, Title: f.title, Better: f.better, Values: [2]result.Number{result.Number(f.values[0]), result.Number(f.values[1])},
			Difference: result.Number(f.values[1] - f.values[0]), Low: result.Number(bounds[i][0]), High: result.Number(bounds[i][1]),
		})
	}
	c.Changed, c.ChangedInterval = result.Number(changed), [2]result.Number{result.Number(bounds[2][0]), result.Number(bounds[2][1])}
}

// alone returns the indices of objects that only one of the models finds, the largest first.
func (j *comparing) alone(model int) (list []int) {
	objects := j.result.ByObject
	for i, o := range objects {
		if o.FoundBy() == model {
			list = append(list, i)
		}
	}
	slices.SortStableFunc(list, func(a, b int) int { return cmp.Compare(objects[b].Area, objects[a].Area) })
	return list[:min(len(list), shownAlone)]
}

// write writes the pictures, the command and the comparison.
func (j *comparing) write(ctx context.Context) error {
	j.Listener.Stage("drawing the objects")
	if err := os.Mkdir(filepath.Join(j.Out, changedDir), 0o777); err != nil {
		return err
	}
	annotations := map[int64]coco.Annotation{}
	for _, a := range j.set.Truth.Annotations {
		annotations[a.ID] = a
	}
	path := map[string]string{}
	for _, s := range j.set.Scenes {
		path[s.Image.FileName] = s.Path
	}
	for model := range j.runs {
		for _, i := range j.alone(model) {
			shown := result.ShownObject{ComparedObject: j.result.ByObject[i]}
			img, err := dataset.DecodeFile(path[shown.Image], j.Machine.Limits)
			if err != nil {
				return err
			}
			for k, found := range j.shown[i] {
				painted, err := outlined(img, annotations[shown.ID].Segmentation, found)
				if err != nil {
					return fmt.Errorf("%s: %w", shown.Image, err)
				}
				shown.Pictures[k] = fmt.Sprintf("%s/%02d-%d.png", changedDir, len(j.result.Shown)+1, k+1)
				if err := heatmap.WritePNG(filepath.Join(j.Out, shown.Pictures[k]), dataset.Fit(painted, shownSide)); err != nil {
					return err
				}
			}
			j.result.Shown = append(j.result.Shown, shown)
		}
	}
	if err := result.RecordCommand(ctx, j.Out); err != nil {
		return err
	}
	files, err := checksum.Tree(j.Out)
	if err != nil {
		return err
	}
	if err := checksum.Update(j.Out, files...); err != nil {
		return err
	}
	return checksum.WriteJSON(j.Out, result.ComparisonFile, j.result)
}

// outlined returns a copy of a picture with the outlines of an object and its detection (may be
// nil).
func outlined(img *image.RGBA, object coco.Segmentation, found *coco.Result) (*image.RGBA, error) {
	out := clone(img)
	list := []coco.Segmentation{object}
	if found != nil {
		list = append(list, found.Segmentation)
	}
	for i, s := range list {
		m, err := s.Mask(img.Rect.Dy(), img.Rect.Dx())
		if err != nil {
			return nil, err
		}
		heatmap.Outline(out, m.Pixels(), heatmap.OutlineColor([]int{heatmap.ObjectColor, heatmap.FoundColor}[i]))
	}
	return out, nil
}
