package atomicfile

import (
	"os"

	"golang.org/x/sys/unix"
)

// umask has the permission bits that the user denies to new files. Reading it requires
// setting it, so it is read once, before anything else runs.
var umask = func() os.FileMode {
	mask := unix.Umask(0)
	unix.Umask(mask)
	return os.FileMode(mask).Perm()
}()
