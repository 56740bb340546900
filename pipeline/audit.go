package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"oscar/dataset"
	"oscar/explain"
	"oscar/heatmap"
	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/internal/named"
	"oscar/internal/paths"
	"oscar/internal/resultdir"
	"oscar/internal/text"
	"oscar/methods"
	"oscar/metric"
	"oscar/result"
	"oscar/savedmodel"
)

// AuditOptions are the options of [Audit].
type AuditOptions struct {
	Model    string // a run folder or a SavedModel
	Data     string // folder with one sub-folder of images per class; empty: the run's own
	Part     string // part of the run's split, or "all" for every image below Data
	Method   string // method of the maps, such as "gradcam"; empty: the model's default
	Masks    string // folder with a mask per image, see [ScoreOptions]; empty: the one next to a synthetic set's images
	Out      string // folder for the results: new, empty, or of the same options
	Machine  Machine
	Listener Listener
}

// Check returns an error for options that are invalid for every model.
func (o AuditOptions) Check() error {
	return cmp.Or(named.Check("split part", o.Part, dataset.PartNames), o.Machine.Check())
}

const (
	auditPictures = "pictures" // a folder of the results
	auditShown    = 24         // maximum number of pictures of each kind of problem
	auditSide     = 320        // the longer side of a picture, in pixels
	auditSeed     = 1          // seed for the bootstrap of the calibration
)

// Audit lists likely problems of a data set: wrong labels, near duplicates with several parts of the
// split or several labels, and images unlike the training images. It also lists classes whose maps
// lie outside of the objects or, without masks, at the border of the image. It measures the
// calibration. It writes pictures, images.csv and then audit.json.
func Audit(ctx context.Context, o AuditOptions) (*result.Audit, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	dir, err := resultdir.Open(o.Out, resultdir.Kind{Mark: result.AuditFile, Early: []string{auditPictures, result.AuditTable, result.CommandFile, checksum.File}})
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	if dir.Resumed {
		return o.reopen()
	}
	for _, name := range []string{auditPictures, result.AuditTable} { // left by a call that was killed
		if err := os.RemoveAll(filepath.Join(o.Out, name)); err != nil {
			return nil, err
		}
	}
	bundle, err := Open(o.Model, o.Machine.Config(DefaultSettings().Precision))
	if err != nil {
		return nil, err
	}
	defer bundle.Close()
	if err := refuseSeveral(&bundle.Metadata, "audit"); err != nil {
		return nil, err
	}
	j := &auditing{AuditOptions: o, bundle: bundle, parts: map[string]string{}}
	a, err := j.audit(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("%w; nothing was written", ErrInterrupted)
	}
	return a, err
}

// reopen returns the audit in Out. Other options are an error.
func (o AuditOptions) reopen() (*result.Audit, error) {
	a, err := result.ReadAudit(o.Out)
	if err != nil {
		return nil, err
	}
	model, err := fingerprint(o.Model)
	if err != nil {
		return nil, err
	}
	if o.Method == "" && (a.Layer == "" || a.Method == DefaultSettings().Method) {
		o.Method = a.Method
	}
	if a.Path != o.Model || a.Model != model || a.Part != o.Part || a.Method != o.Method || o.Data != "" && paths.Absolute(o.Data) != a.Data || o.Masks != "" && paths.Absolute(o.Masks) != a.Masks {
		return nil, fmt.Errorf("%s holds another audit; name a new folder", o.Out)
	}
	return a, checksum.UpdateUnlisted(o.Out, result.AuditFile)
}

// auditing is the state of an [Audit].
type auditing struct {
	AuditOptions
	bundle     *savedmodel.Bundle
	explainers []explain.Explainer
	part       part
	run        *Run              // the model's run; nil: none
	parts      map[string]string // part of each image of the run, by SHA-256
	masks      objectMasks       // without a folder if there are no masks
	images     []audited
	result     *result.Audit
}

// audited is an image and the model's results for it.
type audited struct {
	dataset.Item
	part     string
	line     result.Classification
	logits   []float32
	probs    []float32
	features []float32
	border   float64 // share of the positive heat in the border strip; NaN: the map is empty
	outside  float64 // share of the positive heat outside of the object; NaN: no mask, or the map is empty
	area     float64 // share of the image's area outside of the object; NaN like outside
	distance float64 // distance to the training images; NaN: not measured
	issue    *result.LabelIssue
}

func (j *auditing) audit(ctx context.Context) (*result.Audit, error) {
	if err := j.open(ctx); err != nil {
		return nil, err
	}
	if err := j.inspectImages(ctx); err != nil {
		return nil, err
	}
	if err := j.judgeLabels(); err != nil {
		return nil, err
	}
	if err := j.judgeDistances(ctx); err != nil {
		return nil, err
	}
	if err := j.findDuplicates(ctx); err != nil {
		return nil, err
	}
	j.judgeBorders()
	j.judgeMasks()
	if err := j.judgeCalibration(); err != nil {
		return nil, err
	}
	if err := j.draw(); err != nil {
		return nil, err
	}
	if err := j.writeTable(); err != nil {
		return nil, err
	}
	if err := result.RecordCommand(ctx, j.Out); err != nil {
		return nil, err
	}
	files, err := checksum.Tree(j.Out)
	if err != nil {
		return nil, err
	}
	if err := checksum.Update(j.Out, files...); err != nil {
		return nil, err
	}
	return j.result, checksum.WriteJSON(j.Out, result.AuditFile, j.result)
}

