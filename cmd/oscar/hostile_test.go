package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"oscar/internal/testkit"
)

// hostileTries is the number of names that are changed in each kind of results.
var hostileTries = flag.Int("hostile", 1, "names in files of results that lead out of their folder")

// elsewhere are keys of files that lie elsewhere by their nature. They may be read: a page
// shows a photograph only if it has the right SHA-256. They must not be changed.
var elsewhere = []string{"image", "images", "path", "root", "model", "data", "from", "paths"}

// TestHostileNames puts names that lead out of the folder into files of results, with
// right checksums, as somebody may send them. The report, the verb itself and others that
// read them must neither open nor change a file out there.
func TestHostileNames(t *testing.T) {
	kinds := []struct{ name, args string }{
		{"explain", "explain $RUN $DATA/can --out out --threads 1 --method gradcam,saliency"},
		{"score", "score $RUN $DATA --split all --out out --threads 1 --method saliency --per-class 1 --mosaics 0 --metric gini"},
		{"explain-global", "explain-global $RUN $DATA --out out --threads 1 --what averages"},
		{"compare", "compare $RUN $RUN --out out --threads 1"},
		{"audit", "audit $RUN --out out --threads 1"},
		{"train", "train $DATA --out out --arch tiny --epochs 1 --threads 1"},
		{"study run", "study run $STUDY $DATA --out out --threads 1"},
		{"plan and worker", planExplain + " && " + units},
		{"train, detector", "train $SCENES --experiment $SMALL --out out --threads 1"},
		{"explain, detector", "explain $DETECTOR $SCENES/images/train --out out --threads 1"},
		{"synthesize --scenes", "synthesize out --scenes 10 --width 64 --height 64"},
	}
	for number, kind := range kinds {
		if *hostileTries == 1 && number > 1 {
			continue // make test has little time
		}
		t.Run(kind.name, func(t *testing.T) {
			x := newTorture(t, victim{args: kind.args, given: kind.args})
			switch kind.name {
			case "train", "train, detector":
				x.args = "train --resume out --threads 1"
			case "plan and worker":
				x.args = "merge out --threads 1"
			case "synthesize --scenes":
				x.args = "train out --experiment $SMALL --out trained --threads 1 --epochs 1"
			}
			x.hostile(kind.name)
		})
	}
}

func (x torture) hostile(name string) {
	top := x.t.TempDir()
	for given := range strings.SplitSeq(x.given, " && ") {
		x.succeed(top, "", given)
	}
	random := rand.New(rand.NewPCG(*campaignSeed, uint64(len(name))))
	lost := 0
	for range *hostileTries {
		dir := filepath.Join(x.t.TempDir(), "deep", "er")
		if err := os.CopyFS(dir, os.DirFS(top)); err != nil {
			x.t.Fatal(err)
		}
		secret := filepath.Join(filepath.Dir(dir), "secret.jpg")
		testkit.Write(x.t, secret, "secret")
		file, key, was := x.plant(random, filepath.Join(dir, "out"), []string{"../../secret.jpg", "../../../er/../secret.jpg", secret}[random.IntN(3)])
		if file == "" {
			continue
		}
		x.call(dir, "", "verify --accept out")
		watch := watchFile(x.t, secret)
		var problem string
		for _, args := range []string{"report out --out page.html", "draw out --colormap viridis", x.args, "verify out", "inspect out", "export out --out exported"} {
			if status, said := x.call(dir, "", args); status != 0 && status != exitFailed && status != exitUsage {
				problem += fmt.Sprintf("; oscar %s ended with %d: %s", args, status, said)
			}
		}
		opened, changed := watch()
		if opened && !slices.Contains(elsewhere, key) {
			problem += "; the file outside was opened"
		}
		if b, err := os.ReadFile(secret); changed || err != nil || string(b) != "secret" {
			problem += "; the file outside was changed"
		}
		if problem != "" {
			lost++
			x.t.Errorf("%s, %s in place of %q%s", file, key, was, problem)
		}
	}
	if *updateReliability {
		updateRow(x.t, "hostile", 1, []string{"`" + name + "`", strconv.Itoa(*hostileTries), strconv.Itoa(*hostileTries - lost), strconv.Itoa(lost)})
	}
}

// plant puts a name in place of one string of one JSON file of a folder, and returns which.
func (x torture) plant(random *rand.Rand, dir, name string) (file, key, was string) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if ext := filepath.Ext(path); err == nil && (ext == ".json" || ext == ".jsonl") {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		x.t.Fatal(err, files)
	}
	file = files[random.IntN(len(files))]
	b, err := os.ReadFile(file)
	if err != nil {
		x.t.Fatal(err)
	}
	lines := []string{string(b)}
	if filepath.Ext(file) == ".jsonl" {
		lines = strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	}
	at := random.IntN(len(lines))
	var whole any
	if err := json.Unmarshal([]byte(lines[at]), &whole); err != nil {
		return "", "", ""
	}
	type place struct {
		key, was string
		set      func()
	}
	var places []place
	var walk func(v any, key string, set func(string))
	walk = func(v any, key string, set func(string)) {
		switch v := v.(type) {
		case map[string]any:
			for k, inner := range v {
				walk(inner, k, func(s string) { v[k] = s })
			}
		case []any:
			for i := range v {
				walk(v[i], key, func(s string) { v[i] = s })
			}
		case string:
			places = append(places, place{key, v, func() { set(name) }})
		}
	}
	walk(whole, "", nil)
	if len(places) == 0 {
		return "", "", ""
	}
	slices.SortStableFunc(places, func(a, b place) int { return strings.Compare(a.key+a.was, b.key+b.was) })
	// Names of files are more worth a try than words.
	named := slices.DeleteFunc(slices.Clone(places), func(p place) bool { return !strings.ContainsAny(p.was, "./") })
	if len(named) > 0 && random.IntN(4) > 0 {
		places = named
	}
	chosen := places[random.IntN(len(places))]
	chosen.set()
	text, err := json.Marshal(whole)
	if err != nil {
		x.t.Fatal(err)
	}
	lines[at] = string(text)
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o666); err != nil {
		x.t.Fatal(err)
	}
	rel, _ := filepath.Rel(dir, file)
	return rel, chosen.key, chosen.was
}

// watchFile returns what tells whether a file was opened or changed since.
func watchFile(t *testing.T, path string) func() (opened, changed bool) {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.Skip(err)
	}
	const changes = unix.IN_MODIFY | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ATTRIB
	if _, err := unix.InotifyAddWatch(fd, path, unix.IN_OPEN|changes); err != nil {
		t.Fatal(err)
	}
	return func() (opened, changed bool) {
		defer unix.Close(fd)
		buffer := make([]byte, 64<<10)
		n, err := unix.Read(fd, buffer)
		if errors.Is(err, unix.EAGAIN) {
			return false, false
		} else if err != nil {
			t.Fatal(err)
		}
		for at := 0; at+unix.SizeofInotifyEvent <= n; {
			mask := uint32(buffer[at+4]) | uint32(buffer[at+5])<<8 | uint32(buffer[at+6])<<16 | uint32(buffer[at+7])<<24
			opened, changed = opened || mask&unix.IN_OPEN != 0, changed || mask&changes != 0
			at += unix.SizeofInotifyEvent + int(buffer[at+12]) + int(buffer[at+13])<<8
		}
		return opened, changed
	}
}
