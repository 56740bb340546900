package verify

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/result"
)

// kind describes the folders of one kind of results.
type kind struct {
	name string
	mark string // the file that identifies them, or a folder with files in their list
	// files are the patterns of their files, for [path.Match], with the remedy if one is damaged. A
	// pattern that ends with a slash means all files below it.
	files []file
	again string // remedy for all other files
	inRun bool   // remade with the run
}

type file struct {
	pattern string
	remedy  string // "": the kind's remedy
	// free means that files are not listed: they have their own checksums, may change at any time, or
	// are made again without a note.
	free bool
}

// Remedies. %s is the folder, or the one that contains it.
const (
	resume   = "make it again: oscar train --resume %s"
	restore  = "it cannot be made again: put it back from a copy; if you changed it yourself, record it as it is: oscar verify --accept %s"
	anew     = "make it again: repeat the command that made %s with a new folder"
	repeat   = "make it again: repeat the command that made %s"
	reported = "make it again: oscar report %s"
)

// File names of several kinds.
var (
	commandFile = file{pattern: result.CommandFile, remedy: "repeat the command that made %s, which is recorded again"}
	reportFile  = file{pattern: "report.html", remedy: reported}
)

// kinds is the table of kinds of folders, searched in order for the mark.
var kinds = []kind{
	{"run", result.ExperimentFile, []file{
		{result.ExperimentFile, "if you edited it, oscar train --resume %[1]s checks the edit; if not, put it back from a copy; the settings stand in checkpoints/step-*/state.json, too", false},
		{result.SplitFile, restore, false},
		{result.EnvironmentFile, restore, false},
		{result.NetworkFile, resume, false},
		{result.MetricsFile, resume, false},
		{result.EvaluationFile, resume, false},
		{result.DiscardedFile, restore, false},
		commandFile, reportFile,
		{"events/", "", true}, {"cache/", "", true}, {"data/", "", true},
	}, restore, false},
	{"explanations", result.SettingsFile, []file{
		{result.SettingsFile, "", false}, {result.ManifestFile, "", false}, {"montage.png", "", false}, {"scales.json", "", false},
		{"maps/", "", false}, {"overlays/", "", false}, {"sheets/", "", false}, {"parts/*.jsonl", "", false}, {"sums/*.sha256", "", false},
		{"parts/*.journal", "", true}, commandFile, reportFile,
	}, repeat, false},
	{"scores", result.ScoringFile, []file{
		{result.ScoringFile, "", false}, {result.ScoreFile, "", false}, {"parts/*.json", "", false}, commandFile, reportFile,
	}, repeat, false},
	{"study", result.PlanFile, []file{
		{result.PlanFile, "", false}, {result.Asked, "", false}, {"split*.json", "", false}, {result.File, "", false}, {"study.csv", "", false},
		{"looks/*.json", "", false}, {"wall/*.jpg", "", false}, commandFile, reportFile,
	}, repeat, false},
	{"global explanations", result.GlobalFile, []file{
		{result.GlobalFile, "", false}, {"averages/", "", false}, {"spray/", "", false}, {"averages.png", "", false}, {"tree.txt", "", false}, {"*.json", "", false}, {"*.npy", "", false}, {"*.csv", "", false},
		commandFile, reportFile,
	}, anew, false},
	{"comparison", result.ComparisonFile, []file{
		{result.ComparisonFile, "", false}, {"changed/", "", false}, commandFile, reportFile,
	}, anew, false},
	{"audit", result.AuditFile, []file{
		{result.AuditFile, "", false}, {result.AuditTable, "", false}, {"pictures/", "", false}, commandFile, reportFile,
	}, anew, false},
	{"cross-validation", result.FoldsFile, []file{
		{result.FoldsFile, restore, false}, {result.FoldsTable, resume, false}, commandFile, reportFile,
	}, resume, false},
	{"predictions", "predict.json", []file{
		{"predict.json", "", false}, {"parts/*.jsonl", "", false}, {"sums/*.sha256", "", false},
		{"predictions.csv", "", true}, {"predictions.jsonl", "", true}, commandFile,
	}, repeat, false},
	{"model", "saved_model.pb", []file{
		{"saved_model.pb", "", false}, {"variables/", "", false}, {"assets.extra/oscar.json", "", false},
	}, "export the model again; if you changed the file yourself, record it as it is: oscar verify --accept %s", true},
	{"weights", "weights.index", []file{{"weights.*", "", false}}, "start the run again with the weights, or put it back from a copy: %s", false},
	{"checkpoint", "variables.index", []file{
		{"state.json", "", false}, {"variables.*", "", false},
	}, restore, true},
	{"images", "images/", nil, anew, false},
}

// partOfRun is the remedy for checkpoints and the model of a run.
const partOfRun = "make it again, or go on from a whole checkpoint: oscar train --resume %s"

// kindOf returns the kind of a folder by its files and its list, or nil if it has none.
func kindOf(dir string, list checksum.List) *kind {
	for i, k := range kinds {
		if strings.HasSuffix(k.mark, "/") {
			if slices.ContainsFunc(slices.Collect(maps.Keys(list)), func(name string) bool { return strings.HasPrefix(name, k.mark) }) {
				return &kinds[i]
			}
		} else if _, listed := list[k.mark]; listed || paths.Exists(filepath.Join(dir, k.mark)) {
			return &kinds[i]
		}
	}
	return nil
}

// find returns the line for a file, or nil.
func (k *kind) find(name string) *file {
	for i, f := range k.files {
		if below, is := strings.CutSuffix(f.pattern, "/"); is {
			if strings.HasPrefix(name, below+"/") {
				return &k.files[i]
			}
		} else if ok, err := path.Match(f.pattern, name); ok && err == nil {
			return &k.files[i]
		}
	}
	return nil
}

// made reports whether oscar makes files with that name.
func (k *kind) made(name string) bool { return k.find(name) != nil }

// unchecked reports whether files with that name are never listed.
func (k *kind) unchecked(name string) bool {
	f := k.find(name)
	return f != nil && f.free
}

// Remedy returns the remedy for a damaged file.
func Remedy(d *checksum.Damage) string {
	if d.Remedy != "" {
		return d.Remedy
	}
	if d.Name == checksum.File {
		return fmt.Sprintf("the files may be whole: compare them with a copy, then record them as they are: oscar verify --accept %s", d.Dir)
	}
	list, err := checksum.Read(d.Dir)
	if err != nil {
		list = nil
	}
	k := kindOf(d.Dir, list)
	if k == nil {
		return fmt.Sprintf(restore, d.Dir)
	}
	if run := runAbove(d.Dir); run != "" {
		if k.inRun {
			return fmt.Sprintf(partOfRun, run)
		}
		if !paths.Exists(filepath.Join(d.Dir, result.CommandFile)) { // made for the run's report
			return fmt.Sprintf(resume, run)
		}
	}
	text := k.again
	if f := k.find(d.Name); f != nil && f.remedy != "" {
		text = f.remedy
	}
	return fmt.Sprintf(text, d.Dir)
}

// runAbove returns the run that contains a folder, or "".
func runAbove(dir string) string {
	for range 2 {
		if dir = filepath.Dir(filepath.Clean(dir)); paths.Exists(filepath.Join(dir, result.ExperimentFile)) {
			return dir
		}
	}
	return ""
}