// open finds the images and makes the explainer.
func (j *auditing) open(ctx context.Context) (err error) {
	options := EvaluateOptions{Model: j.Model, Data: j.Data, Part: j.Part, Machine: j.Machine}
	if j.part, err = options.part(ctx, j.bundle); err != nil {
		return err
	}
	settings := DefaultSettings()
	if j.Method == "" {
		j.Method = methods.Default(j.bundle, "")
	}
	settings.Method = j.Method
	if j.explainers, err = newExplainers(settings, j.bundle, nil); err != nil {
		return err
	}
	if len(j.explainers) != 1 {
		return fmt.Errorf("%q names several methods, want one", j.Method)
	}
	meta := &j.bundle.Metadata
	j.result = &result.Audit{
		Format: 1, Path: j.Model, Data: paths.Absolute(j.part.root), Part: j.Part, Classes: meta.Classes, Method: j.Method, Layer: meta.Explain,
	}
	if j.result.Model, err = fingerprint(j.Model); err != nil {
		return err
	}
	if err := j.findMasks(); err != nil {
		return err
	}
	if r, err := options.run(); err == nil && slices.Equal(r.Split.Classes, meta.Classes) {
		j.run, j.parts = r, r.Split.PartOf()
	}
	j.note(j.part.notes...)
	return nil
}

func (j *auditing) note(texts ...string) {
	j.result.Notes = append(j.result.Notes, texts...)
	j.Listener.Note(texts...)
}

// name returns a class's name, or "" for an unknown class.
func (j *auditing) name(class int) string {
	if class < 0 {
		return ""
	}
	return j.result.Classes[class]
}

// draw writes the pictures of the problems.
func (j *auditing) draw() error {
	j.Listener.Stage("drawing")
	n := 0
	picture := func(root, image string) (string, error) {
		photo, err := dataset.DecodeFile(filepath.Join(root, filepath.FromSlash(image)), j.part.limits)
		if err != nil {
			return "", fmt.Errorf("%s: %w", image, err)
		}
		n++
		name := fmt.Sprintf("%s/%03d.jpg", auditPictures, n)
		return name, heatmap.WriteJPEG(filepath.Join(j.Out, name), dataset.Fit(photo, auditSide))
	}
	if err := os.MkdirAll(filepath.Join(j.Out, auditPictures), 0o777); err != nil {
		return err
	}
	var err error
	issues := j.result.Labels.Issues
	for i := range issues[:min(len(issues), auditShown)] {
		if issues[i].Picture, err = picture(j.part.root, issues[i].Image); err != nil {
			return err
		}
	}
	alike := j.result.Alike.Pairs
	for i := range alike[:min(len(alike), auditShown)] {
		x := &alike[i]
		if x.Pictures[0], err = picture(j.part.root, x.Image); err == nil {
			x.Pictures[1], err = picture(j.run.Images(), x.Training)
		}
		if err != nil {
			return err
		}
	}
	unlike := j.result.Unlike.Images
	for i := range unlike[:min(len(unlike), auditShown)] {
		if unlike[i].Picture, err = picture(j.part.root, unlike[i].Image); err != nil {
			return err
		}
	}
	groups := j.result.Duplicates
	for i := range groups[:min(len(groups), auditShown)] {
		for k := range groups[i].Images[:min(len(groups[i].Images), 4)] {
			if groups[i].Images[k].Picture, err = picture(j.part.root, groups[i].Images[k].Image); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeTable writes a row for each image.
func (j *auditing) writeTable() error {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{{"path", "part", "label", "predicted", "probability", "label_probability", "suggested_label", "border_share", "distance", "outside_share"}}
	decimal := func(v float64) string {
		if v != v {
			return ""
		}
		return strconv.FormatFloat(v, 'g', 6, 64)
	}
	for _, x := range j.images {
		row := []string{text.Cell(x.Path), x.part, text.Cell(x.line.Truth), text.Cell(x.line.Predicted), decimal(float64(x.line.Confidence())), "", "", decimal(x.border), decimal(x.distance), decimal(x.outside)}
		if x.Class >= 0 {
			row[5] = decimal(float64(x.probs[x.Class]))
		}
		if x.issue != nil {
			row[6] = text.Cell(x.issue.Suggested)
		}
		rows = append(rows, row)
	}
	if err := w.WriteAll(rows); err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(j.Out, result.AuditTable), b.Bytes())
}

// judgeCalibration measures the calibration on the images that the model was not trained
// on.
func (j *auditing) judgeCalibration() error {
	var confidences []float64
	var correct []bool
	var logits [][]float32
	var truth []int
	for _, x := range j.images {
		if x.Class < 0 || x.part == "train" {
			continue
		}
		confidences, correct = append(confidences, float64(x.line.Confidence())), append(correct, x.line.Correct())
		logits, truth = append(logits, x.logits), append(truth, x.Class)
	}
	if len(truth) == 0 {
		return nil
	}
	var err error
	if j.result.Calibration, err = metric.Calibrate(confidences, correct, auditSeed); err != nil {
		return err
	}
	t := &result.Temperature{}
	j.result.Temperature = t
	t.Value, t.Before, t.After, err = metric.Temperature(logits, truth)
	return err
}
