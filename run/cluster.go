package run

import (
	"context"
	"errors"
	"fmt"

	"oscar/cluster"
)

// maxFaults is the maximum number of failed steps on a cluster without a new checkpoint.
const maxFaults = 20

// fitOnCluster is Fit on a cluster. After a failed step it waits for the workers, and continues from
// the newest checkpoint in a new session.
func (r *Run) fitOnCluster(ctx context.Context, machine Machine, config Config, listener Listener) error {
	note := func(text string) { listener.Note(text) }
	workers := *machine.Cluster
	workers.Precision = config.Precision
	at, faults := -1, 0
	for {
		listener.Stage("asking the workers")
		on, err := workers.Join(ctx, machine.Threads, note)
		if ctx.Err() != nil {
			return fmt.Errorf("%w while workers were waited for; continue with --resume %s", ErrInterrupted, r.Dir)
		} else if err != nil {
			return fmt.Errorf("%w; continue with --resume %s", err, r.Dir)
		}
		config.Cluster = on
		err = r.fit(ctx, machine, config, listener)
		fault, ok := errors.AsType[*cluster.Fault](err)
		if !ok {
			return err
		}
		step := 0
		if s, _, err := r.checkpoints().newest(); err == nil {
			step = s.Step
		}
		if step != at {
			at, faults = step, 0
		}
		if faults++; faults == maxFaults {
			return fmt.Errorf("the cluster failed %d times after step %d, at last: %w", faults, step, fault)
		}
		listener.Note(fmt.Sprintf("a step failed: %s; continuing after step %d", fault, step))
	}
}
