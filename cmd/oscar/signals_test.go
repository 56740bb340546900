package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// signalTries is the number of times that each signal is sent to each verb.
var signalTries = flag.Int("signals", 0, "tries of each signal for each verb; 0: one signal for some verbs")

// signals are what is sent: one or two.
var signals = []struct {
	name string
	send []os.Signal
	want []int // exit statuses of a verb that the signal reaches before it ends
}{
	{"SIGINT", []os.Signal{syscall.SIGINT}, []int{exitInterrupted}},
	{"SIGTERM", []os.Signal{syscall.SIGTERM}, []int{exitInterrupted}},
	{"SIGHUP", []os.Signal{syscall.SIGHUP}, []int{exitInterrupted}},
	{"SIGPIPE", []os.Signal{syscall.SIGPIPE}, nil}, // of a kill: it is ignored
	{"twice", []os.Signal{syscall.SIGINT, syscall.SIGTERM}, []int{exitInterrupted, exitAborted}},
}

// TestSignals sends signals to verbs at random times. The status is the documented
// one, and the same command, or --resume, makes what an undisturbed one makes.
func TestSignals(t *testing.T) {
	for number, v := range victims {
		if *signalTries == 0 && (v.long || number%4 != 0) {
			continue
		}
		t.Run(v.verb, func(t *testing.T) {
			x := newTorture(t, v)
			begin := time.Now()
			_, want, stable := x.undisturbed()
			took := time.Since(begin) / 2
			for i, s := range signals {
				if *signalTries == 0 && i != number%len(signals) {
					continue
				}
				random := rand.New(rand.NewPCG(*campaignSeed, uint64(i)))
				tried, ended, lost := 0, map[int]int{}, 0
				for range max(*signalTries, 1) {
					at := time.Duration(random.Int64N(int64(took)))
					dir := x.fresh()
					status, said := x.disturb(dir, at, s.send)
					tried++
					ended[status]++
					if problem := x.afterSignal(dir, status, said, s.want, want, stable); problem != "" {
						t.Errorf("%s after %v: %s", s.name, at, problem)
						lost++
					}
				}
				if *updateReliability {
					updateRow(t, "signals", 2, []string{
						"`" + v.verb + "`", s.name, strconv.Itoa(tried), strconv.Itoa(ended[0]), strconv.Itoa(ended[exitInterrupted]),
						strconv.Itoa(ended[exitAborted]), strconv.Itoa(ended[-1]), strconv.Itoa(lost),
					})
				}
			}
		})
	}
}

// disturb calls the verb and sends it signals, the first after a time. The status is
// -1 if a signal ended it.
func (x torture) disturb(dir string, at time.Duration, send []os.Signal) (int, string) {
	var said strings.Builder
	cmd := x.command(dir, "oscar", x.args)
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		x.t.Fatal(err)
	}
	hang := time.AfterFunc(time.Minute, func() {
		x.t.Errorf("it did not end for a minute: %s", said.String())
		cmd.Process.Kill()
	})
	time.Sleep(at)
	for i, s := range send {
		if i > 0 {
			time.Sleep(5 * time.Millisecond)
		}
		_ = cmd.Process.Signal(s) // it may have ended
	}
	_ = cmd.Wait()
	hang.Stop()
	return cmd.ProcessState.ExitCode(), strings.TrimSpace(said.String())
}

// afterSignal returns what is wrong, in words.
func (x torture) afterSignal(dir string, status int, said string, allowed []int, want map[string]string, stable []string) string {
	begun := said != "" // before that Go's own handling may end it: nothing was done
	if status != 0 && !slices.Contains(allowed, status) && (begun || status != -1) {
		return fmt.Sprintf("status %d, %s", status, said)
	}
	if status != 0 {
		again := x.args
		if x.begun(dir) {
			again = x.again
		}
		if status, said := x.call(dir, "", again); status != 0 && !whole(said) {
			return fmt.Sprintf("the command after it: status %d, %s", status, said)
		}
	}
	if status, said := x.follow(dir); status != 0 {
		return fmt.Sprintf("oscar %s: status %d, %s", x.after, status, said)
	}
	got := tree(x.t, dir)
	if !slices.Equal(keys(got), keys(want)) {
		return fmt.Sprintf("files %v, want %v", keys(got), keys(want))
	}
	return x.differing(got, want, stable)
}
