package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"oscar/dataset"
)

// harness runs the jobs and measures them.
type harness struct {
	dir    string        // folder of the material
	rounds int           // counted rounds of every job
	round  time.Duration // approximate time of a round
	size   size          // of the material and of the work
	flat   []int         // numbers of images of the folder runs whose memory is compared

	installed map[string]installed
}

func (h *harness) say(format string, a ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", a...)
}

// measure measures one job with its contestants, in turn.
func (h *harness) measure(ctx context.Context, j job, contestants []contestant) ([]Result, error) {
	h.say("%s", j.Title)
	if j.Cold {
		return h.measureCold(ctx, j, contestants)
	}
	var at []*worker // nil: a row with a problem
	var results []Result
	defer func() {
		for _, w := range at {
			if w != nil {
				w.stop()
			}
		}
	}()
	for _, c := range contestants {
		w, err := h.enter(j, c)
		r := Result{Job: j.Name, Contestant: c.Name}
		if err != nil {
			h.say("  %s: %v", c.Name, err)
			r.Problem = lastLine(err)
			w = nil
		} else {
			r.Version, r.Note = w.Version, w.Note
		}
		if c.Name == reference(j).Name && err != nil {
			return nil, err
		}
		at, results = append(at, w), append(results, r)
	}
	rounds := h.rounds
	if j.Rounds > 0 {
		rounds = min(rounds, j.Rounds)
	}
	for round := range rounds {
		for i := range at { // a different one begins each round
			i = (i + round) % len(at)
			w, r := at[i], &results[i]
			if w == nil || r.Problem != "" {
				continue
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			seconds, err := w.round(w.pieces)
			if err != nil {
				r.Problem = lastLine(w.fail(err))
				continue
			}
			r.Values = append(r.Values, j.value(w.pieces, seconds))
		}
	}
	for i, w := range at {
		if w == nil {
			continue
		}
		if err := w.stop(); err != nil && results[i].Problem == "" {
			results[i].Problem = lastLine(err)
		}
		results[i].Memory = w.peak
		h.tell(j, results[i])
	}
	return results, nil
}

// enter starts a contestant, checks its numbers, and finds the number of pieces of a
// round. These rounds are not counted.
func (h *harness) enter(j job, c contestant) (*worker, error) {
	cmd, err := h.command(c, j, h.own(j, c))
	if err != nil {
		return nil, err
	}
	if err := clear(h.own(j, c)); err != nil {
		return nil, err
	}
	w, err := start(c, cmd)
	if err != nil {
		return nil, err
	}
	if c.Does == "" {
		err = disagreement(h.own(j, reference(j)), h.own(j, c), j.Precision)
	}
	if err == nil {
		if j.Most > 0 {
			j.Most = min(j.Most, h.size.perClass*len(dataset.SyntheticClasses))
			j.Least = min(j.Least, j.Most)
		}
		w.pieces = j.pieces(0, 1, 0)
		var seconds float64
		if seconds, err = w.round(w.pieces); err == nil {
			first := w.pieces
			if w.pieces = j.pieces(first, seconds, h.round.Seconds()); w.pieces != first {
				_, err = w.round(w.pieces)
			}
		}
	}
	if err != nil {
		return nil, w.fail(err)
	}
	return w, nil
}

// measureCold runs processes, in turn. The first run of each, which may read
// its files from the disk, is not counted.
func (h *harness) measureCold(ctx context.Context, j job, contestants []contestant) ([]Result, error) {
	results := make([]Result, len(contestants))
	for round := range h.rounds + 1 {
		for k := range contestants {
			i := (round + k) % len(contestants) // a different one begins each round
			c, r := contestants[i], &results[i]
			r.Job, r.Contestant = j.Name, c.Name
			if r.Problem != "" {
				continue
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if err := clear(h.own(j, c)); err != nil {
				return nil, err
			}
			cmd, err := h.command(c, j, h.own(j, c))
			var seconds float64
			var most int64
			if err == nil {
				seconds, most, err = once(cmd)
			}
			if err != nil {
				h.say("  %s: %v", c.Name, err)
				r.Problem = lastLine(err)
				continue
			}
			if round > 0 {
				r.Values = append(r.Values, j.value(1, seconds))
			}
			r.Memory = max(r.Memory, most)
		}
	}
	for _, r := range results {
		h.tell(j, r)
	}
	return results, nil
}

func (h *harness) tell(j job, r Result) {
	if r.Problem == "" {
		h.say("  %-32s %8s %s", r.Contestant, figure(r.Median()), j.Unit)
	}
}

// own returns a contestant's folder for a job.
func (h *harness) own(j job, c contestant) string {
	return h.path("out", j.Name, strings.NewReplacer(", ", "-", " ", "-").Replace(c.Name))
}

// clear creates an empty folder.
func clear(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.MkdirAll(dir, 0o777)
}

// flatness runs "oscar explain" on folders of several sizes, made of links to the same
// files, and returns the peak memory of each in bytes.
func (h *harness) flatness(ctx context.Context) ([]Folder, error) {
	h.say("Memory of folder runs of %v images", h.flat)
	text, err := os.ReadFile(h.path("files.txt"))
	if err != nil {
		return nil, err
	}
	files := strings.Split(strings.TrimSpace(string(text)), "\n")
	var out []Folder
	for _, n := range h.flat {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		links, explained := h.path("out", "links"), h.path("out", "explained")
		if err := errors.Join(clear(links), os.RemoveAll(explained)); err != nil {
			return nil, err
		}
		for i := range n {
			if err := os.Link(files[i%len(files)], filepath.Join(links, fmt.Sprintf("%05d.jpg", i))); err != nil {
				return nil, err
			}
		}
		c := contestant{Name: oscar}
		cmd, err := h.command(c, job{Name: flat, Cold: true}, h.path("out"))
		if err != nil {
			return nil, err
		}
		cmd.Args = []string{cmd.Args[0], "explain", h.model(), links, "--out", explained}
		seconds, most, err := once(cmd)
		if err != nil {
			return nil, err
		}
		h.say("  %6d images: %s, %s images/s", n, memory(most), figure(float64(n)/seconds))
		out = append(out, Folder{Images: n, Memory: most, Seconds: seconds})
		if err := errors.Join(os.RemoveAll(links), os.RemoveAll(explained)); err != nil {
			return nil, err
		}
	}
	return out, nil
}
