package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// No verb replaces a file that the user has written or edited.
func TestFilesOfTheUserAreKept(t *testing.T) {
	shared := shared(t)
	detector, err := detectorFixtures()
	if err != nil {
		t.Fatal(err)
	}
	// The calls that name a file to write, by verb and flag.
	writes := map[string]string{
		"oscar duplicates --out":             "duplicates DATA --out FILE.csv",
		"oscar duplicates --sheet":           "duplicates DATA --sheet FILE.png",
		"oscar evaluate --confusion":         "evaluate RUN --confusion FILE.csv",
		"oscar evaluate --roc":               "evaluate RUN --roc FILE.png",
		"oscar predict --out":                "predict RUN DATA/can --out FILE.csv",
		"oscar predict --out .jsonl":         "predict RUN DATA/can --out FILE.jsonl",
		"oscar predict --out, of a detector": "predict DETECTOR SCENES/images/test --out FILE.json",
		"oscar report --out":                 "report RUN --out FILE.html",
		"oscar study init --out":             "study init --out FILE.yaml",
		"oscar train --preview-augmentation": `train DATA --arch tiny --preview-augmentation FILE.png --set training.augmentation.phases=[{"zoom":0.1}]`,
	}
	for flag, call := range writes {
		t.Run(flag, func(t *testing.T) {
			dir := t.TempDir()
			args := strings.Fields(strings.NewReplacer("DATA", filepath.Join(shared, "shapes", "images"), "RUN", filepath.Join(shared, "run"),
				"DETECTOR", filepath.Join(detector, "detector"), "SCENES", filepath.Join(detector, "scenes")).Replace(call))
			for i, arg := range args {
				if ext, ok := strings.CutPrefix(arg, "FILE"); ok {
					args[i] = "mine" + ext
					// Annotations in COCO's format that somebody has drawn.
					if err := os.WriteFile(filepath.Join(dir, args[i]), []byte(`{"images": [], "annotations": [], "categories": []}`), 0o666); err != nil {
						t.Fatal(err)
					}
				}
			}
			before := contents(t, dir)
			cmd := exec.Command("oscar", args...)
			cmd.Dir = dir
			output, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(output), "oscar: mine") || !strings.Contains(string(output), "name a") {
				t.Errorf("%v: %s", err, output)
			}
			if !maps.Equal(before, contents(t, dir)) {
				t.Error("the file is not as it was")
			}
			// A new file's folder is made.
			for i := range args {
				args[i] = strings.Replace(args[i], "mine.", filepath.Join("new", "folder", "mine."), 1)
			}
			cmd = exec.Command("oscar", args...)
			cmd.Dir = dir
			output, err = cmd.CombinedOutput()
			if err != nil && !strings.Contains(string(output), "there is nothing to draw") {
				t.Errorf("%v: %s", err, output)
			}
			// Some know their own files, and replace them.
			if verb := args[0]; verb == "predict" || verb == "report" || verb == "train" {
				cmd = exec.Command("oscar", args...)
				cmd.Dir = dir
				if output, err = cmd.CombinedOutput(); err != nil {
					t.Errorf("once more: %v: %s", err, output)
				}
			}
		})
	}
	for _, cmd := range leaves(newRoot()) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			reads := []string{"groups", "classes", "classes-file", "experiment", "weights", "map", "token", "tls-cert", "tls-key", "cluster",
				"root", "recipe", "scratch", "pprof"}
			names := f.Value.Type() == "string" && strings.Contains(strings.ToLower(f.Usage), "file") && !slices.Contains(reads, f.Name)
			if f.Name == "preview-augmentation" && cmd.CommandPath() == "oscar plan train" {
				return // it is refused
			}
			if name := cmd.CommandPath() + " --" + f.Name; names && writes[name] == "" {
				t.Errorf("%s may name a file to write: %s", name, f.Usage)
			}
		})
	}
}
