package paths

import (
	"errors"
	"strings"
	"syscall"
)

// IsNoSpace reports whether an error is about a full disk, a quota or a limit of file sizes. It also
// compares the text, because errors of TensorFlow or of another process have nothing else.
func IsNoSpace(err error) bool {
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(err, full) || strings.Contains(strings.ToLower(err.Error()), full.Error()) {
			return true
		}
	}
	return false
}
