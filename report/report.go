package report

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/report/page"
	"oscar/result"
)

// reportFile is the default name of a report, in the folder of the results.
const reportFile = "report.html"

// Options are the options of [Write].
type Options struct {
	// Dirs are folders of results. The page is about the first; the chapters of the others follow.
	Dirs    []string
	Out     string       // the HTML file; "": report.html in the first folder
	Version string       // of oscar, for the page's last line
	Stage   func(string) // receives the name of each stage; may be nil
}

// Write writes the results in folders as one HTML file, and returns its path. For a run it includes
// the results in its folder. The folders are only read. An image is shown if it is at its recorded
// path or in the run's data.
func Write(ctx context.Context, o Options) (string, error) {
	if len(o.Dirs) == 0 {
		return "", fmt.Errorf("no folder to report on")
	}
	if o.Out == "" {
		o.Out = filepath.Join(o.Dirs[0], reportFile)
		if info, err := os.Lstat(o.Out); err == nil && info.Mode()&os.ModeSymlink != 0 { // a link may lead to somebody else's file
			return "", fmt.Errorf("%s is a link, which may lead anywhere; remove it, or name the file to write", o.Out)
		}
	}
	p, err := build(ctx, &o)
	if err != nil {
		return "", err
	}
	if err := page.Replaceable(o.Out); err != nil {
		return "", err
	}
	o.Stage("writing the report")
	if err := page.Write(ctx, o.Out, p); err != nil {
		return o.Out, err
	}
	if list, err := checksum.Read(filepath.Dir(o.Out)); list == nil || err != nil {
		return o.Out, err // no folder of results
	}
	return o.Out, checksum.Update(filepath.Dir(o.Out), filepath.Base(o.Out))
}

// HTML returns the page of [Write]. If home is not empty, the page has a link to this URL.
func HTML(ctx context.Context, o Options, home string) ([]byte, error) {
	if len(o.Dirs) == 0 {
		return nil, fmt.Errorf("no folder to report on")
	}
	p, err := build(ctx, &o)
	if err != nil {
		return nil, err
	}
	p.Home = home
	return p.HTML(ctx)
}

// build reads the folders into a page.
func build(ctx context.Context, o *Options) (page.Page, error) {
	if o.Stage == nil {
		o.Stage = func(string) {}
	}
	o.Stage("reading results")
	var chapters []chapter
	for _, dir := range o.Dirs {
		more, err := chaptersOf(ctx, dir)
		if err != nil {
			return page.Page{}, err
		}
		for _, c := range more {
			// A folder that was given may also be in a run that was given.
			if !slices.ContainsFunc(chapters, func(has chapter) bool { return paths.Absolute(has.dir) == paths.Absolute(c.dir) }) {
				chapters = append(chapters, c)
			}
		}
	}
	p := join(chapters)
	if p.Made == "" {
		p.Made = strings.TrimSpace("oscar " + o.Version)
	}
	return p, nil
}

// KindOf returns the command that made a folder of results, such as "oscar train", and whether it
// has finished. It returns "" for a folder without results.
func KindOf(dir string) (verb string, finished bool) {
	for _, kind := range kinds {
		if paths.Exists(filepath.Join(dir, kind.first)) {
			return kind.verb, paths.Exists(filepath.Join(dir, kind.last))
		}
	}
	return "", false
}

type withinKey struct{}

// Within returns a context in which reports show only photographs below the given folders.
// Other photographs count as missing.
func Within(ctx context.Context, dirs []string) context.Context {
	real := make([]string, len(dirs))
	for i, dir := range dirs {
		real[i] = paths.Real(dir)
	}
	return context.WithValue(ctx, withinKey{}, real)
}

// readable reports whether a photograph may be read; see [Within].
func readable(ctx context.Context, path string) bool {
	dirs, bounded := ctx.Value(withinKey{}).([]string)
	if !bounded {
		return true
	}
	path = paths.Real(path)
	return slices.ContainsFunc(dirs, func(dir string) bool { return paths.Within(dir, path) })
}

// kinds are the kinds of folders. Each is identified by the file that its command writes first.
var kinds = []struct {
	first, last, verb string
	chapters          func(context.Context, string) ([]chapter, error)
}{
	{result.ExperimentFile, result.ExperimentFile, "oscar train", trainChapters},
	{result.SettingsFile, result.ManifestFile, "oscar explain", explainChapters},
	{result.ScoringFile, result.ScoreFile, "oscar score", scoreChapters},
	{result.GlobalFile, result.GlobalFile, "oscar explain-global", globalChapters},
	{result.File, result.File, "oscar study", studyChapters},
	{result.AuditFile, result.AuditFile, "oscar audit", auditChapters},
	{result.ComparisonFile, result.ComparisonFile, "oscar compare", compareChapters},
	{result.FoldsFile, result.FoldsTable, "oscar train --folds", foldsChapters},
}

func chaptersOf(ctx context.Context, dir string) ([]chapter, error) {
	var known []string
	for _, kind := range kinds {
		if paths.Exists(filepath.Join(dir, kind.first)) {
			if !paths.Exists(filepath.Join(dir, kind.last)) {
				return nil, fmt.Errorf("%s has no %s yet: %s is not finished; repeat its command to resume it", dir, kind.last, kind.verb)
			}
			return kind.chapters(ctx, dir)
		}
		known = append(known, fmt.Sprintf("%s (%s)", kind.verb, kind.first))
	}
	if !paths.Exists(dir) {
		return nil, fmt.Errorf("there is no folder %s", dir)
	}
	return nil, fmt.Errorf("%s has no results to report; want a folder of %s", dir, strings.Join(known, ", "))
}

// chaptersWithin returns the chapters of finished explanations and scores in a run's folder. run is
// nil for a detector.
func chaptersWithin(ctx context.Context, of string, run *result.Training) ([]chapter, error) {
	entries, err := os.ReadDir(of)
	if err != nil {
		return nil, err
	}
	var out []chapter
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		dir := filepath.Join(of, e.Name())
		list, err := checksum.Read(dir)
		if err != nil {
			return nil, err
		}
		has := func(name string) bool { // also true for a damaged file, whose reading gives an error
			_, listed := list[name]
			return listed || paths.Exists(filepath.Join(dir, name))
		}
		var more []chapter
		switch {
		case has(result.SettingsFile) && has(result.ManifestFile) && result.IsOfDetector(dir, result.SettingsFile):
			more, err = objectChapters(dir)
		case has(result.SettingsFile) && has(result.ManifestFile):
			more, err = explainChaptersOf(ctx, dir, run)
		case has(result.ScoringFile) && has(result.ScoreFile):
			more, err = scoreChapters(ctx, dir)
		case has(result.GlobalFile):
			more, err = globalChapters(ctx, dir)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

// again returns the recorded command lines that made a folder.
func again(dir string) ([]page.Block, error) {
	lines, err := result.Commands(dir)
	if err != nil || len(lines) == 0 {
		return nil, err
	}
	return []page.Block{page.Text("To repeat it:"), page.Code(strings.Join(lines, "\n"))}, nil
}
