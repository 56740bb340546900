package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"oscar/internal/machine"
	"oscar/internal/quiet"
)

// The test binary is oscar where it is called oscar.
func TestMain(m *testing.M) {
	testscript.Main(loud{m}, map[string]func(){"oscar": main, "oscar-crash": crash, "oscar-faulty": faulty})
}

// loud runs the tests with standard error in place: package quiet sets it
// aside in every binary that has it, before main.
type loud struct{ *testing.M }

func (l loud) Run() int {
	if err := quiet.Start(); err != nil {
		panic(err)
	}
	defer func() {
		for _, dir := range fixtureDirs {
			os.RemoveAll(dir)
		}
	}()
	return l.M.Run()
}

// fixtureDirs are folders that are removed when all tests have ended.
var fixtureDirs []string

func fixtureDir() (string, error) {
	dir, err := os.MkdirTemp("", "oscar-cmd-")
	fixtureDirs = append(fixtureDirs, dir)
	return dir, err
}

// fixtures makes, once, a folder with shapes/images, 6 classes of 6 images of
// 48x40, and run, a finished run on them. No test may change them.
var fixtures = sync.OnceValues(func() (string, error) {
	dir, err := fixtureDir()
	if err != nil {
		return "", err
	}
	for _, call := range []string{
		"synthesize shapes --per-class 6 --width 48 --height 40",
		"train shapes/images --out run --arch tiny --epochs 2 --learning-rate 1e-3 --threads 1",
	} {
		cmd := exec.Command("oscar", strings.Fields(call)...)
		cmd.Dir = dir
		if output, err := cmd.CombinedOutput(); err != nil {
			return dir, fmt.Errorf("oscar %s: %w\n%s", call, err, output)
		}
	}
	return dir, nil
})

func shared(t *testing.T) string {
	t.Helper()
	dir, err := fixtures()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// Each script calls oscar as a user would. $DATA is a folder of images and $RUN
// a finished run on them.
func TestScripts(t *testing.T) {
	shared := shared(t)
	before := contents(t, shared)
	t.Run("script", func(t *testing.T) {
		testscript.Run(t, testscript.Params{
			Dir:                "testdata",
			RequireUniqueNames: true,
			Setup: func(e *testscript.Env) error {
				e.Setenv("DATA", filepath.Join(shared, "shapes", "images"))
				e.Setenv("RUN", filepath.Join(shared, "run"))
				if scripts, err := filepath.Abs(filepath.Join("..", "..", "distributed", "examples")); err == nil {
					e.Setenv("SCRIPTS", scripts)
				}
				images, err := filepath.Abs(filepath.Join("..", "..", "dataset", "testdata"))
				e.Setenv("IMAGES", images)
				return err
			},
			Condition: func(name string) (bool, error) {
				if name != "bfloat16" {
					return false, fmt.Errorf("unknown condition %s", name)
				}
				return machine.HasBFloat16(), nil
			},
			Cmds: map[string]func(*testscript.TestScript, bool, []string){
				"refused": refused, "jsonkeys": jsonKeys, "lines": lines, "size": size,
			},
		})
	})
	after := contents(t, shared)
	for name, text := range before {
		if after[name] != text {
			t.Errorf("a script changed %s", name)
		}
	}
	for name := range after {
		if _, ok := before[name]; !ok {
			t.Errorf("a script made %s", name)
		}
	}
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		files[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// refused STATUS MESSAGE ARG... calls oscar and wants it to end with the status
// and that one line on standard error: the last one, and with status 2 a hint
// after it. Nothing is on standard output. A MESSAGE that ends with ... is the
// beginning of the line.
func refused(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: refused STATUS MESSAGE ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](ts.Exec("oscar", args[2:]...)); ok {
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit status %d, want %d", code, want)
	}
	if out := ts.ReadFile("stdout"); out != "" && want != exitLimit { // a limit ends a job that is done
		ts.Fatalf("standard output: %s", out)
	}
	said := strings.Split(strings.TrimSuffix(ts.ReadFile("stderr"), "\n"), "\n")
	if code == 2 {
		hint := said[len(said)-1]
		said = said[:len(said)-1]
		if !strings.HasPrefix(hint, `oscar: see "oscar`) || !strings.HasSuffix(hint, ` --help"`) || len(said) != 1 {
			ts.Fatalf("usage error says:\n%s\n%s", strings.Join(said, "\n"), hint)
		}
	}
	beginning, part := strings.CutSuffix(args[1], "...")
	if got := said[len(said)-1]; got != "oscar: "+args[1] && !(part && strings.HasPrefix(got, "oscar: "+beginning)) {
		ts.Fatalf("got:  %s\nwant: oscar: %s", got, args[1])
	}
}

// jsonkeys FILE KEY... wants a JSON object, or one a line, with those keys.
func jsonKeys(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: jsonkeys FILE KEY...")
	}
	d := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	objects := 0
	for d.More() {
		var object map[string]json.RawMessage
		ts.Check(d.Decode(&object))
		for _, key := range args[1:] {
			if _, ok := object[key]; !ok {
				ts.Fatalf("object %d has no key %q", objects+1, key)
			}
		}
		objects++
	}
	if objects == 0 {
		ts.Fatalf("%s holds no object", args[0])
	}
}

// lines N FILE wants a number of lines.
func lines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lines N FILE")
	}
	if n := strings.Count(ts.ReadFile(args[1]), "\n"); fmt.Sprint(n) != args[0] {
		ts.Fatalf("%d lines, want %s", n, args[0])
	}
}

// size FILE WIDTHxHEIGHT wants an image of that size.
func size(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: size FILE WIDTHxHEIGHT")
	}
	got, err := imageSize([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	if got != args[1] {
		ts.Fatalf("%s, want %s", got, args[1])
	}
}
