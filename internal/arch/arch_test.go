// Package arch holds the code against its design: which package may import
// which, and why.
package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// order has every package from the top down. Imports point down only, so that
// each can be read, tested and replaced without those above it. A new package
// gets a line here.
var order = []string{
	"bench",                      // speed and memory of oscar and of alternatives
	"cmd/oscar",                  // flags, help and exit codes of the commands
	"oscar",                      // one model, one image: the simplest use in a Go program
	"recipes",                    // ready experiments, embedded in the program
	"worker",                     // units of planned jobs, run by any process
	"study",                      // a base experiment and named edits of it
	"client",                     // client of a server, without TensorFlow
	"serve",                      // models over HTTP: pages, TensorFlow Serving's REST interface
	"report",                     // HTML page of a folder of results
	"verify",                     // folders of results compared with their checksums
	"pipeline",                   // the commands as Go functions
	"instance",                   // the commands for detectors
	"weights",                    // other programs' weights for oscar's architectures
	"run",                        // the run folder: checkpoints, fitting, metrics
	"experiment",                 // the settings of a training run
	"internal/reference",         // networks that other programs have too, for tests
	"methods",                    // the table of explanation methods
	"report/reporttest",          // a report in a browser, for tests
	"report/page",                // pages, tables and charts
	"result",                     // types and readers of every file of results
	"instance/maskrcnn",          // Mask R-CNN
	"tfmodel",                    // layers, architectures, training
	"savedmodel/foreign",         // SavedModels of other programs converted
	"savedmodel/foreign/rewrite", // operations without a correct gradient replaced
	"savedmodel",                 // graphs and variables written and read
	"global",                     // global explanations, of many images
	"score",                      // scores of explanations
	"gradcam",                    // class activation maps
	"heatmap",                    // pictures of maps
	"explain",                    // methods based on the image; types of all methods
	"instance/formats",           // pictures with objects, as other programs write them
	"instance/scene",             // pictures with several objects, as folders
	"dataset",                    // folders of images into batches
	"instance/coco",              // files of COCO, and its average precision
	"instance/mask",              // masks of objects as run lengths
	"metric",                     // accuracy and other metrics
	"internal/agreement",         // comparison with other programs, for tests
	"internal/events",
	"internal/npy",
	"internal/jpegfile", // JPEGs, with all colors of small pictures
	"internal/hdf5",     // Keras's files
	"internal/quiet",
	"internal/graph",      // TensorFlow's C library
	"cluster/clustertest", // TensorFlow's servers in processes, for tests
	"cluster",             // TensorFlow's servers, and whether they answer
	"store",               // files of jobs in an object store
	"internal/resultdir",  // folders of results: locked, resumed
	"internal/checkpoint", // checkpoints of a training, written and listed
	"internal/checksum",   // damaged files detected
	"internal/atomicfile",
	"internal/damage",  // files damaged, for tests
	"internal/testkit", // what the tests of several packages need
	"internal/machine",
	"internal/keyed",     // settings read strictly
	"internal/jsonerror", // errors of encoding/json described
	"internal/named",     // values by name
	"internal/paths",     // file names
	"internal/text",      // numbers and lists in messages
	"internal/batch",     // images to a model in batches
	"internal/seeded",    // random numbers by a seed
	"internal/numeric",   // small functions of numbers
}

// forbidden are imports that the order would let through. A name ends with
// "..." where it stands for all below it.
var forbidden = []struct {
	importers []string // nil: all packages
	except    []string
	imported  []string
	but       string // the end of names that are allowed
	through   bool   // other packages as well
	why       string
}{
	{
		except:   []string{"internal/graph", "cluster", "savedmodel", "savedmodel/foreign", "savedmodel/foreign/rewrite", "serve"},
		imported: []string{tensorflow},
		why: "the bindings of TensorFlow's C library are sharp (names collide, errors panic later, memory is not " +
			"collected): internal/graph is the one place that handles them; add what is missing there",
	},
	{
		importers: []string{"cluster", "savedmodel", "savedmodel/foreign", "savedmodel/foreign/rewrite", "serve"},
		imported:  []string{tensorflow},
		but:       "_go_proto",
		why:       "cluster, savedmodel and serve read and write TensorFlow's protocol buffers, but leave graphs and sessions to internal/graph",
	},
	{
		importers: []string{"client", "explain", "gradcam", "heatmap", "score", "global", "dataset", "instance/coco", "instance/mask", "instance/scene", "metric", "report", "report/page", "result", "verify", "internal/events", "internal/npy", "internal/jpegfile", "internal/atomicfile", "internal/machine", "internal/quiet", "internal/keyed", "internal/named", "internal/batch", "internal/seeded", "internal/numeric"},
		imported:  []string{tensorflow, "oscar/internal/graph"},
		through:   true,
		why: "this is arithmetic on plain slices: without TensorFlow it builds in a second, is tested by hand-made " +
			"numbers and can be used with any model",
	},
	{
		importers: []string{"cmd/oscar"},
		imported:  []string{"oscar/internal/graph", "oscar/savedmodel"},
		why:       "a command turns flags into options and makes one call: whatever it does, a Go program must be able to do through pipeline",
	},
	{
		importers: []string{"tfmodel", "savedmodel"},
		imported:  []string{"oscar/dataset", "oscar/gradcam", "oscar/heatmap", "oscar/metric", "oscar/score", "oscar/report", "oscar/report/page"},
		why:       "a model takes pixels and gives numbers: where they come from and what is made of them is pipeline's to join",
	},
	{
		importers: []string{"gradcam", "explain"},
		imported:  []string{"oscar/heatmap", "oscar/dataset"},
		why:       "an explanation is a signed, unscaled map: scaling it for the eye is heatmap's, reading images dataset's",
	},
}

