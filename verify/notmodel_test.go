package verify

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/internal/testkit"
	"oscar/pipeline"
)

// If the folder of a kind of results is given as a model, the error says what the folder has.
func TestResultsAreNotModels(t *testing.T) {
	models := []string{"run", "model", "weights", "checkpoint", "images"}
	seen := 0
	for _, k := range kinds {
		if slices.Contains(models, k.name) {
			continue
		}
		seen++
		dir := filepath.Join(t.TempDir(), "results")
		testkit.Write(t, filepath.Join(dir, k.mark), "{}")
		_, open := pipeline.Open(dir, pipeline.Config{})
		_, inspect := pipeline.Inspect(dir, 1, false)
		_, adopt := pipeline.Adopt(t.Context(), pipeline.AdoptOptions{Model: dir, Out: filepath.Join(t.TempDir(), "new")})
		export := pipeline.Export(t.Context(), pipeline.ExportOptions{Model: dir, Out: filepath.Join(t.TempDir(), "new")})
		for verb, err := range map[string]error{"open": open, "inspect": inspect, "adopt": adopt, "export": export} {
			if err == nil || !strings.Contains(err.Error(), k.name) || !strings.Contains(err.Error(), "not a model; name a run") {
				t.Errorf("%s %s: %v", verb, k.name, err)
			}
		}
	}
	if seen < 8 {
		t.Errorf("%d kinds, want 8 or more", seen)
	}
}
