package study

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"oscar/dataset"
	"oscar/internal/checksum"
	"oscar/internal/jsonerror"
	"oscar/internal/paths"
	"oscar/internal/resultdir"
	"oscar/result"
)

// Names in a study's folder.
const (
	studyFile       = result.Asked // the study, for people
	planFile        = result.PlanFile
	runsDir         = "runs"
	looksDir        = "looks"
	scoresDir       = "scores"
	explanationsDir = "explanations"
	wallDir         = "wall"
	csvFile         = "study.csv"
	evaluationFile  = "evaluation.json" // of a run
)

// plan is the study and the decisions made when the folder was created. It is written last, because
// it marks the folder as a study's.
type plan struct {
	Format int         `json:"format"`           // 1
	Root   string      `json:"root"`             // absolute path of the folder of images, or of a table
	Images string      `json:"images,omitempty"` // folder that image paths are relative to, if not Root
	Budget float64     `json:"budget_seconds"`
	Cut    *result.Cut `json:"cut"`
	Added  []string    `json:"added"` // variants added later
	// DiscardModels is documented at [Options]. It is stored for later calls and workers.
	DiscardModels bool  `json:"discard_models,omitempty"`
	Study         Study `json:"study"` // including the added variants
}

// images returns the folder that image paths are relative to.
func (p plan) images() string { return cmp.Or(p.Images, p.Root) }

// path returns a path in the study's folder.
func (o Options) path(elem ...string) string {
	return filepath.Join(append([]string{o.Out}, elem...)...)
}

// isStudy reports whether dir is a study's folder.
func isStudy(dir string) bool { return paths.Exists(filepath.Join(dir, planFile)) }

// kind describes studies' folders, and the files that are written before the plan.
var kind = resultdir.Kind{
	Mark:  planFile,
	Early: []string{checksum.File, studyFile, runsDir, looksDir, scoresDir, explanationsDir, wallDir, "split*.json"},
}

// write writes the splits, the study and the plan.
func (j *job) write() error {
	for seed, split := range j.splits {
		if err := split.Write(j.path(j.Study.splitFile(seed))); err != nil {
			return err
		}
	}
	if err := j.makeFolders(); err != nil {
		return err
	}
	text, err := j.Study.yaml()
	if err != nil {
		return err
	}
	if err := checksum.Write(j.Out, studyFile, text); err != nil {
		return err
	}
	if err := checksum.Update(j.Out, j.Study.splitFiles()...); err != nil {
		return err
	}
	j.plan.Study = j.Study
	return checksum.WriteJSON(j.Out, planFile, j.plan)
}

// makeFolders makes the folders for results. They are missing in a copy from a store, which has no
// empty folders.
func (o Options) makeFolders() error {
	for _, dir := range []string{runsDir, looksDir, scoresDir, explanationsDir, wallDir} {
		if err := os.MkdirAll(o.path(dir), 0o777); err != nil {
			return err
		}
	}
	return nil
}

// splitFiles returns the names of the files of splits.
func (s Study) splitFiles() []string {
	var names []string
	for _, seed := range s.Seeds {
		names = append(names, s.splitFile(seed))
	}
	return names
}

// restore restores damaged files of the plan from other files with the same content. asked is the
// plan of the resuming call.
func (j *job) restore(asked plan) error {
	note := func(d error) { j.Listener.Note(fmt.Sprintf("%v; it is made again", d)) }
	if d := checksum.Check(j.Out, planFile); checksum.Is(d) {
		restored, err := checksum.RestoreJSON(j.Out, planFile, asked)
		if err != nil {
			return err
		} else if !restored {
			return d
		}
		note(d)
	}
	var was plan
	if err := checksum.ReadJSON(j.Out, planFile, &was); err != nil {
		return err
	}
	if d := checksum.Check(j.Out, studyFile); checksum.Is(d) {
		text, err := was.Study.yaml()
		if err == nil {
			err = checksum.Write(j.Out, studyFile, text)
		}
		if err != nil {
			return err
		}
		note(d)
	}
	for _, seed := range was.Study.Seeds { // each run has a copy of its split
		file := was.Study.splitFile(seed)
		d := checksum.Check(j.Out, file)
		if !checksum.Is(d) {
			continue
		}
		copies, err := filepath.Glob(j.path(runsDir, "*", "split.json"))
		if err != nil {
			return err
		}
		for _, path := range copies {
			text, err := paths.ReadRecord(path)
			if err != nil {
				continue
			}
			restored, err := checksum.Restore(j.Out, file, text)
			if err != nil {
				return err
			} else if restored {
				note(d)
				break
			}
		}
	}
	return checksum.UpdateUnlisted(j.Out, append(was.Study.splitFiles(), planFile, studyFile, result.File, csvFile, result.CommandFile)...)
}

