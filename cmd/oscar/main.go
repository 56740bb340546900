// Command oscar trains image classifiers, shows what they look at, and exports them as SavedModels
// that explain themselves. It uses TensorFlow's C library.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/internal/quiet"
	"oscar/internal/text"
	"oscar/pipeline"
	"oscar/result"
	"oscar/verify"
)

// version is set by the linker.
var version = "devel"

// Exit codes.
const (
	exitOK          = 0
	exitFailed      = 1   // the job failed
	exitUsage       = 2   // wrong flags or arguments
	exitInterrupted = 3   // stopped by a signal; everything needed to resume was saved
	exitLimit       = 4   // oscar compare: a limit is exceeded
	exitAborted     = 130 // stopped immediately by a second signal
	// A crash of oscar or TensorFlow, which is a bug, ends with SIGABRT: 134.
)

func main() {
	crashBySignal()
	os.Exit(run(os.Args[1:]))
}

// crashBySignal makes a panic in any goroutine end the process with SIGABRT, as a failed check in
// TensorFlow does. By default the exit status would be exitUsage. No core file is written.
func crashBySignal() {
	debug.SetTraceback("crash")
	var core syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_CORE, &core) == nil {
		core.Cur = 0
		syscall.Setrlimit(syscall.RLIMIT_CORE, &core)
	}
}

func run(args []string) int {
	if err := quiet.Start(); err != nil {
		fmt.Fprintf(os.Stderr, "oscar: %v\n", err)
		return exitFailed
	}
	result.Version = version
	pipeline.AdoptNotice = func(notice string) { fmt.Fprintf(os.Stderr, "oscar: %s\n", text.Printable(notice)) }
	pipeline.ReadOtherJPEGs()
	// Exceeding ulimit -f becomes an error, as a full disk is.
	signal.Ignore(syscall.SIGXFSZ)
	ctx, stop := signalContext(args)
	defer stop()
	return call(ctx, args, os.Stdout, os.Stderr)
}

// call runs the command line, prints errors and returns the exit
// status.
func call(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cmd := newRoot()
	cmd.SetArgs(args)
	printed, said := &text.Writer{To: stdout}, &text.Writer{To: stderr}
	stderr = said
	cmd.SetOut(printed)
	err := cmd.ExecuteContext(result.WithCommand(ctx, append([]string{"oscar"}, args...)))
	if errors.Is(err, context.Canceled) && !errors.Is(err, pipeline.ErrInterrupted) {
		err = pipeline.ErrInterrupted // the verb has nothing to save
	}
	if printed.Err != nil && (err == nil || errors.Is(err, printed.Err)) {
		err = fmt.Errorf("cannot write to standard output: %w", paths.TrimError(printed.Err))
	}
	if d, damaged := errors.AsType[*checksum.Damage](err); damaged && d.Remedy == "" {
		err = fmt.Errorf("%w; %s", err, verify.Remedy(d))
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
	case exceeds(err):
		return exitLimit
	case wrongCall:
		if usage.command != "" {
			fmt.Fprintf(stderr, "oscar: see \"%s --help\"\n", usage.command)
		}
		return exitUsage
	}
	return exitFailed
}

// usageError is an error about flags or arguments.
type usageError struct {
	error
	command string
}

func (e usageError) Unwrap() error { return e.error }

// unfinished returns what a verb can still finish after a signal.
func unfinished(args []string) string {
	if len(args) > 0 && args[0] == "serve" {
		return "requests"
	}
	return "step"
}

// signalContext is canceled by SIGINT, SIGTERM or SIGHUP. A second signal ends the process
// immediately.
func signalContext(args []string) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		if _, ok := <-signals; !ok {
			return
		}
		fmt.Fprintf(os.Stderr, "\noscar: stopping after the %s under way; a second signal stops at once\n", unfinished(args))
		cancel()
		for again := range signals {
			if again != syscall.SIGHUP { // closing a terminal may send several
				os.Exit(exitAborted)
			}
		}
	}()
	return ctx, func() { signal.Stop(signals); close(signals); cancel() }
}
