package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"oscar/internal/atomicfile"
	"oscar/internal/machine"
	"oscar/internal/quiet"
)

func main() {
	if err := quiet.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 4 && args[0] == "worker" {
		return work(ctx, args[1], args[2], args[3])
	}
	if len(args) > 3 && args[0] == "prepare" {
		h := &harness{dir: args[1], size: whole}
		if args[2] == "short" {
			h.size = small
		}
		return h.prepareAll(ctx, args[3:])
	}
	if len(args) == 2 && args[0] == "parts" {
		return measureParts(ctx, args[1])
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	short := flags.Bool("short", false, "at most three rounds, short ones of little work, to see whether everything works; the page goes into -dir")
	only := flags.String("jobs", "", "jobs to do, separated by commas; memory and parts are of folder runs, growth is of verbs; default all but growth")
	rounds := flags.Int("rounds", 5, "rounds that count")
	seconds := flags.Float64("seconds", 0.5, "about the seconds of a round")
	alone := flags.Bool("alone", false, "oscar with nobody beside it, and no Python packages")
	dir := flags.String("dir", "runs/bench", "the folder for the material, made once, and for the results of partial runs")
	shared := flags.Bool("shared", false, "the page says that other work ran on the machine")
	add := flags.Bool("add", false, "with -jobs: the page and numbers of an earlier run, on the same machine, with these jobs in place of its own")
	page := flags.String("page", "", "the page to write; default docs/performance.md of a whole run, else in -dir")
	results := flags.String("results", "", "the numbers to write; default bench/results.json of a whole run, else in -dir")
	command := flags.String("command", "go run ./bench "+strings.Join(args, " "), "what the page says that wrote it")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if _, err := os.Stat("bench/common.py"); err != nil {
		return errors.New("run it at the root of the repository: make bench")
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	folder, other := *dir, *dir // folders of the page and of the numbers
	if !*short && !*alone && (*only == "" || *add) {
		folder, other = "docs", "bench" // only for complete runs, unless -dir is given
	}
	*page = cmp.Or(*page, filepath.Join(folder, "performance.md"))
	*results = cmp.Or(*results, filepath.Join(other, "results.json"))
	h := &harness{dir: filepath.Join(*dir, "material"), rounds: *rounds, round: time.Duration(*seconds * float64(time.Second)), size: whole, flat: []int{1000, 5000}, installed: map[string]installed{}}
	if *short {
		h.dir, h.size = filepath.Join(*dir, "material-short"), small
		h.rounds, h.round, h.flat = min(h.rounds, 3), min(h.round, time.Second/4), []int{100, 200}
	}
	p := &Report{
		Command: strings.TrimSpace(*command), Commit: commit(), Date: time.Now().UTC().Format(time.DateOnly), Load: load(),
		Processor: machine.Processor(), Processors: runtime.NumCPU(), Memory: machine.Memory(),
		Rounds: h.rounds, Seconds: h.round.Seconds(), Samples: h.size.samples, Numbers: *results, Shared: *shared,
	}
	partial := filepath.Join(*dir, "partial.json")
	p.resume(partial)
	if *add {
		var earlier Report
		if err := atomicfile.ReadJSON(*results, &earlier); err != nil {
			return fmt.Errorf("-add: %w", err)
		}
		if p, err = earlier.with(p); err != nil {
			return err
		}
	}
	asked := strings.Split(*only, ",")
	if err := h.prepareApart(ctx, materialOf(chosen, asked)); err != nil {
		return err
	}
	for _, j := range chosen {
		if p.has(j) && !*add {
			h.say("%s: measured before this run was stopped", j.Title)
			continue
		}
		by := of(j)
		if *alone {
			by = slices.DeleteFunc(by, func(c contestant) bool { return c.Packages != "" })
		}
		r, err := h.measure(ctx, j, by)
		if err != nil {
			return fmt.Errorf("%s: %w", j.Name, err)
		}
		p.put(j, r)
		if err := atomicfile.WriteJSON(partial, p); err != nil { // the results so far, in case the run is stopped
			return err
		}
	}
	if *only == "" && p.Parts == nil || slices.Contains(asked, partsJob) {
		if p.Parts, err = h.parts(ctx); err != nil {
			return err
		}
		p.credit(partsTitle)
	}
	if slices.Contains(asked, growth) {
		p.Growth = &Growth{Command: strings.TrimSpace(*command), Commit: commit(), Date: time.Now().UTC().Format(time.DateOnly), Shared: *shared}
		e := wholeExtent
		if *short {
			e = smallExtent
		}
		if p.Growth.Costs, err = h.grow(ctx, e); err != nil {
			return err
		}
	} else if p.Growth == nil {
		p.keepGrowth(*results)
	}
	if *only == "" && p.Folders == nil || slices.Contains(asked, flat) {
		if p.Folders, err = h.flatness(ctx); err != nil {
			return err
		}
		p.credit(foldersTitle)
	}
	p.settle()
	p.judge()
	text, err := p.Page()
	if err != nil {
		return err
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(*page), 0o777), atomicfile.WriteJSON(*results, p), atomicfile.Write(*page, []byte(text))); err != nil {
		return err
	}
	if err := os.Remove(partial); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	h.say("wrote %s and %s", *page, *results)
	return p.problems()
}

// flat is the name of the memory of folder runs for -jobs. It is not a job: only oscar has it.
const flat = "memory"

// choose finds jobs by name; an empty list means all that the processor can do.
func choose(names string) ([]job, error) {
	possible := slices.Clone(jobs)
	if !machine.HasBFloat16() {
		possible = slices.DeleteFunc(possible, func(j job) bool { return j.Precision == machine.BFloat16 })
	}
	if names == "" {
		return possible, nil
	}
	var out []job
	for name := range strings.SplitSeq(names, ",") {
		if name == flat || name == partsJob || name == growth {
			continue
		}
		at := slices.IndexFunc(possible, func(j job) bool { return j.Name == name })
		if at < 0 {
			var have []string
			for _, j := range possible {
				have = append(have, j.Name)
			}
			return nil, fmt.Errorf("no job %q; have %s", name, strings.Join(append(have, flat, partsJob, growth), ", "))
		}
		out = append(out, possible[at])
	}
	return out, nil
}

// materialOf returns the names of the material for jobs and other names that were asked for.
func materialOf(chosen []job, asked []string) (names []string) {
	other := slices.ContainsFunc(asked, func(name string) bool { return name == flat || name == partsJob })
	if other || slices.ContainsFunc(chosen, func(j job) bool { return !j.Scenes }) {
		names = append(names, classifierMaterial)
	}
	if slices.ContainsFunc(chosen, func(j job) bool { return j.Scenes }) {
		names = append(names, detectorMaterial)
	}
	return names
}

// commit returns the output of git describe.
func commit() string {
	b, err := exec.Command("git", "describe", "--tags", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}

// load returns the machine's load before the run.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(b))
	if err != nil || len(fields) < 3 {
		return "unknown"
	}
	return strings.Join(fields[:3], ", ")
}
