package run

import (
	"context"
	"errors"

	"oscar/internal/resultdir"
	"oscar/result"
)

// Release unlocks a folder of results at the end of a job with the error *err. If the job succeeded,
// or was interrupted and saved something, Release first records the command line, while no other
// process can write to the folder; see [result.RecordIn].
func Release(ctx context.Context, dir *resultdir.Dir, err *error) {
	done := *err == nil || errors.Is(*err, ErrInterrupted)
	if done && result.RecordsIn(ctx, dir.Path) && dir.HasResults() {
		if failed := result.RecordCommand(context.WithoutCancel(ctx), dir.Path); *err == nil {
			*err = failed
		}
	}
	dir.Close()
}
