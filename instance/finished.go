package instance

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"oscar/dataset"
	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/internal/resultdir"
	"oscar/methods"
	"oscar/result"
	"oscar/run"
)

// errOther returns the error for a folder with results of other inputs or settings.
func errOther(dir, what string) error {
	return fmt.Errorf("%s holds other %s; name a new folder", dir, what)
}

// inputs returns the SHA-256 of everything that determines results: the weights of an epoch, the
// limits for readable pictures, and the names and contents of all pictures.
func (r *Run) inputs(epoch int, list pictures, m run.Machine) (string, error) {
	weights, err := r.fingerprint(r.prefix(epoch))
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%+v\n", weights, m.Limits)
	for _, e := range list {
		fmt.Fprintf(h, "%d %q ", e.image.ID, e.image.FileName)
		sum, err := checksum.Sum(e.path)
		if err != nil { // the picture is unreadable
			sum = ""
		}
		fmt.Fprintln(h, sum)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// clear removes incomplete results.
func clear(dir string, kind resultdir.Kind) error {
	for _, name := range append([]string{kind.Mark}, kind.Early...) { // the mark first: without it nobody takes the rest for results
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// finished returns the summary of complete explanations in Out. Other settings are an error.
func (j *explaining) finished(settings result.ObjectSettings, list pictures) (*ExplainSummary, error) {
	if !IsExplained(j.Out) {
		return nil, errOther(j.Out, "explanations")
	}
	before, err := result.ReadObjectSettings(j.Out)
	if err != nil {
		return nil, err
	}
	drawn := *before
	drawn.Drawing = result.Drawing{} // oscar draw may have changed it
	if !reflect.DeepEqual(drawn, settings) {
		return nil, errOther(j.Out, "explanations")
	}
	rows, err := result.ReadObjects(j.Out)
	if err != nil {
		return nil, err
	}
	readable := map[string]bool{}
	for i, r := range rows {
		readable[r.File] = true
		if i == 0 || r.ImageID != rows[i-1].ImageID || r.Object != rows[i-1].Object {
			j.summary.Objects++
			j.summary.Control.Add(r.Control)
		}
		if k := slices.Index(j.methods, methods.At{Method: r.Method, Layer: r.Layer}); k >= 0 {
			j.summary.add(k, r)
		}
	}
	for _, e := range list {
		if !readable[paths.Absolute(e.path)] { // no objects, or unreadable
			if _, err := dataset.DecodeFile(e.path, j.Machine.Limits); err != nil {
				j.summary.Unreadable = append(j.summary.Unreadable, dataset.Problem{Path: e.path, Reason: err.Error()})
				continue
			}
		}
		j.summary.Images++
	}
	j.Listener.Note("the explanations are there already")
	return j.summary.mean(), checksum.UpdateUnlisted(j.Out, result.ManifestFile)
}

// finished returns the complete scores in Out. Other settings are an error.
func (s *scoring) finished(settings result.ObjectSettings) (*result.ObjectScores, error) {
	if !result.IsOfDetector(s.Out, result.ScoreFile) {
		return nil, errOther(s.Out, "scores")
	}
	before, err := result.ReadObjectScores(s.Out)
	if err != nil {
		return nil, err
	}
	if !reflect.DeepEqual(before.Settings, settings) || !slices.Equal(before.Metrics, s.metrics) || before.Follow != s.Follow || before.PerClass != s.PerClass {
		return nil, errOther(s.Out, "scores")
	}
	s.Listener.Note("the scores are there already")
	return before, checksum.UpdateUnlisted(s.Out, result.ScoreFile)
}
