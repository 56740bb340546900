package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"oscar/internal/atomicfile"
	"oscar/pipeline"
	"oscar/result"
)

func TestRetry(t *testing.T) {
	for _, err := range []error{
		fmt.Errorf("write: %w", syscall.ENOSPC), fmt.Errorf("dir %w", atomicfile.ErrInUse), &os.PathError{Op: "open", Path: "x", Err: syscall.EIO}, os.ErrNotExist,
		errors.New("save x: x.tempstate1; File too large"), // as TensorFlow says it
	} {
		if !retry(err) {
			t.Errorf("%v: want another try", err)
		}
	}
	for _, err := range []error{errors.New("another model"), os.ErrPermission} {
		if retry(err) {
			t.Errorf("%v: want no other try", err)
		}
	}
}

// The outcome of a line is there before the next line is.
func TestRunAnswersEachLine(t *testing.T) {
	in, lines := io.Pipe()
	outcomes, out := io.Pipe()
	go func() {
		_, err := Run(t.Context(), in, out, Options{})
		out.CloseWithError(err)
	}()
	answers := json.NewDecoder(outcomes)
	for i := range 3 {
		fmt.Fprintf(lines, "{\"format\":1,\"id\":\"%d\",\"verb\":\"none\",\"from\":\"/\",\"out\":\"x\",\"number\":0}\n\n", i)
		var o result.Outcome
		if err := answers.Decode(&o); err != nil || o.OK || o.ID != fmt.Sprint(i) || !strings.Contains(o.Error, "no units of") {
			t.Fatalf("%+v, %v", o, err)
		}
	}
	lines.Close()
	if err := answers.Decode(&result.Outcome{}); err != io.EOF {
		t.Errorf("after the last line: %v", err)
	}
}

// Run ends when it is stopped, though its input waits.
func TestRunIsStopped(t *testing.T) {
	in, _ := io.Pipe()
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, err := Run(ctx, in, &bytes.Buffer{}, Options{})
		ended <- err
	}()
	cancel()
	if err := <-ended; !errors.Is(err, pipeline.ErrInterrupted) {
		t.Error(err)
	}
}
