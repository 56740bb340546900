package pipeline

import (
	"fmt"
	"os"
	"path/filepath"

	"oscar/internal/paths"
	"oscar/result"
	"oscar/savedmodel/foreign"
)

// resultFolders are the folders of results that are not models, by the file that identifies them. In
// is the folder with the runs in it, if there are any.
var resultFolders = []struct{ file, what, in string }{
	{result.FoldsFile, "a cross-validation, with a model for each fold", "."},
	{result.PlanFile, "a study, with a model for each run", "runs"},
	{result.SettingsFile, "explanations", ""},
	{result.ScoringFile, "scores", ""},
	{result.GlobalFile, "global explanations", ""},
	{result.ComparisonFile, "a comparison", ""},
	{result.AuditFile, "an audit", ""},
	{result.PredictFile, "predictions", ""},
}

// notModel returns the error for a path that is not a model. It says what the path is, and which model
// to name.
func notModel(path string) error {
	for _, f := range resultFolders {
		if !paths.Exists(filepath.Join(path, f.file)) {
			continue
		}
		if f.in != "" {
			if model := firstModel(filepath.Join(path, f.in)); model != "" {
				return fmt.Errorf("%s is %s; name one, as %s", path, f.what, model)
			}
		}
		return fmt.Errorf("%s has %s, not a model; name a run or a SavedModel", path, f.what)
	}
	return foreign.NotSavedModel(path)
}

// firstModel returns the first model in a folder, or "".
func firstModel(dir string) string {
	entries, _ := os.ReadDir(dir) // an error is no model
	for _, e := range entries {
		if model := filepath.Join(dir, e.Name()); e.IsDir() && IsModel(model) {
			return model
		}
	}
	return ""
}