// readPlan reads the plan and the splits.
func (j *job) readPlan() error {
	if err := checksum.ReadJSON(j.Out, planFile, &j.plan); err != nil {
		return err
	}
	if j.plan.Format != 1 {
		return fmt.Errorf("%s: format is %d, this oscar reads 1", j.path(planFile), j.plan.Format)
	}
	s := j.plan.Study
	j.splits = map[uint64]*dataset.Split{}
	for _, seed := range s.Seeds {
		var err error
		if j.splits[seed], err = dataset.ReadSplit(j.path(s.splitFile(seed))); err != nil {
			return err
		}
	}
	return nil
}

// differs returns the first difference between a folder's study and another one, or "" if there is
// none. It ignores variants that were added to the folder, and claims about them.
func differs(was, is Study, added []string) string {
	late := func(name string) bool { return slices.Contains(added, name) }
	of := func(s Study) Study {
		s.Variants = slices.DeleteFunc(slices.Clone(s.Variants), func(v Variant) bool { return late(v.Name) })
		s.Claims = slices.DeleteFunc(slices.Clone(s.Claims), func(c Claim) bool { return late(c.Variant) || late(c.Against) })
		return s
	}
	before, now := tree(of(was)), tree(of(is))
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Study]()) {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if text := difference(key, before[key], now[key]); text != "" {
			return text
		}
	}
	return ""
}

// tree returns a value as its JSON, parsed.
func tree(v any) (out map[string]any) {
	text, err := json.Marshal(v)
	if err == nil {
		err = jsonerror.Plain(json.Unmarshal(text, &out))
	}
	if err != nil {
		panic(err) // cannot happen: studies come from JSON
	}
	return out
}

// difference returns the first place where two trees differ, or "".
func difference(path string, was, is any) string {
	if reflect.DeepEqual(was, is) {
		return ""
	}
	switch a := was.(type) {
	case map[string]any:
		if b, ok := is.(map[string]any); ok {
			keys := slices.Collect(maps.Keys(a))
			keys = slices.AppendSeq(keys, maps.Keys(b))
			slices.Sort(keys)
			for _, k := range slices.Compact(keys) {
				if text := difference(path+"."+k, a[k], b[k]); text != "" {
					return text
				}
			}
		}
	case []any:
		if b, ok := is.([]any); ok {
			for i := range max(len(a), len(b)) {
				switch {
				case i >= len(b):
					return fmt.Sprintf("%s has %s, not here", path, describe(a[i]))
				case i >= len(a):
					return fmt.Sprintf("%s has no %s", path, describe(b[i]))
				}
				if text := difference(fmt.Sprintf("%s.%s", path, cmp.Or(nameOf(a[i]), fmt.Sprint(i+1))), a[i], b[i]); text != "" {
					return text
				}
			}
		}
	}
	return fmt.Sprintf("%s %s, not %s", path, describe(was), describe(is))
}

// describe returns a value as text for an error: its name if it has one.
func describe(v any) string {
	if name := nameOf(v); name != "" {
		return name
	}
	if v == nil {
		return "left out"
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return strings.Trim(string(text), `"`)
}

func nameOf(v any) string {
	m, _ := v.(map[string]any)
	name, _ := m["name"].(string)
	return name
}
