package result

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oscar/internal/checksum"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, File)
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"format": 1, "measures": [{"name": "focus"}], "variants": [{"name": "a", "figures": {"focus": {"mean": 0.5, "low": null, "high": null, "n": 1}}}]}`)
	s, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	f := s.Variant("a").Figures["focus"]
	if f.Mean != 0.5 || !math.IsNaN(float64(f.Low)) || s.Measure("focus") == nil || s.Variant("b") != nil || s.Measure("b") != nil {
		t.Errorf("%+v", s)
	}
	for text, want := range map[string]string{
		`{"format": 2}`: path + ": format is 2, this oscar reads 1",
		`{`:             path + ": it ends in the middle of its JSON",
	} {
		write(text)
		if _, err := Read(dir); err == nil || err.Error() != want {
			t.Errorf("error %v\nwant  %s", err, want)
		}
	}
}

// An audit with suggested labels is read only if these have a probability.
func TestReadAuditOfOlderVersions(t *testing.T) {
	for text, want := range map[string]string{
		`{"format": 1, "labels": {"issues": [{"image": "a.png", "suggested": "box", "confidence": 0.1, "suggested_confidence": 0.8}]}}`: "",
		`{"format": 1, "labels": {"issues": []}}`:                                                          "",
		`{"format": 1, "labels": {"issues": [{"image": "a.png", "suggested": "box", "confidence": 0.1}]}}`: "the suggested label of a.png has no probability",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, AuditFile), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadAudit(dir); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// A line without end in a manifest is an error soon.
func TestManifestOfOneLongLine(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, ManifestFile)
	if err := os.WriteFile(path, []byte("\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 1<<40); err != nil {
		t.Skip(err)
	}
	err := EachImage(t.Context(), dir, func([]Row) error { return nil })
	if want := path + ": line 2: a line has more than 16777216 bytes"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// Files of results that do not grow with the images have the smaller limit.
func TestSmallFilesHaveASmallLimit(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{CommandFile, DiscardedFile, EnvironmentFile, ExperimentFile, MetricsFile, NetworkFile, PlanFile, PredictFile, ScoringFile, SettingsFile} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, 1<<26+1); err != nil {
			t.Skip(err)
		}
		if _, err := checksum.ReadFile(dir, name); err == nil || err.Error() != path+" is larger than 67108864 bytes, the most that is read" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
