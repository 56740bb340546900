package testkit

import (
	"testing"

	"oscar/internal/machine"
)

// BFloat16 skips a test on a processor that cannot compute in bfloat16.
func BFloat16(t testing.TB) {
	t.Helper()
	if err := machine.BFloat16.Check(); err != nil {
		t.Skip(err)
	}
}
