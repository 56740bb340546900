package serve

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func copyModel(t *testing.T, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(filepath.Join(shared(t), "run", "saved_model"))); err != nil {
		t.Fatal(err)
	}
}

// New versions take the place of older ones without a lost request; garbage does not.
func TestVersions(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "shapes")
	copyModel(t, filepath.Join(dir, "1"))
	s, addr, _ := run(t, func(o *Options) { o.Models, o.Poll = []string{dir}, 20*time.Millisecond })
	url := "http://" + addr + "/v1/models/shapes"
	body := `{"instances": [` + b64(pictureFile(t)) + `]}`
	stop, count := make(chan bool), 0
	var wait sync.WaitGroup
	wait.Go(func() {
		for ; ; count++ {
			select {
			case <-stop:
				return
			default:
			}
			w, err := http.Post(url+":predict", "application/json", strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			text, _ := io.ReadAll(w.Body)
			if w.Body.Close(); w.StatusCode != 200 {
				t.Errorf("while versions change: %s %s", w.Status, text)
			}
		}
	})
	await := func(number int) {
		for s.models.models[0].served() != number {
			time.Sleep(5 * time.Millisecond)
		}
	}
	copyModel(t, filepath.Join(dir, "new"))
	if err := os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "2")); err != nil {
		t.Fatal(err)
	}
	await(2)
	// Version 3 comes piece by piece: it is garbage first.
	if err := os.MkdirAll(filepath.Join(dir, "3", "variables"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "3", "saved_model.pb"), []byte("garbage"), 0o666); err != nil {
		t.Fatal(err)
	}
	for ; ; time.Sleep(5 * time.Millisecond) {
		w, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(w.Body)
		if w.Body.Close(); strings.Contains(string(text), `"version": "3"`) && strings.Contains(string(text), `"version": "2"`) {
			break
		}
	}
	os.RemoveAll(filepath.Join(dir, "3"))
	copyModel(t, filepath.Join(dir, "3"))
	await(3)
	for _, n := range []string{"2", "3"} {
		os.RemoveAll(filepath.Join(dir, n))
	}
	await(1)
	os.WriteFile(filepath.Join(dir, "1", "saved_model.pb"), []byte("garbage"), 0o666)
	os.RemoveAll(dir)
	time.Sleep(100 * time.Millisecond)
	close(stop)
	wait.Wait()
	if count == 0 {
		t.Error("no request was sent")
	}
}