const tensorflow = "github.com/wamuir/graft/tensorflow..."

// longer are the files above 400 lines, with the reason for which they may be.
var longer = map[string]string{}

const longest = 400

// importPath returns the import path of a name in the order. The module's root
// is oscar itself.
func importPath(name string) string {
	if name == "oscar" {
		return name
	}
	return "oscar/" + name
}

// pkg is what `go list` says of a package.
type pkg struct {
	ImportPath        string
	GoFiles, CgoFiles []string
	Imports, Deps     []string
}

// packages lists the module's packages that are more than tests.
func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,GoFiles,CgoFiles,Imports,Deps", "oscar/...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if len(p.GoFiles)+len(p.CgoFiles) > 0 {
			all = append(all, p)
		}
	}
	if len(all) < 10 {
		t.Fatalf("go list finds %d packages only", len(all))
	}
	return all
}

func TestImportsPointDown(t *testing.T) {
	rank := map[string]int{}
	for i, name := range order {
		rank[importPath(name)] = i
	}
	for _, p := range packages(t) {
		place, ok := rank[p.ImportPath]
		if !ok {
			t.Errorf("%s has no place in the order of packages: give it one in internal/arch, above all that it imports", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			if below, ok := rank[imported]; ok && below <= place {
				t.Errorf("%s imports %s, which lies above it: imports point down, so that a package can be read, tested and "+
					"replaced without those above it; hand it in as a value or an interface", p.ImportPath, imported)
			}
		}
	}
}

func TestForbiddenImports(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, "oscar/")
		for _, rule := range forbidden {
			if rule.importers != nil && !slices.Contains(rule.importers, name) || slices.Contains(rule.except, name) {
				continue
			}
			imports := p.Imports
			if rule.through {
				imports = p.Deps
			}
			for _, imported := range imports {
				if matches(rule.imported, imported) && (rule.but == "" || !strings.HasSuffix(imported, rule.but)) {
					t.Errorf("%s must not import %s: %s", p.ImportPath, imported, rule.why)
					break
				}
			}
		}
	}
}

func matches(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		prefix, below := strings.CutSuffix(pattern, "...")
		return path == prefix || below && strings.HasPrefix(path, prefix+"/")
	})
}

// A rule about a package that is gone is none.
func TestRulesNameWhatThereIs(t *testing.T) {
	there := map[string]bool{}
	for _, p := range packages(t) {
		there[p.ImportPath] = true
	}
	for i, name := range order {
		if slices.Index(order, name) != i {
			t.Errorf("%s has two places in the order", name)
		}
		if !there[importPath(name)] {
			t.Errorf("the order has a place for %s, which is gone", name)
		}
	}
	for _, rule := range forbidden {
		for _, name := range slices.Concat(rule.importers, rule.except) {
			if !slices.Contains(order, name) {
				t.Errorf("a rule names %s, which is not in the order", name)
			}
		}
		for _, path := range rule.imported {
			if name, ours := strings.CutPrefix(path, "oscar/"); ours && !slices.Contains(order, name) {
				t.Errorf("a rule forbids %s, which is not in the order", name)
			}
		}
	}
}

func TestFilesAreShort(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"bin", "runs", "testdata"}, d.Name())) {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		seen++
		lines := bytes.Count(b, []byte("\n"))
		if lines > longest && longer[filepath.ToSlash(name)] == "" {
			t.Errorf("%s has %d lines, more than %d: it holds more than one idea; split it, or give the reason why not in internal/arch", name, lines, longest)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 50 {
		t.Errorf("found %d Go files only", seen)
	}
	for name := range longer {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Errorf("%s is gone: take it out of internal/arch", name)
		}
	}
}
