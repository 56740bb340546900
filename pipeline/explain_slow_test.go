package pipeline

import (
	"context"
	"errors"
	"image"
	"os"
	"oscar/internal/testkit"
	"path/filepath"
	"strings"
	"testing"
)

// A slow method that is interrupted within a shard goes on at the image, and the
// files are those of an undisturbed run.
func TestExplainSlowMethodInterrupted(t *testing.T) {
	dir := photos(t, 6)
	s := settings()
	s.Method, s.Class, s.Samples, s.Batch = "gradcam,rise,scorecam", TargetAll, 40, 6
	whole, out := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "out")
	explained(t, ExplainOptions{Paths: []string{dir}, Out: whole, Settings: s})
	lines := func() int {
		journals, err := filepath.Glob(filepath.Join(out, partsDir, "*"+journalSuffix))
		if err != nil || len(journals) > 1 {
			t.Fatal(journals, err)
		}
		if len(journals) == 0 {
			return 0
		}
		return strings.Count(string(must(os.ReadFile(journals[0]))), "\n")
	}
	for range 3 {
		before := lines()
		ctx, cancel := context.WithCancel(t.Context())
		_, err := Explain(ctx, ExplainOptions{
			Model: trained(t).Dir, Paths: []string{dir}, Out: out, Settings: s, Machine: oneThread,
			Progress: func(Progress) {
				if lines() > before+3 {
					cancel()
				}
			},
		})
		cancel()
		if !errors.Is(err, ErrInterrupted) {
			t.Fatal(err)
		}
		if after := lines(); after <= before {
			t.Errorf("%d rows in the journal, before %d", after, before)
		}
		// A kill may tear the last line.
		journals := must(filepath.Glob(filepath.Join(out, partsDir, "*"+journalSuffix)))
		text := must(os.ReadFile(journals[0]))
		write(t, journals[0], string(text)+`{"image":"torn`)
	}
	explained(t, ExplainOptions{Paths: []string{dir}, Out: out, Settings: s})
	sameFiles(t, out, whole)
}

// A picture that no JPEG can hold is a row, and the others are explained.
func TestExplainPictureThatCannotBeDrawn(t *testing.T) {
	dir := photos(t, 2)
	testkit.WritePNG(t, filepath.Join(dir, "can", "wide.png"), image.NewGray(image.Rect(0, 0, 65501, 1)))
	_, rows := explained(t, ExplainOptions{Paths: []string{dir}})
	for _, r := range rows {
		wide := filepath.Base(r.Image) == "wide.png"
		if wide != strings.Contains(r.Reason, "not drawn: ") || wide != (r.Overlay == "") || r.Map == "" {
			t.Errorf("%+v", r)
		}
	}
	if len(rows) != 3 {
		t.Errorf("%d rows", len(rows))
	}
}
