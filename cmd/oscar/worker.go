package main

import (
	"fmt"
	"syscall"

	"github.com/spf13/cobra"

	"oscar/dataset"
	"oscar/internal/text"
	"oscar/pipeline"
	"oscar/worker"
)

func newWorker(*globalFlags) *cobra.Command {
	o := worker.Options{Machine: pipeline.Machine{Limits: dataset.DefaultLimits}}
	bound := false
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Process units of a planned job: JSON lines in and out",
		Long: `Read the units of "oscar plan" from standard input, one per line, process them, and
print the outcome of each as a line of JSON as soon as it is known. Standard output
has nothing else; messages go to standard error. The model stays open from unit to
unit. docs/formats.md describes both lines.

A finished unit is not computed again. Two workers may get the same unit: the second
waits for the first. The outcome of a failed unit has "ok":false and the error, and
"retry":true if trying again may help, as after a full disk. The worker continues
with the next unit. An image that cannot be read is not a failure: it has a row with
the reason.

The exit status is 0 if all units were done, 1 if one failed, 3 after a signal. A
killed worker loses only its unit; give it to another one. With several workers on a
machine divide its processors by --threads.`,
		Example: `  oscar worker < units.jsonl > outcomes.jsonl
  awk NR%4==1 units.jsonl | oscar worker --threads 2`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Machine.Check(); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			if bound {
				if err := endWithParent(); err != nil {
					return err
				}
			}
			var none string
			if err := storeFlagsOf(cmd, &none, &o.Scratch); err != nil {
				return err
			}
			s := newScreen()
			o.Listener.OnNote = func(text string) { s.line("note: %s", text) }
			failed, err := worker.Run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), o)
			if err == nil && failed > 0 {
				err = fmt.Errorf("%s failed", text.Count(failed, "unit"))
			}
			return err
		},
	}
	machineFlags(cmd, &o.Machine)
	trustFlag(cmd, &o.Machine.Trust)
	scratchFlag(cmd.Flags())
	cmd.Flags().BoolVar(&bound, "end-with-parent", false, "end at once when the process that started the worker ends")
	return cmd
}

// endWithParent makes the system kill this process when its parent ends.
func endWithParent() error {
	parent := syscall.Getppid()
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0); errno != 0 {
		return fmt.Errorf("prctl: %w", errno)
	}
	if syscall.Getppid() != parent { // the parent has already ended
		return syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
	}
	return nil
}
