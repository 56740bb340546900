// Command oscar trains image classifiers with TensorFlow's kernels, shows what
// they look at, and ships them as SavedModels that explain themselves.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"oscar/internal/quiet"
	"oscar/pipeline"
	"oscar/result"
)

// version is set by the linker.
var version = "devel"

// Exit codes.
const (
	exitOK          = 0
	exitFailed      = 1   // the work could not be done
	exitUsage       = 2   // flags or arguments are wrong
	exitInterrupted = 3   // stopped by a signal; what is needed to go on was saved
	exitAborted     = 130 // a second signal: stopped at once
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	if err := quiet.Start(); err != nil {
		fmt.Fprintf(os.Stderr, "oscar: %v\n", err)
		return exitFailed
	}
	result.Version = version
	pipeline.AdoptNotice = func(text string) { fmt.Fprintf(os.Stderr, "oscar: %s\n", text) }
	pipeline.ReadOtherJPEGs()
	// A file that grows beyond ulimit -f is an error like a full disk, not the end.
	signal.Ignore(syscall.SIGXFSZ)
	ctx, stop := signalContext()
	defer stop()
	return call(ctx, args, os.Stdout, os.Stderr)
}

// call does what the arguments say, tells what went wrong and returns the exit
// code.
func call(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cmd := newRoot()
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	err := cmd.ExecuteContext(context.WithValue(ctx, commandLine{}, args))
	if errors.Is(err, context.Canceled) && !errors.Is(err, pipeline.ErrInterrupted) {
		err = pipeline.ErrInterrupted // of a verb that has nothing to save
	}
	if err != nil {
		fmt.Fprintf(stderr, "oscar: %v\n", err)
	}
	usage, wrongCall := errors.AsType[usageError](err)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, pipeline.ErrInterrupted):
		return exitInterrupted
	case wrongCall:
		if usage.command != "" {
			fmt.Fprintf(stderr, "oscar: see \"%s --help\"\n", usage.command)
		}
		return exitUsage
	}
	return exitFailed
}

// usageError is an error in how oscar was called.
type usageError struct {
	error
	command string
}

func (e usageError) Unwrap() error { return e.error }

// signalContext is cancelled by SIGINT or SIGTERM; a second one ends the
// process at once.
func signalContext() (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		if _, ok := <-signals; !ok {
			return
		}
		fmt.Fprintln(os.Stderr, "\noscar: stopping after the step under way; a second signal stops at once")
		cancel()
		if _, ok := <-signals; ok {
			os.Exit(exitAborted)
		}
	}()
	return ctx, func() { signal.Stop(signals); close(signals); cancel() }
}
