package pipeline

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"oscar/internal/paths"
	"oscar/report/page"
	"oscar/result"
)

// ReportOptions are the options of [Report].
type ReportOptions struct {
	// Dirs are folders of [Train], [Explain], [Score], [ExplainGlobal] or a study. The first is what
	// the page is about; what the others have comes after it.
	Dirs     []string
	Out      string // HTML file; empty: report.html in the first folder
	Listener Listener
}

// reportFile is the name of a report in the folder that it is about.
const reportFile = "report.html"

// Report writes what folders hold as one HTML file that can be sent to somebody,
// and returns its path. What lies below a run comes with it. The folders are only
// read; the images that they name are shown if they are still where they were.
func Report(ctx context.Context, o ReportOptions) (string, error) {
	if len(o.Dirs) == 0 {
		return "", fmt.Errorf("no folder to report on")
	}
	if o.Out == "" {
		o.Out = filepath.Join(o.Dirs[0], reportFile)
	}
	o.Listener.stage("reading results")
	var chapters []chapter
	for _, dir := range o.Dirs {
		more, err := chaptersOf(ctx, dir)
		if err != nil {
			return "", err
		}
		for _, c := range more {
			// What lies below a run may be named as well.
			if !slices.ContainsFunc(chapters, func(has chapter) bool { return paths.Absolute(has.dir) == paths.Absolute(c.dir) }) {
				chapters = append(chapters, c)
			}
		}
	}
	if err := page.Replaceable(o.Out); err != nil {
		return "", err
	}
	o.Listener.stage("writing the report")
	err := page.Write(ctx, o.Out, join(chapters))
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w; nothing was written", ErrInterrupted)
	}
	return o.Out, err
}

// reportable are the kinds of folder, told by the file that begins them.
var reportable = []struct {
	mark, whole, made string
	chapters          func(context.Context, string) ([]chapter, error)
}{
	{experimentFile, experimentFile, "oscar train", runChapters},
	{settingsFile, result.ManifestFile, "oscar explain", explanationChapters},
	{scoringFile, scoresFile, "oscar score", scoreChapters},
	{globalFile, globalFile, "oscar explain-global", globalChapters},
	{result.File, result.File, "oscar study", studyChapters},
}

func chaptersOf(ctx context.Context, dir string) ([]chapter, error) {
	var known []string
	for _, kind := range reportable {
		if paths.Exists(filepath.Join(dir, kind.mark)) {
			if !paths.Exists(filepath.Join(dir, kind.whole)) {
				return nil, fmt.Errorf("%s has no %s yet: %s is not finished; the same command goes on", dir, kind.whole, kind.made)
			}
			return kind.chapters(ctx, dir)
		}
		known = append(known, fmt.Sprintf("%s (%s)", kind.made, kind.mark))
	}
	if !paths.Exists(dir) {
		return nil, fmt.Errorf("there is no folder %s", dir)
	}
	return nil, fmt.Errorf("%s has no results to report; want a folder of %s", dir, strings.Join(known, ", "))
}

// below lists the parts of the finished explanations and scores that lie in a
// run's folder.
func below(ctx context.Context, run string, roots ...string) ([]chapter, error) {
	entries, err := os.ReadDir(run)
	if err != nil {
		return nil, err
	}
	var out []chapter
	for _, e := range entries {
		dir := filepath.Join(run, e.Name())
		var more []chapter
		switch {
		case !e.IsDir():
		case paths.Exists(filepath.Join(dir, settingsFile)) && paths.Exists(filepath.Join(dir, result.ManifestFile)):
			more, err = explanationOf(ctx, dir, roots...)
		case paths.Exists(filepath.Join(dir, scoringFile)) && paths.Exists(filepath.Join(dir, scoresFile)):
			more, err = scoreChapters(ctx, dir)
		case paths.Exists(filepath.Join(dir, globalFile)):
			more, err = globalChapters(ctx, dir)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}
