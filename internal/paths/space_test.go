package paths

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
)

func TestIsNoSpace(t *testing.T) {
	for _, err := range []error{
		fmt.Errorf("write x: %w", syscall.ENOSPC), syscall.EDQUOT, syscall.EFBIG,
		errors.New("variables.data-00000-of-00001; No space left on device"), errors.New("x; File too large"), errors.New("x: disk quota exceeded"),
	} {
		if !IsNoSpace(err) {
			t.Errorf("%v is not about space", err)
		}
	}
	for _, err := range []error{syscall.EIO, errors.New("the image is too large")} {
		if IsNoSpace(err) {
			t.Errorf("%v is about space", err)
		}
	}
}
