package main

import (
	"strings"
	"testing"

	"oscar/instance"
)

// An exported detector does not know its epoch, and none is printed.
func TestEpochOfADetector(t *testing.T) {
	for epoch, want := range map[int]string{0: "0 detections", 7: "0 detections, epoch 7"} {
		if line := headline(&instance.Evaluation{Epoch: epoch, Part: "test"}); !strings.HasSuffix(line, want) {
			t.Errorf("epoch %d: %q", epoch, line)
		}
	}
}
